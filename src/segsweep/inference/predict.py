"""Predict images of any size in full batches, in their order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from segsweep.core.errors import UserError
from segsweep.data.images import read_grey
from segsweep.data.issues import DataIssue, InvalidImageError
from segsweep.data.prepare import ImageSettings
from segsweep.inference.inputs import InputImage
from segsweep.inference.page import Page
from segsweep.training.device import is_out_of_memory
from segsweep.training.engine import Engine


@dataclass(frozen=True)
class Prediction:
    """An image and its pages, usually one."""

    image: InputImage
    pages: list[Page]

    @property
    def is_complete(self) -> bool:
        """Whether all pages have their probabilities."""
        return all(page.is_complete for page in self.pages)


def read_images(
    images: Iterable[InputImage], settings: ImageSettings, problems: list[DataIssue]
) -> Iterator[Prediction]:
    """Read images one after the other; add those that cannot be used to `problems`."""
    for image in images:
        try:
            pages, _ = read_grey(image.path)
            if len(pages) > 1 and settings.stacks != "slices":
                raise InvalidImageError(
                    "pages",
                    f"has {len(pages)} pages, expected one image",
                    "the model was trained on single images; save each page as its own file",
                )
        except InvalidImageError as error:
            problems.append(error.as_issue(image.path))
            continue
        yield Prediction(image, [Page(page, settings) for page in pages])


def predict(
    engine: Engine,
    predictions: Iterable[Prediction],
    batch_size: int,
    flips: bool = False,
    on_batch: Callable[[int], None] = lambda size: None,
) -> Iterator[Prediction]:
    """Yield each prediction, in order, as soon as all of its pages have their probabilities.

    Args:
        engine: The network.
        predictions: Images without probabilities, as `read_images` yields them.
        batch_size: Network inputs per batch; a batch may contain several images and pages.
        flips: Average the probabilities over the symmetries of the network's input (8 of a square,
            else 4).
        on_batch: Called with the size of each batch.

    Raises:
        UserError: A batch does not fit in the device's memory.
    """
    waiting: deque[Prediction] = deque()
    batch: list[tuple[Page, np.ndarray]] = []
    for prediction in predictions:
        waiting.append(prediction)
        for page in prediction.pages:
            for pixels in page.network_inputs():
                batch.append((page, pixels))
                if len(batch) == batch_size:
                    _run(engine, batch, flips)
                    on_batch(batch_size)
                    while waiting and waiting[0].is_complete:
                        yield waiting.popleft()
    _run(engine, batch, flips)
    yield from waiting


def _run(engine: Engine, batch: list[tuple[Page, np.ndarray]], flips: bool) -> None:
    """Run the network on a batch, add the outputs to their pages, and clear the batch."""
    if not batch:
        return
    images = torch.from_numpy(np.stack([pixels for _, pixels in batch]))[:, None]
    try:
        outputs = probabilities(engine, images.to(engine.device), flips)[:, 0].cpu().numpy()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"--batch-size: a batch of {len(batch)} does not fit in the device's memory; "
            "use a smaller one"
        ) from error
    for (page, _), output in zip(batch, outputs, strict=True):
        page.add_output(output)
    batch.clear()


def probabilities(engine: Engine, images: torch.Tensor, flips: bool) -> torch.Tensor:
    """Return float32 probabilities of uint8 images, both (n, 1, height, width)."""
    if not flips:
        return engine.probabilities(images)
    flat = images.flatten(2)
    by_symmetry = [
        engine.probabilities(flat[..., moved].view(images.shape)).flatten(2)[..., moved.argsort()]
        for moved in engine.symmetries
    ]
    return torch.stack(by_symmetry).mean(0).view(images.shape)
