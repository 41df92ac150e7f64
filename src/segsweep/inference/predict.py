"""Images through the network in full batches, whatever their sizes, and in the order they came."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from segsweep.core.errors import UserError
from segsweep.data.images import read_grey
from segsweep.data.issues import Problem, UnusableError
from segsweep.data.prepare import Settings
from segsweep.inference.inputs import Source
from segsweep.inference.page import Page
from segsweep.training import oom
from segsweep.training.engine import Engine


@dataclass(frozen=True)
class Picture:
    """An image with its pages, most often one."""

    source: Source
    pages: list[Page]

    @property
    def is_whole(self) -> bool:
        return all(page.is_whole for page in self.pages)


def read_all(
    sources: Iterable[Source], settings: Settings, problems: list[Problem]
) -> Iterator[Picture]:
    """Read one image after the other; what is wrong with one is added to `problems`."""
    for source in sources:
        try:
            pages, _ = read_grey(source.path)
            if len(pages) > 1 and settings.stacks != "slices":
                raise UnusableError(
                    "pages",
                    f"holds {len(pages)} pages, expected one image",
                    "the model was trained on single images; give each page its own file",
                )
        except UnusableError as fault:
            problems.append(fault.at(source.path))
            continue
        yield Picture(source, [Page(page, settings) for page in pages])


def predict(
    engine: Engine,
    pictures: Iterable[Picture],
    batch_size: int,
    flips: bool = False,
    on_batch: Callable[[int], None] = lambda size: None,
) -> Iterator[Picture]:
    """The pictures, in their order, when all of their pages have their probabilities.

    Batches run across images and pages; `on_batch` is told the size of each. With `flips` a
    probability is the mean over the symmetries of the network's rectangle (8 of a square, else 4).
    Raises `UserError` when a batch is too large for the device.
    """
    waiting: deque[Picture] = deque()
    batch: list[tuple[Page, np.ndarray]] = []
    for picture in pictures:
        waiting.append(picture)
        for page in picture.pages:
            for array in page.arrays():
                batch.append((page, array))
                if len(batch) == batch_size:
                    _run(engine, batch, flips)
                    on_batch(batch_size)
                    while waiting and waiting[0].is_whole:
                        yield waiting.popleft()
    _run(engine, batch, flips)
    yield from waiting


def _run(engine: Engine, batch: list[tuple[Page, np.ndarray]], flips: bool) -> None:
    if not batch:
        return
    images = torch.from_numpy(np.stack([array for _, array in batch]))[:, None]
    try:
        found = probabilities(engine, images.to(engine.device), flips)[:, 0].cpu().numpy()
    except RuntimeError as error:
        if not oom.is_out_of_memory(error):
            raise
        raise UserError(
            f"--batch-size: a batch of {len(batch)} does not fit in the device's memory; "
            "take a smaller one"
        ) from error
    for (page, _), probability in zip(batch, found, strict=True):
        page.take(probability)
    batch.clear()


def probabilities(engine: Engine, images: torch.Tensor, flips: bool) -> torch.Tensor:
    """Float32 in 0 to 1 of uint8 images, both (n, 1, height, width)."""
    if not flips:
        return engine.probabilities(images)
    flat = images.flatten(2)
    turned = [
        engine.probabilities(flat[..., moved].view(images.shape)).flatten(2)[..., moved.argsort()]
        for moved in engine.symmetries
    ]
    return torch.stack(turned).mean(0).view(images.shape)
