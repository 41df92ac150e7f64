"""The inputs of a job: hashed before it starts, compared while it reads them and after it ends.

If another program replaces files during a job, even for a moment, no result may be recorded or
cached as made from the original files. The job itself compares what it reads
with `JobInputs.expected`; `JobInputs.check` compares again after the job. Images in folders are
read by many libraries, so for folders any change of a file's time or inode counts.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.core.expected_inputs import changed_message
from segsweep.core.files import (
    file_signature,
    files_below,
    hash_of_listing,
    read_bytes,
    sha256,
)
from segsweep.core.json_format import load_json
from segsweep.pipeline.fingerprint import code_hash_of, read_source
from segsweep.pipeline.job_record import RECORD, is_intact_subset, listed_sources

Signatures = dict[str, tuple[int, ...] | None]


class JobInputs:
    """The inputs of a job as they are when it starts.

    Args:
        paths: Files and folders.

    Attributes:
        hashes: The content hash of each path, in their order.

    Raises:
        UserError: A source file or a part of the study has changed since the Snakefile was read.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        if damaged := next((path for path in paths if not is_intact_subset(path)), None):
            raise UserError(changed_message(damaged))
        self._folders = {path: _signatures(path) for path in paths if Path(path).is_dir()}
        self._members = {
            folder: {file: sha256(file) for file in files}
            for folder, files in self._folders.items()
        }
        self.hashes = {path: self._hash(path) for path in paths}
        self._sources = _hash_sources(paths)

    def _hash(self, path: str) -> str:
        members = self._members.get(path)
        return sha256(path) if members is None else hash_of_listing(path, members)

    def expected(self) -> dict[str, str]:
        """Return the hashes of all files that the job may read.

        The files that the records among the inputs list are included: the only input of a
        suggestion from earlier trials is the last record, but it reads the results of all of them.
        """
        files = _listed_in_records(self.hashes)
        for members in self._members.values():
            files |= members
        return files | self._single_files() | self._sources

    def check(self) -> None:
        """Raise `UserError` if an input is not as it was when the job started."""
        _hash_sources(self.hashes)
        for folder, signatures in self._folders.items():
            if changed := _changed(signatures, _signatures(folder)):
                raise UserError(changed_message(changed))
        for path, digest in self._single_files().items():
            if sha256(path) != digest:
                raise UserError(changed_message(path))

    def _single_files(self) -> dict[str, str]:
        return {path: digest for path, digest in self.hashes.items() if path not in self._folders}


def _signatures(folder: str) -> Signatures:
    return {file: file_signature(file) for file in files_below(folder)}


def _changed(before: Signatures, after: Signatures) -> str | None:
    files = dict.fromkeys([*before, *after])
    return next((file for file in files if before.get(file) != after.get(file)), None)


def _hash_sources(paths: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """Return the SHA-256 of each source file that the lists in `paths` name.

    Raises:
        UserError: Its code is not what the list says.
    """
    hashes = {}
    for path, digest in listed_sources(paths).items():
        content = read_source(path)
        if code_hash_of(content, path) != digest:
            raise UserError(changed_message(path))
        hashes[path] = hashlib.sha256(content).hexdigest()
    return hashes


def _listed_in_records(hashes: Mapping[str, str]) -> dict[str, str]:
    """Return the hashes that the records among `hashes`, and the records they list, contain."""
    listed: dict[str, str] = {}
    waiting = list(_records(hashes))
    while waiting:
        path, digest = waiting.pop()
        content = read_bytes(path)
        if hashlib.sha256(content).hexdigest() != digest:
            raise UserError(changed_message(path))
        record = load_json(content.decode())
        files = {**record["made_from"], **record["made"]}
        waiting += [item for item in _records(files) if item[0] not in listed]
        listed = {**files, **listed}
    return listed


def _records(hashes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((path, digest) for path, digest in hashes.items() if path.endswith(RECORD))
