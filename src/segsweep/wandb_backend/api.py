"""The user's W&B server through the wandb client: runs, the sweep of the study, and errors."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wandb

from segsweep.core.checked_json import read_checked_json, write_checked_json
from segsweep.core.errors import UserError
from segsweep.core.files import locked, write_yaml
from segsweep.core.scratch import scratch_variables, wandb_api_scratch, wandb_scratch
from segsweep.pipeline.cache import cache_root
from segsweep.wandb_backend.agent import sweep_id
from segsweep.wandb_backend.settings import RunTarget

if TYPE_CHECKING:
    from wandb.apis.public import Run as OnlineRun

REQUEST_TIMEOUT, SWEEP_TIMEOUT = 10, 30
"""Seconds for one request to the server, and for creating a sweep."""


class WandbServer:
    """The W&B server in WANDB_BASE_URL, or the default one, for one project.

    The wandb client raises exceptions of many classes if the server does not answer.

    Raises:
        UserError: There is no API key or no entity.
    """

    def __init__(self, target: RunTarget) -> None:
        try:
            self.api = wandb.Api(timeout=REQUEST_TIMEOUT)
        except wandb.errors.UsageError as error:
            raise missing_key_error(error) from error
        self.url = str(self.api.settings["base_url"])
        entity = target.entity or self.api.settings["entity"] or self.api.default_entity
        if not entity:
            raise UserError(
                f"wandb.entity: found none, and {self.url} has no default entity for your key, "
                "expected the user or team that owns the runs; set it in the study"
            )
        self.entity = str(entity)
        self.project = target.project

    def run(self, run_id: str) -> "OnlineRun":
        """Return a run as it is on the server now (a new `Api`, because an `Api` caches runs)."""
        return wandb.Api(timeout=REQUEST_TIMEOUT).run(f"{self.entity}/{self.project}/{run_id}")

    def run_ids(self, sweep: str) -> set[str]:
        """Return the ids of the runs in a sweep."""
        path = f"{self.entity}/{self.project}/{sweep}"
        return {run.id for run in wandb.Api(timeout=REQUEST_TIMEOUT).sweep(path).runs}

    def find_or_create_sweep(self, sweep: dict[str, Any], runs: Sequence[str] = ()) -> str:
        """Return the server's id of a study's sweep, which is created on the first call.

        Concurrent calls wait for each other. The id is saved in the cache. If a process was killed
        before it saved the id, the sweep is found by its name.

        Args:
            sweep: The W&B sweep configuration.
            runs: Ids of runs on the server that a new sweep adopts.
        """
        named = with_name(sweep)
        with self._locked_id_file(named["name"]) as file:
            server_id = read_checked_json(file)
            if server_id is None or not self.has_sweep(server_id):
                server_id = self._sweep_named(named["name"])
            if server_id is None:
                error = self._wandb_sweep(named, runs)
                server_id = self._sweep_named(named["name"])
                if server_id is None:
                    raise LookupError(error or "`wandb sweep` created no sweep")
            write_checked_json(file, server_id)
        return str(server_id)

    def add_runs(self, server_id: str, sweep: dict[str, Any], runs: Sequence[str]) -> str:
        """Add runs on the server to a sweep on the server; return the error, or ""."""
        update = ("--update", f"{self.entity}/{self.project}/{server_id}")
        return self._wandb_sweep(with_name(sweep), runs, *update)

    def _wandb_sweep(self, sweep: dict[str, Any], runs: Sequence[str], *options: str) -> str:
        """Run `wandb sweep`; return the error that it printed, or ""."""
        with wandb_scratch() as scratch:
            config = scratch / "sweep.yaml"
            write_yaml(config, sweep)
            command = [sys.executable, "-m", "wandb", "sweep", *options]
            command += ["--entity", self.entity, "--project", self.project]
            command += [word for run in runs for word in ("--prior_run", run)]
            try:
                done = subprocess.run(
                    [*command, str(config)],
                    env=os.environ | scratch_variables(scratch) | {"WANDB_SILENT": "false"},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    timeout=SWEEP_TIMEOUT,
                )
            except subprocess.TimeoutExpired as expired:
                raise TimeoutError(
                    f"`wandb sweep` did not end within {expired.timeout:.0f} s"
                ) from expired
        return last_error(done.stdout)

    @contextmanager
    def _locked_id_file(self, name: str) -> Iterator[Path]:
        """Yield the file with the server's id of a sweep, locked for this process."""
        sweep = json.dumps([self.url, self.entity, self.project, name])
        file = cache_root() / "wandb" / f"{hashlib.sha256(sweep.encode()).hexdigest()[:16]}.json"
        with locked(file.with_suffix(".lock")):
            yield file

    def has_sweep(self, server_id: str) -> bool:
        """Return whether the project on the server has a sweep of this id."""
        with _ignoring_not_found():
            self.api.sweep(f"{self.entity}/{self.project}/{server_id}")
            return True
        return False

    def _sweep_named(self, name: str) -> str | None:
        with _ignoring_not_found():  # the project may not exist yet
            sweeps = list(self.api.project(self.project, self.entity).sweeps())
            return next((sweep.id for sweep in sweeps if sweep.config.get("name") == name), None)
        return None


@contextmanager
def _ignoring_not_found() -> Iterator[None]:
    """Ignore the error of the wandb client for something that does not exist."""
    try:
        yield
    except (ValueError, wandb.errors.CommError) as error:
        if not str(error).startswith("Could not find"):
            raise


def with_name(sweep: dict[str, Any]) -> dict[str, Any]:
    """Return a sweep configuration with the name by which a server can find it."""
    return {"name": f"{sweep['project']}-{sweep_id(sweep)}", **sweep}


def connect(target: RunTarget) -> WandbServer:
    """Return the server.

    Raises:
        UserError: There is no API key, no entity or no answer.
    """
    try:
        return WandbServer(target)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"W&B: cannot reach the server ({format_error(error)}), expected one that accepts your "
            "key; check WANDB_BASE_URL and `wandb login`, and try again"
        ) from error


@wandb_api_scratch()
def server_sweep_id(target: RunTarget, sweep: dict[str, Any]) -> str | None:
    """Return the server's id of the sweep; print a line and return None if it does not answer.

    Raises:
        UserError: There is no API key or no entity.
    """
    try:
        return WandbServer(target).find_or_create_sweep(sweep)
    except UserError:
        raise
    except Exception as error:
        print(
            f"W&B: cannot find or create the sweep ({format_error(error)}); the trial's run is "
            "streamed without it",
            flush=True,
        )
        return None


def format_error(error: BaseException) -> str:
    """Return the first line of what the wandb client reports."""
    return " ".join((str(error) or type(error).__name__).splitlines()[0].split())


def missing_key_error(error: BaseException) -> UserError:
    """Return the `UserError` for a missing or malformed API key."""
    return UserError(
        f"W&B: found no usable API key ({format_error(error)}), expected one in WANDB_API_KEY or "
        "from `wandb login`; `wandb.mode: offline` in the study needs none"
    )


def last_error(output: str) -> str:
    """Return the last error that the `wandb` command printed; "" if there is none."""
    errors = [line for line in output.splitlines() if "ERROR" in line or "Error:" in line]
    return re.split("ERROR|Error:", errors[-1], maxsplit=1)[1].strip() if errors else ""
