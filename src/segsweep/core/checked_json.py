"""JSON files with a checksum: a damaged file counts as missing.

Use them for facts that the program can compute again, such as the hashes of files. After a power
cut or a disk error such a file may be empty, full of zeros, or have a wrong character.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from segsweep.core.files import write_text


def write_checked_json(path: str | Path, value: Any, durable: bool = True) -> None:
    """Write a value with its checksum."""
    text = json.dumps(value)
    write_text(path, f'{{"sha256": "{_checksum(text)}", "value": {text}}}\n', durable)


def read_checked_json(path: str | Path) -> Any:
    """Return the value that `write_checked_json` wrote, None if the file is missing or damaged."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        value = content["value"]
        return value if content["sha256"] == _checksum(json.dumps(value)) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
