"""The user's W&B server, asked by W&B's own client: who is logged in, and the study's sweep."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wandb

from segsweep.core.errors import UserError
from segsweep.core.files import locked, read_json, write_json, write_yaml
from segsweep.pipeline.cache import root
from segsweep.wandb_backend.agent import sweep_id
from segsweep.wandb_backend.settings import Destination

if TYPE_CHECKING:
    from wandb.apis.public import Run as OnlineRun

PATIENCE, SWEEP_PATIENCE = 10, 30
"""Seconds that one question to the server, and the making of a sweep, may take."""


def no_key(error: BaseException) -> UserError:
    """What W&B's client says of a missing or misshapen key, as one sentence."""
    return UserError(
        f"W&B: found no key that can be used ({in_a_line(error)}), expected one in WANDB_API_KEY "
        "or from `wandb login`; with wandb.mode: offline training needs none"
    )


class Server:
    """The server that WANDB_BASE_URL or W&B's default names, for one project.

    Raises `UserError` without a key or an entity, and what W&B's client raises where the server
    does not answer: exceptions of many kinds, some of them plain.
    """

    def __init__(self, to: Destination) -> None:
        try:
            self.api = wandb.Api(timeout=PATIENCE)
        except wandb.errors.UsageError as error:
            raise no_key(error) from error
        self.url = str(self.api.settings["base_url"])
        entity = to.entity or self.api.settings["entity"] or self.api.default_entity
        if not entity:
            raise UserError(
                f"wandb.entity: found none, and {self.url} gives your key no default, expected the "
                "user or team that the runs belong to; set it in the study"
            )
        self.entity = str(entity)
        self.project = to.project

    def run(self, run: str) -> "OnlineRun":
        """A run as the server has it now (an Api remembers those it was asked for)."""
        return wandb.Api(timeout=PATIENCE).run(f"{self.entity}/{self.project}/{run}")

    def runs_in(self, sweep: str) -> set[str]:
        """The ids of a sweep's runs."""
        path = f"{self.entity}/{self.project}/{sweep}"
        return {run.id for run in wandb.Api(timeout=PATIENCE).sweep(path).runs}

    def sweep(self, sweep: dict[str, Any], runs: Sequence[str] = ()) -> str:
        """The server's id of a study's sweep, which is created the first time it is asked for.

        Whoever asks meanwhile waits. The id is kept in the store; after a kill between creating and
        keeping, the sweep is found by its name. A new sweep takes in `runs`, ids of runs that the
        server has.
        """
        named = with_name(sweep)
        with self._remembered(named["name"]) as memory:
            found = read_json(memory)["sweep"] if memory.exists() else None
            if found is None or not self._has(found):
                found = self._named(named["name"])
            if found is None:
                said = self._wandb_sweep(named, runs)
                found = self._named(named["name"])
                if found is None:
                    raise LookupError(said or "wandb sweep has made none")
            write_json(memory, {"server": self.url, "sweep": found})
        return str(found)

    def take_in(self, known_as: str, sweep: dict[str, Any], runs: Sequence[str]) -> str:
        """Add runs that the server has to a sweep that it has; returns what went wrong."""
        update = ("--update", f"{self.entity}/{self.project}/{known_as}")
        return self._wandb_sweep(with_name(sweep), runs, *update)

    def _wandb_sweep(self, sweep: dict[str, Any], runs: Sequence[str], *options: str) -> str:
        """Run `wandb sweep`; what came of it, the server is asked. Returns what went wrong."""
        with tempfile.TemporaryDirectory(prefix="segsweep-") as scratch:
            config = Path(scratch) / "sweep.yaml"
            write_yaml(config, sweep)
            command = [sys.executable, "-m", "wandb", "sweep", *options]
            command += ["--entity", self.entity, "--project", self.project]
            command += [word for run in runs for word in ("--prior_run", run)]
            try:
                done = subprocess.run(
                    [*command, str(config)],
                    env=os.environ | {"WANDB_DIR": scratch, "WANDB_SILENT": "false"},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    timeout=SWEEP_PATIENCE,
                )
            except subprocess.TimeoutExpired as expired:
                raise TimeoutError(
                    f"wandb sweep had not ended after {expired.timeout:.0f} s"
                ) from expired
        return error_in(done.stdout)

    @contextmanager
    def _remembered(self, name: str) -> Iterator[Path]:
        """The file that keeps a sweep's id, held by this process alone."""
        place = json.dumps([self.url, self.entity, self.project, name])
        memory = root() / "wandb" / f"{hashlib.sha256(place.encode()).hexdigest()[:16]}.json"
        with locked(memory.with_suffix(".lock")):
            yield memory

    def _has(self, sweep: str) -> bool:
        with _or_nothing():
            self.api.sweep(f"{self.entity}/{self.project}/{sweep}")
            return True
        return False

    def _named(self, name: str) -> str | None:
        with _or_nothing():  # there may be no such project yet
            sweeps = list(self.api.project(self.project, self.entity).sweeps())
            return next((one.id for one in sweeps if one.config.get("name") == name), None)
        return None


@contextmanager
def _or_nothing() -> Iterator[None]:
    """Pass over what W&B's client says where something does not exist, and over nothing else."""
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("Could not find"):
            raise


def with_name(sweep: dict[str, Any]) -> dict[str, Any]:
    """The sweep's configuration with the name by which it is found on a server."""
    return {"name": f"{sweep['project']}-{sweep_id(sweep)}", **sweep}


def asked(to: Destination) -> Server:
    """The server, or `UserError` where there is no key or no answer."""
    try:
        return Server(to)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"W&B cannot be asked ({in_a_line(error)}), expected a server that knows your key; "
            "see WANDB_BASE_URL and `wandb login`, and try again"
        ) from error


def sweep_for_trial(to: Destination, sweep: dict[str, Any]) -> str | None:
    """The server's id of the sweep; None, and a line why, where the server cannot be asked.

    Raises `UserError` without a key or an entity.
    """
    try:
        return Server(to).sweep(sweep)
    except UserError:
        raise
    except Exception as error:
        print(f"W&B: the sweep cannot be asked for ({in_a_line(error)})", flush=True)
        return None


def in_a_line(error: BaseException) -> str:
    """What W&B's client says, without its advice."""
    return " ".join((str(error) or type(error).__name__).splitlines()[0].split())


def error_in(output: str) -> str:
    """The last error among what W&B's command line printed; "" where there is none."""
    errors = [line for line in output.splitlines() if "ERROR" in line or "Error:" in line]
    return re.split("ERROR|Error:", errors[-1], maxsplit=1)[1].strip() if errors else ""
