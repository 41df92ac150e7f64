"""The files that a job may read, with their hashes: a replaced file ends the job.

`run_job.py` hashes the inputs of a job and then starts it. Another program, such as `git checkout`
or `dvc checkout`, may replace files after that, even for a moment. So the job compares each input
with its hash when it reads it, and each module of segsweep when it imports it. In a process that is
not part of a job, nothing is compared.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from segsweep.core.errors import UserError, end_run, exit_on_error

VARIABLE = "SEGSWEEP_EXPECTED_INPUTS"
"""The environment variable with the path of the list of files."""
WRITTEN = "written.jsonl"
"""The file next to the list in which a job notes what it has written."""
PACKAGE = "segsweep"


def changed_message(path: str | Path) -> str:
    return f"{path}: changed during the run; run snakemake again"


def save_expected(
    file: Path, hashes: Mapping[str, str], outputs: Iterable[str] = ()
) -> dict[str, str]:
    """Write the list of files for a job and return the job's environment variables.

    Args:
        file: Where to write the list.
        hashes: The SHA-256 of each file that the job may read, by path.
        outputs: The files of which the job notes the SHA-256 when it writes them.
    """
    absolute = {str(Path(path).absolute()): digest for path, digest in hashes.items()}
    written = [str(Path(path).absolute()) for path in outputs]
    file.write_text(json.dumps({"inputs": absolute, "outputs": written}), encoding="utf-8")
    return {**os.environ, VARIABLE: str(file)}


def check_expected(path: str | Path, content: bytes) -> None:
    """Raise `UserError` if `content`, just read from `path`, is not what this job expects."""
    if str(Path(path).absolute()) in _expected():
        check_expected_hash(path, hashlib.sha256(content).hexdigest())


def check_expected_hash(path: str | Path, digest: str) -> None:
    """Raise `UserError` if the SHA-256 read from `path` is not what this job expects."""
    if _expected().get(str(Path(path).absolute()), digest) != digest:
        raise UserError(changed_message(path))


def check_complete(folder: Path, files: Iterable[Path]) -> None:
    """Raise `UserError` unless `files`, just found in a folder, are those that this job expects.

    Hidden files are ignored. Nothing is compared if the job expects no file of the folder.
    """
    start = folder.absolute()
    expected = {
        Path(path).relative_to(start) for path in _expected() if start in Path(path).parents
    }
    if not expected:
        return
    changed = expected ^ {file.absolute().relative_to(start) for file in files}
    shown = [path for path in changed if not any(part.startswith(".") for part in path.parts)]
    if shown:
        raise UserError(changed_message(folder / min(shown)))


def check_present(path: str | Path) -> None:
    """Raise `UserError` if a file is missing that this job expects."""
    if str(Path(path).absolute()) in _expected() and not Path(path).exists():
        raise UserError(changed_message(path))


def note_written(path: Path, content: Path) -> None:
    """Note the SHA-256 of an output that this job is about to rename from `content` to `path`."""
    file = os.environ.get(VARIABLE)
    if file and str(path.absolute()) in _lists()["outputs"]:
        with content.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        line = json.dumps([str(path.absolute()), digest]) + "\n"
        with Path(file).with_name(WRITTEN).open("a", encoding="utf-8") as notes:
            notes.write(line)


def written_files(file: Path) -> dict[str, str]:
    """Return the SHA-256 of each file as the job wrote it last, by its absolute path.

    Args:
        file: The list that `save_expected` wrote.
    """
    notes = file.with_name(WRITTEN)
    lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    return dict(json.loads(line) for line in lines)


def check_written(path: str | Path, digest: str, written: Mapping[str, str]) -> None:
    """Raise `UserError` if an output has another SHA-256 than the job wrote.

    Args:
        path: The output.
        digest: Its present SHA-256.
        written: What `written_files` returned; other outputs are not compared.
    """
    if written.get(str(Path(path).absolute()), digest) != digest:
        raise UserError(changed_message(path))


def check_imports() -> None:
    """Compare each module of segsweep that is imported from now on; called once per process."""
    if _expected():
        script = Path(sys.argv[0])
        if script.is_file():
            with exit_on_error():
                check_expected(script, script.read_bytes())
        sys.meta_path.insert(0, _Finder())


def _expected() -> dict[str, str]:
    return _lists()["inputs"]


@cache
def _lists() -> dict[str, Any]:
    file = os.environ.get(VARIABLE)
    if not file:
        return {"inputs": {}, "outputs": []}
    return dict(json.loads(Path(file).read_text(encoding="utf-8")))


class _Finder(MetaPathFinder):
    """Finds the modules that the job expects, and lets `_Loader` load them."""

    def __init__(self) -> None:
        # scripts import modules through a link to the package
        self.hashes = {os.path.realpath(p): h for p, h in _expected().items() if p.endswith(".py")}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(f"{PACKAGE}."):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            digest = self.hashes.get(os.path.realpath(spec.origin))
            if digest is not None:
                spec.loader = _Loader(fullname, spec.origin, digest)
        return spec


class _Loader(SourceFileLoader):
    """Compiles a module from its source: compiled files are only compared by time and size."""

    def __init__(self, fullname: str, path: str, digest: str) -> None:
        super().__init__(fullname, path)
        self.digest = digest

    def get_code(self, fullname: str) -> CodeType:
        content = self.get_data(self.path)
        if hashlib.sha256(content).hexdigest() != self.digest:
            # the script that imports the module does not handle errors yet
            end_run(changed_message(os.path.relpath(self.path)))
        return self.source_to_code(content, self.path)
