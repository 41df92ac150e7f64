"""The key of a result in the cache: a hash of everything that decides the result."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from segsweep.core.errors import UserError
from segsweep.pipeline.environment import hardware_and_versions

VERSION = 2
"""Part of every key; a new number makes all cached results unreachable."""


def cache_key(tag: str, packages: Sequence[str], input_hashes: Sequence[str]) -> str:
    """Return the key of a result: a hash of all that decides its bits, and of no path or time.

    Args:
        tag: The kind of work.
        packages: Packages whose versions matter in addition to torch and numpy.
        input_hashes: Content hashes of the inputs, in order.
    """
    environment = hardware_and_versions() | {name: version(name) for name in packages}
    parts = [VERSION, tag, dict(sorted(environment.items())), list(input_hashes)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def key_of_record(record: Mapping[str, Any], made_from: Mapping[str, Any]) -> str:
    """Return the key that the result of `record` has if it is made from `made_from`."""
    unkeyed = record.get("unkeyed_inputs", [])
    hashes = [str(digest) for path, digest in made_from.items() if path not in unkeyed]
    try:
        return cache_key(record["cache_tag"], record["packages"], hashes)
    except PackageNotFoundError as error:
        raise UserError(
            f"package {error.name}: is not installed, expected the packages that a provenance "
            "record names; run `make setup`"
        ) from error
