"""Snakemake's own notes on jobs: damaged ones are removed, because Snakemake fails at them.

Snakemake notes in JSON when each output was made, for `snakemake --report`, and which outputs are
incomplete. What runs is decided by provenance records alone, so a note can be removed.
"""

import os
from collections.abc import Iterator
from contextlib import suppress

FOLDERS = (".snakemake/metadata", ".snakemake/incomplete")


def remove_damaged_notes(only_reading: bool) -> None:
    """Remove the notes that are damaged, as after a power cut.

    Args:
        only_reading: Another process may be writing a note at this moment, so that an unfinished
            one is not damaged.
    """
    for path in _files():
        with suppress(FileNotFoundError):  # the other process has just removed it
            with open(path, "rb") as file:  # noqa: PTH123, for 10,000 files
                content = file.read()
            is_whole = only_reading or content.endswith(b"}")
            if not (content.isascii() and is_whole):
                os.unlink(path)  # noqa: PTH108


def _files() -> Iterator[str]:
    for folder in FOLDERS:
        for parent, _, names in os.walk(folder):
            yield from (os.path.join(parent, name) for name in names)  # noqa: PTH118
