"""Content hashes: of files, remembered from run to run, and of code.

The hash of a Python file's code covers what the code does. Comments, docstrings, printed lines and
the texts of `UserError` and `MachineError` (which end a job without a result) are left out, so
rewording them makes no result stale.
"""

import ast
import hashlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from segsweep.core.checked_json import read_checked_json, write_checked_json
from segsweep.core.errors import end_run
from segsweep.core.files import file_signature, files_below, hash_of_listing, read_bytes, sha256

STATE = Path(".snakemake/segsweep")
"""The folder of the state that runs share: hashes, parts of the study, locks."""

SLOW_TO_READ = 2_000_000_000
"""Bytes from which a message is printed before reading, as it takes seconds."""

PACKAGE = "segsweep"
MESSAGE_ONLY = ("UserError", "MachineError")
"""Exceptions whose text is shown to the user and never becomes part of a result."""

IGNORED_FIELDS = ("ctx", "kind", "type_comment")
"""Fields of the syntax tree that add nothing to what the code does."""


class FileHashes:
    """Hashes by path: `known` are those of the last run, `used` those that this run needed.

    A hash is valid as long as the file's `file_signature` is the same.

    Args:
        name: The name of the file in which they are remembered.
        hash_file: Returns the hash of a file's content.
    """

    def __init__(self, name: str = "hashes.json", hash_file: Callable[[str], str] = sha256) -> None:
        self.path, self.hash_file = STATE / name, hash_file
        self.known: dict[str, list[Any]] = read_checked_json(self.path) or {}
        self.used: dict[str, list[Any]] = {}

    def of(self, path: str) -> str | None:
        """Return the hash of a file or of a whole folder; None if it does not exist."""
        if not os.path.exists(path):
            return None
        if not os.path.isdir(path):
            return self.known_of(path) or self._read(path)
        hashes = {file: self.known_of(file) for file in files_below(path)}
        new = [file for file, digest in hashes.items() if digest is None]
        size = sum(os.stat(file).st_size for file in new)
        if size > SLOW_TO_READ:
            message = f"hashing {len(new):,} new files in {path} ({size / 1e9:.1f} GB)"
            print(message, file=sys.stderr)
        with ThreadPoolExecutor() as pool:
            hashes |= zip(new, pool.map(self._read, new), strict=True)
        return hash_of_listing(path, {file: str(digest) for file, digest in hashes.items()})

    def known_of(self, path: str | Path) -> str | None:
        """Return the remembered hash of a file, None if it is new or has changed since."""
        entry = self.known.get(str(path))
        if entry is None or entry[:-1] != list(file_signature(path) or ()):
            return None
        self.used[str(path)] = entry
        return str(entry[-1])

    def _read(self, path: str) -> str:
        entry = [*(file_signature(path) or ()), self.hash_file(path)]
        self.known[path] = self.used[path] = entry
        return str(entry[-1])

    def save(self) -> None:
        """Save the hashes that this run needed, for the next run."""
        write_checked_json(self.path, self.used)


def imported_modules(*roots: str) -> list[str]:
    """Return the paths of `roots` and of all segsweep modules that they import, sorted.

    Paths are relative to the project's folder, as in `src/segsweep/data/dataset.py`. Ends the
    process with a message where a file is not valid Python.
    """
    modules: set[str] = set()
    waiting = list(roots)
    while waiting:
        path = waiting.pop()
        if path not in modules:
            modules.add(path)
            waiting += _imports(path)
    return sorted(modules)


def code_hash(path: str | Path) -> str:
    """Return the SHA-256 of what a Python file does; see the top of this module."""
    return code_hash_of(read_source(path), str(path))


def read_source(path: str | Path) -> bytes:
    """Return the content of a source file; ends the process with a message if it is unreadable."""
    try:
        return read_bytes(path)
    except OSError as error:
        end_run(f"{path}: cannot be read as Python ({error})")


@cache
def code_hash_of(content: bytes, path: str) -> str:
    """Return the SHA-256 of what the Python source `content`, read from `path`, does."""
    return hashlib.sha256(repr(_canonical(_parse(content, path))).encode()).hexdigest()


def _canonical(node: Any) -> Any:
    """Return a syntax tree as nested tuples, the same on all supported Python versions."""
    if isinstance(node, list):
        return tuple(_canonical(part) for part in node if not _is_text_only(part))
    if not isinstance(node, ast.AST):
        return node
    if isinstance(node, ast.Call) and _name(node.func) in MESSAGE_ONLY:
        return "Call", _name(node.func)
    fields = [(name, _canonical(value)) for name, value in ast.iter_fields(node)]
    kept = [(name, value) for name, value in fields if name not in IGNORED_FIELDS]
    return type(node).__name__, tuple((n, v) for n, v in kept if v not in (None, ()))


def _is_text_only(node: Any) -> bool:
    """Whether a statement is a docstring or a call of `print`."""
    if not isinstance(node, ast.Expr):
        return False
    value = node.value
    is_text = isinstance(value, ast.Constant) and isinstance(value.value, str)
    return is_text or (isinstance(value, ast.Call) and _name(value.func) == "print")


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


@cache
def _imports(path: str) -> list[str]:
    """Return the paths of the segsweep modules that a file imports, also inside functions."""
    modules: list[str] = []
    for node in ast.walk(_parse(read_source(path), path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
    inner = [name for name in modules if name.startswith(f"{PACKAGE}.")]
    packages = {name.rpartition(".")[0] for name in inner} - {PACKAGE}
    paths = [f"src/{name.replace('.', '/')}" for name in (*inner, *sorted(packages))]
    files = [f"{path}{end}" for path in paths for end in (".py", "/__init__.py")]
    return [file for file in files if Path(file).is_file() and Path(file).stat().st_size]


def _parse(content: bytes, path: str) -> ast.Module:
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError) as error:
        end_run(f"{path}: cannot be read as Python ({error})")
