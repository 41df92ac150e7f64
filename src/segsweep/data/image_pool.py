"""Process all images in several processes."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.core.files import file_signature
from segsweep.core.processes import die_with_parent
from segsweep.data.discovery import Pair
from segsweep.data.image_cache import FileState, PreparedImage, prepare_image
from segsweep.data.issues import DataIssue
from segsweep.data.mask_rule import MaskRule
from segsweep.data.prepare import ImageSettings

CHUNK = 8
"""Images that a worker takes at a time."""
PROGRESS_INTERVAL = 5.0
"""Seconds between two lines of progress."""


def prepare_images(
    pairs: Sequence[Pair],
    settings: ImageSettings,
    folder: Path,
    workers: int = 1,
    known_hash: Callable[[Path], str | None] = lambda path: None,
    rule: MaskRule | None = None,
) -> list[PreparedImage | DataIssue]:
    """Call `prepare_image` for every pair; the results are in the order of the pairs.

    Args:
        pairs: Images with their masks.
        settings: What determines the processed pixels.
        folder: The cache folder.
        workers: Maximum number of processes.
        known_hash: Returns the content hash of a file, or None if it is not known.
        rule: The meaning of the mask values; None to decide it for each image.

    Raises:
        UserError: A worker was killed, for example by the kernel when memory ran out.
    """
    states = [
        [FileState(file_signature(path), known_hash(path)) for path in (pair.image, *pair.masks)]
        for pair in pairs
    ]
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)  # the cache keeps the folders that were used last
    prepare = partial(prepare_image, settings=settings, folder=folder, rule=rule)
    results: list[PreparedImage | DataIssue] = []
    progress = _Progress(len(pairs))
    count = min(workers, -(-len(pairs) // CHUNK))
    if count <= 1:
        for result in map(prepare, pairs, states):
            results.append(result)
            progress.show(len(results))
        return results
    with ProcessPoolExecutor(count, get_context("fork"), initializer=die_with_parent) as pool:
        try:
            for result in pool.map(prepare, pairs, states, chunksize=CHUNK):
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
