"""Process one image with its masks, and cache the result by content (`.store/images`).

An image is taken from the cache if the same files were processed with the same settings and code.
So a run that was killed continues where it stopped, and only new images are read.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.core.checked_json import read_checked_json, write_checked_json
from segsweep.core.errors import UserError
from segsweep.core.expected_inputs import check_expected_hash
from segsweep.core.files import atomic_write, file_signature, sha256
from segsweep.data.discovery import Pair
from segsweep.data.issues import NO_PERMISSION, DataIssue, InvalidImageError
from segsweep.data.mask_rule import MaskRule
from segsweep.data.mask_values import MaskFacts
from segsweep.data.pair_reader import UnusableFileError, facts_to_json, read_pair
from segsweep.data.prepare import ImageSettings, pixels_hash, process_pages
from segsweep.pipeline.cache import cache_root
from segsweep.pipeline.fingerprint import code_hash, imported_modules

PREPARE_MODULE = "src/segsweep/data/pair_reader.py"
"""The code that the cached arrays depend on, with the modules that it imports."""


@dataclass(frozen=True)
class FileState:
    """A file before it is read: its `file_signature`, and its content hash where it is known."""

    signature: tuple[int, ...] | None
    known_hash: str | None


@dataclass(frozen=True)
class PreparedImage:
    """One image and its masks, processed.

    Attributes:
        cached: The file with the arrays.
        rows: For each processed array its columns of the tables.
        content_hashes: For each page the hash of its processed pixels.
        perceptual_hashes: For each page its `perceptual_hash`.
        sizes: For each page what shrinking did to its foreground; see `measure_shrinking`.
        without_data: Number of pixels without data.
        mask_facts: What the pages of its mask files contain.
        rule: The meaning that its mask values were given.
        notes: What was decided while reading: kinds of assumptions with a text.
        masks_reversed: Whether a mask file says that white is zero.
        looks_inverted: Whether the mask may have foreground and background exchanged.
        saturated: Whether many pixels have the largest value.
    """

    cached: Path
    rows: list[dict[str, Any]]
    content_hashes: list[str]
    perceptual_hashes: list[int]
    sizes: list[list[float] | None]
    without_data: int
    mask_facts: list[MaskFacts]
    rule: MaskRule
    notes: list[tuple[str, str]]
    masks_reversed: bool
    looks_inverted: bool
    saturated: bool

    @property
    def foreground_of_pages(self) -> list[float]:
        """Share of foreground (0 to 1) of each page, the mean over its processed arrays."""
        shares: dict[int, list[float]] = {}
        for row in self.rows:
            shares.setdefault(row["page"], []).append(row["foreground"])
        return [float(np.mean(values)) for values in shares.values()]


def image_cache_folder(settings: ImageSettings) -> Path:
    """Return the cache folder of these settings and the current code."""
    code = json.dumps([code_hash(path) for path in imported_modules(PREPARE_MODULE)])
    return cache_root() / "images" / settings.digest(code)


def prepare_image(
    pair: Pair,
    states: Sequence[FileState],
    settings: ImageSettings,
    folder: Path,
    rule: MaskRule | None = None,
) -> PreparedImage | DataIssue:
    """Process an image and its masks, or take them from the cache.

    Args:
        pair: The image and its masks.
        states: The image and each mask, before they are read.
        settings: What determines the processed pixels.
        folder: The cache folder.
        rule: The meaning of the mask values; None to decide it from these masks.

    Returns:
        The processed image, or an issue if one of the files cannot be used.

    Raises:
        UserError: A file was changed while it was read.
    """
    file = pair.image
    files = (pair.image, *pair.masks)
    try:
        hashes = []
        for file, state in zip(files, states, strict=True):
            hashes.append(state.known_hash or _hash_file(file))
            check_expected_hash(file, hashes[-1])
        key = hashlib.sha256(("".join(hashes) + _rule_text(rule)).encode()).hexdigest()
        cached = folder / key[:2] / f"{key}.npy"
        facts = _read_facts(cached)
        if facts is None:
            _check_known(files, states)
            file = pair.image
            read = read_pair(pair, settings, rule)
            arrays, facts = process_pages(read.pages, read.masks, settings)
            facts |= facts_to_json(read)
            _check_unchanged(files, states)
            _save(cached, arrays, facts)
    except InvalidImageError as error:
        return error.as_issue(file)
    except UnusableFileError as error:
        return error.error.as_issue(error.file)
    pixel_height, pixel_width = facts["pixel_mm"] or ("", "")
    for row in facts["rows"]:
        row["name"] = pair.name + row.pop("name_suffix")
        row["image"] = pair.file
        row["image_sha256"], row["mask_sha256"] = hashes[0], " ".join(hashes[1:])
        row["pixel_height_mm"], row["pixel_width_mm"] = pixel_height, pixel_width
    return PreparedImage(
        cached,
        facts["rows"],
        facts["content_hashes"],
        facts["perceptual_hashes"],
        facts["sizes"],
        facts["without_data"],
        [MaskFacts.from_json(page) for page in facts["masks"]],
        MaskRule.from_json(facts["rule"]),
        [(kind, text) for kind, text in facts["notes"]],
        facts["masks_reversed"],
        facts["looks_inverted"],
        facts["saturated"],
    )


def load_arrays(prepared: PreparedImage) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the processed images and masks of one image, both uint8 (n, height, width).

    If the cached file is damaged, it is removed and None is returned.
    """
    try:
        images, masks = np.load(prepared.cached, allow_pickle=False)
        hashes = [pixels_hash(image, mask) for image, mask in zip(images, masks, strict=True)]
    except (OSError, ValueError, EOFError):
        hashes = []
    if hashes != [row["pixels_sha256"] for row in prepared.rows]:
        prepared.cached.unlink(missing_ok=True)
        return None
    return images, masks


def _rule_text(rule: MaskRule | None) -> str:
    return json.dumps(rule.to_json()) if rule else ""


def _hash_file(path: Path) -> str:
    try:
        return sha256(path)
    except PermissionError as error:
        raise InvalidImageError(*NO_PERMISSION) from error
    except OSError as error:
        raise InvalidImageError(
            "unreadable", f"cannot be read ({error.strerror})", "copy it again from its source"
        ) from error


def _save(cached: Path, arrays: np.ndarray, facts: dict[str, Any]) -> None:
    """Write the arrays, then the facts, whose presence says that the arrays are complete."""
    with atomic_write(cached, durable=False) as temporary, temporary.open("wb") as file:
        np.save(file, arrays, allow_pickle=False)
    facts = facts | {"bytes": cached.stat().st_size}
    write_checked_json(cached.with_suffix(".json"), facts, durable=False)


def _check_known(files: Sequence[Path], states: Sequence[FileState]) -> None:
    """Compare the content of files with the hashes that are remembered for their times."""
    for file, state in zip(files, states, strict=True):
        if state.known_hash not in (None, sha256(file)):
            raise UserError(
                f"{file}: found other content than before, although its times are the same, as on "
                "a failing disk; restore it from a copy, or run `touch` on it to use it as it is"
            )


def _check_unchanged(files: Sequence[Path], states: Sequence[FileState]) -> None:
    for file, state in zip(files, states, strict=True):
        if file_signature(file) != state.signature:
            raise UserError(f"{file}: was changed while it was read; run the same command again")


def _read_facts(cached: Path) -> dict[str, Any] | None:
    """Return the facts about a cached image, None if they or its arrays are missing or damaged."""
    try:
        facts: dict[str, Any] | None = read_checked_json(cached.with_suffix(".json"))
        return facts if facts and cached.stat().st_size == facts["bytes"] else None
    except (OSError, TypeError, KeyError):
        return None
