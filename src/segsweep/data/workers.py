"""All images made ready by all cores, with progress, in flat memory."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.core.processes import die_with_parent
from segsweep.data.discovery import Pair
from segsweep.data.issues import Problem
from segsweep.data.prepare import Prepared, Settings, prepare

CHUNK = 8
EVERY = 5.0
"""Seconds between two lines of progress."""


def prepare_all(
    pairs: Sequence[Pair],
    settings: Settings,
    folder: Path,
    workers: int = 1,
    known: Callable[[Path], str | None] = lambda path: None,
) -> list[Prepared | Problem]:
    """`prepare` for every pair, in their order, whatever the number of `workers`.

    `known` gives the content hash of a file if it is known. Raises `UserError` when a worker is
    killed (as the kernel does when memory runs out).
    """
    hashes = [[known(path) for path in (pair.image, *pair.masks)] for pair in pairs]
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)  # the last used is what the store keeps
    one = partial(prepare, settings=settings, folder=folder)
    results: list[Prepared | Problem] = []
    told = _Progress(len(pairs))
    count = min(workers, -(-len(pairs) // CHUNK))
    if count <= 1:
        for result in map(one, pairs, hashes):
            results.append(result)
            told.now_at(len(results))
        return results
    with ProcessPoolExecutor(count, get_context("fork"), initializer=die_with_parent) as pool:
        try:
            for result in pool.map(one, pairs, hashes, chunksize=CHUNK):
                results.append(result)
                told.now_at(len(results))
        except BrokenProcessPool as error:
            raise UserError(
                f"{pairs[len(results)].image}: a worker was killed at this image or one of the "
                f"{count * CHUNK} after it (out of memory, or a file that crashes its decoder); "
                "what is ready is kept: run again with fewer workers (snakemake --cores), or look "
                "at these files"
            ) from error
    return results


class _Progress:
    """Plain lines: how many of how many, how fast, how long yet."""

    def __init__(self, total: int) -> None:
        self.total, self.started = total, time.monotonic()
        self.last = self.started

    def now_at(self, count: int) -> None:
        now = time.monotonic()
        if now - self.last < EVERY:
            return
        self.last = now
        rate = count / (now - self.started)
        left = (self.total - count) / rate
        print(
            f"preprocess: {count:,} of {self.total:,} images, {rate:,.0f} a second, "
            f"{left / 60:.1f} min left",
            flush=True,
        )
