"""Process all images in several processes, and cache the results by content (`.store/images`).

An image is taken from the cache if the same files were processed with the same settings and code.
So a run that was killed continues where it stopped, and only new images are read.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.core.errors import UserError
from segsweep.core.files import atomic_write, read_json, sha256, write_json
from segsweep.core.processes import die_with_parent
from segsweep.data.discovery import Pair
from segsweep.data.images import read_grey, read_mask
from segsweep.data.issues import NO_PERMISSION, DataIssue, InvalidImageError
from segsweep.data.prepare import (
    ImageSettings,
    check_shapes,
    pixels_hash,
    process_pages,
    unite_masks,
)
from segsweep.pipeline.cache import cache_root
from segsweep.pipeline.fingerprint import code_hash, imported_modules

PREPARE_MODULE = "src/segsweep/data/prepare.py"
"""The code that the cached arrays depend on, with the modules that it imports."""

CHUNK = 8
"""Images that a worker takes at a time."""
PROGRESS_INTERVAL = 5.0
"""Seconds between two lines of progress."""


@dataclass(frozen=True)
class PreparedImage:
    """One image and its masks, processed.

    Attributes:
        cached: The file with the arrays.
        rows: For each processed array its columns of the tables.
        content_hashes: For each page the hash of its processed pixels.
        perceptual_hashes: For each page its `perceptual_hash`.
        looks_inverted: Whether the mask may have foreground and background exchanged.
        saturated: Whether many pixels have the largest value.
    """

    cached: Path
    rows: list[dict[str, Any]]
    content_hashes: list[str]
    perceptual_hashes: list[int]
    looks_inverted: bool
    saturated: bool

    @property
    def foreground(self) -> float:
        """Share of foreground (0 to 1), the mean over its processed arrays."""
        return float(np.mean([row["foreground"] for row in self.rows]))


def image_cache_folder(settings: ImageSettings) -> Path:
    """Return the cache folder of these settings and the current code."""
    code = json.dumps([code_hash(path) for path in imported_modules(PREPARE_MODULE)])
    return cache_root() / "images" / settings.digest(code)


def prepare_images(
    pairs: Sequence[Pair],
    settings: ImageSettings,
    folder: Path,
    workers: int = 1,
    known_hash: Callable[[Path], str | None] = lambda path: None,
) -> list[PreparedImage | DataIssue]:
    """Call `prepare_image` for every pair; the results are in the order of the pairs.

    Args:
        pairs: Images with their masks.
        settings: What determines the processed pixels.
        folder: The cache folder.
        workers: Maximum number of processes.
        known_hash: Returns the content hash of a file, or None if it is not known.

    Raises:
        UserError: A worker was killed, for example by the kernel when memory ran out.
    """
    hashes = [[known_hash(path) for path in (pair.image, *pair.masks)] for pair in pairs]
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)  # the cache keeps the folders that were used last
    prepare = partial(prepare_image, settings=settings, folder=folder)
    results: list[PreparedImage | DataIssue] = []
    progress = _Progress(len(pairs))
    count = min(workers, -(-len(pairs) // CHUNK))
    if count <= 1:
        for result in map(prepare, pairs, hashes):
            results.append(result)
            progress.show(len(results))
        return results
    with ProcessPoolExecutor(count, get_context("fork"), initializer=die_with_parent) as pool:
        try:
            for result in pool.map(prepare, pairs, hashes, chunksize=CHUNK):
                results.append(result)
                progress.show(len(results))
        except BrokenProcessPool as error:
            raise UserError(
                f"{pairs[len(results)].image}: a worker was killed at this image or one of the "
                f"{count * CHUNK} after it (out of memory, or a file that crashes its decoder); "
                "finished images are in the cache: run the same command again with fewer workers "
                "(snakemake --cores), or check these files"
            ) from error
    return results


def prepare_image(
    pair: Pair, known_hashes: Sequence[str | None], settings: ImageSettings, folder: Path
) -> PreparedImage | DataIssue:
    """Process an image and its masks, or take them from the cache.

    Args:
        pair: The image and its masks.
        known_hashes: Content hashes of the image and of each mask; None where not known.
        settings: What determines the processed pixels.
        folder: The cache folder.

    Returns:
        The processed image, or an issue if one of the files cannot be used.
    """
    file = pair.image
    try:
        hashes = []
        for file, known_hash in zip((pair.image, *pair.masks), known_hashes, strict=True):
            hashes.append(known_hash or _hash_file(file))
        key = hashlib.sha256("".join(hashes).encode()).hexdigest()
        cached = folder / key[:2] / f"{key}.npy"
        facts = _read_facts(cached)
        if facts is None:
            file = pair.image
            pages, decoded = read_grey(pair.image)
            masks: list[np.ndarray] = []
            for file in pair.masks:
                masks = unite_masks(masks, read_mask(file, settings.masks))
            file = pair.image
            check_shapes(pages, masks, settings)
            arrays, facts = process_pages(pages, masks, settings)
            facts["pixel_mm"] = decoded.pixel_mm
            _save(cached, arrays, facts)
    except InvalidImageError as error:
        return error.as_issue(file)
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
        facts["looks_inverted"],
        facts["saturated"],
    )


def load_arrays(prepared: PreparedImage) -> tuple[np.ndarray, np.ndarray]:
    """Return the processed images and masks of one image, both uint8 (n, height, width).

    Raises:
        UserError: The cached file is damaged; it is removed.
    """
    try:
        images, masks = np.load(prepared.cached, allow_pickle=False)
        hashes = [pixels_hash(image, mask) for image, mask in zip(images, masks, strict=True)]
    except (OSError, ValueError, EOFError):
        hashes = []
    if hashes != [row["pixels_sha256"] for row in prepared.rows]:
        prepared.cached.unlink(missing_ok=True)
        raise UserError(
            f"{prepared.cached}: the cached image was damaged and is removed; run the same command "
            "again"
        )
    return images, masks


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
    write_json(cached.with_suffix(".json"), facts, durable=False)


def _read_facts(cached: Path) -> dict[str, Any] | None:
    """Return the facts about a cached image, None if it or its arrays are not there."""
    try:
        facts = dict(read_json(cached.with_suffix(".json")))
        return facts if cached.stat().st_size == facts["bytes"] else None
    except (UserError, OSError, TypeError, ValueError, KeyError):
        return None


class _Progress:
    """Print lines with the number of images, the rate and the remaining time."""

    def __init__(self, total: int) -> None:
        self.total, self.started = total, time.monotonic()
        self.last_shown = self.started

    def show(self, count: int) -> None:
        """Print a line for `count` finished images if the last line is old enough."""
        now = time.monotonic()
        if now - self.last_shown < PROGRESS_INTERVAL:
            return
        self.last_shown = now
        rate = count / (now - self.started)
        seconds_left = (self.total - count) / rate
        print(
            f"preprocess: {count:,} of {self.total:,} images, {rate:,.0f} images/s, "
            f"{seconds_left / 60:.1f} min left",
            flush=True,
        )
