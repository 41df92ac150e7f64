"""A copy of the project in which tests run the real tools."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]

NAMESPACES = ("unshare", "--mount", "--map-root-user")
"""Gives a test its own file systems (Linux); with --net also a network of loopback alone."""

ANSWER = ("results/best_config.yaml", "results/best/metrics.json")
"""Targets: all trials and the best configuration, without analysis and report."""

SHRUNK: dict[str, Any] = {
    "epochs": 1,
    "batch_size": 8,
    "preprocess": {"input_shape": [32, 32, 1]},
    "model": {"base_channels": 2, "depth": 2},
    "training": {"threads": 1},
    "sweep": {"trials": 4},
    "confirm": {"candidates": 0},
    "wandb": {"images": 2},
}
"""The shipped study made small: fewer pixels, channels, epochs and trials."""


@dataclass
class Project:
    folder: Path

    def run(self, *command: str, check: bool = True, **settings: Any) -> str:
        """Run a command in the project and return stdout and stderr together."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment() | settings.pop("env", {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **settings,
        )
        if check:
            assert done.returncode == 0, f"{' '.join(command)} ended with:\n{done.stdout}"
        return done.stdout

    def snakemake(self, *arguments: str, **settings: Any) -> str:
        return self.run("snakemake", "--cores", "2", *arguments, **settings)

    def nothing_to_be_done(self) -> bool:
        return "Nothing to be done" in self.snakemake("--dry-run")

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        author = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
        self.run("git", *author, "commit", "--quiet", "--message", message)

    def change_study(self, changes: dict[str, Any], name: str = "params.yaml") -> None:
        path = self.folder / name
        study = yaml.safe_load(path.read_text())
        for key, value in changes.items():
            study[key] = {**study[key], **value} if isinstance(value, dict) else value
        path.write_text(yaml.safe_dump(study, sort_keys=False))

    def shrink_study(self, name: str = "params.yaml") -> None:
        self.change_study(SHRUNK, name)


def environment() -> dict[str, str]:
    """Return the environment variables with the tests' tools first on PATH and no W&B settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "DVC_"))}
    tools = str(Path(sys.executable).parent)
    return kept | {"PATH": f"{tools}{os.pathsep}{kept['PATH']}"}


def heed_interrupts() -> None:
    """End the process on SIGINT, also if these tests run in the background of a shell."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def not_as_root() -> Iterator[None]:
    """Drop root's permission to read every file; does nothing for other users."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def segsweep(*arguments: str | Path) -> list[str]:
    """Return the command `segsweep` with the code of this tree, which runs in any folder."""
    start = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); "
    start += "from segsweep.cli.app import main; main()"
    return [sys.executable, "-P", "-c", start, *map(str, arguments)]


def has_namespaces() -> bool:
    try:
        return subprocess.run([*NAMESPACES, "--net", "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


needs_namespaces = pytest.mark.skipif(
    not has_namespaces(),
    reason="NOT CHECKED: this machine lacks unshare(1) with user namespaces, or root",
)
