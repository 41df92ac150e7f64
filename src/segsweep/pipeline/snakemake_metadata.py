"""Remove damaged files of Snakemake's metadata, with which Snakemake would fail.

Snakemake writes a JSON file for each output: when it was made, for `snakemake --report`, and
whether it is incomplete. Provenance records alone decide which jobs run, so these files can be
removed.
"""

import os
from collections.abc import Iterator
from contextlib import suppress

FOLDERS = (".snakemake/metadata", ".snakemake/incomplete")


def remove_damaged_metadata(dry: bool) -> None:
    """Remove the metadata files that are damaged, as after a power cut.

    Args:
        dry: This is a dry run. Another Snakemake may be writing a file at this moment, so an
            unfinished file is kept.
    """
    for path in _files():
        with suppress(FileNotFoundError):  # another Snakemake has just removed it
            with open(path, "rb") as file:  # noqa: PTH123, for 10,000 files
                content = file.read()
            is_whole = dry or content.endswith(b"}")
            if not (content.isascii() and is_whole):
                os.unlink(path)  # noqa: PTH108


def _files() -> Iterator[str]:
    for folder in FOLDERS:
        for parent, _, names in os.walk(folder):
            yield from (os.path.join(parent, name) for name in names)  # noqa: PTH118
