"""The files that a job may read, with their hashes: an exchanged file ends the job.

`run_job.py` hashes the inputs of a job before it starts it. Afterwards another program, such as
`git checkout` or `dvc checkout`, may exchange files, even for a moment only. So the job compares
each input with its hash when it reads it, and each module of segsweep when it imports it. In a
process that no job started, nothing is compared.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from segsweep.core.errors import UserError

VARIABLE = "SEGSWEEP_EXPECTED_INPUTS"
"""The environment variable with the path of the list of files."""
PACKAGE = "segsweep"


def changed_message(path: str | Path) -> str:
    return f"{path}: changed during the run; run snakemake again"


def save_expected(file: Path, hashes: Mapping[str, str]) -> dict[str, str]:
    """Write the list of files for a job and return the job's environment variables.

    Args:
        file: Where to write the list.
        hashes: The SHA-256 of each file that the job may read, by path.
    """
    absolute = {str(Path(path).absolute()): digest for path, digest in hashes.items()}
    file.write_text(json.dumps(absolute), encoding="utf-8")
    return {**os.environ, VARIABLE: str(file)}


def check_expected(path: str | Path, content: bytes) -> None:
    """Raise `UserError` if `content`, just read from `path`, is not what this job expects."""
    digest = _expected().get(str(Path(path).absolute()))
    if digest is not None and digest != hashlib.sha256(content).hexdigest():
        raise UserError(changed_message(path))


def check_imports() -> None:
    """Compare each module of segsweep that is imported from now on; called once per process."""
    if _expected():
        sys.meta_path.insert(0, _Finder())


@cache
def _expected() -> dict[str, str]:
    file = os.environ.get(VARIABLE)
    return dict(json.loads(Path(file).read_text(encoding="utf-8"))) if file else {}


class _Finder(MetaPathFinder):
    """Finds the modules that the job expects, and has `_Loader` load them."""

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
            sys.exit(f"error: {changed_message(os.path.relpath(self.path))}")
        return self.source_to_code(content, self.path)
