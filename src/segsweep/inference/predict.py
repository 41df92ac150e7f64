"""Predict images of any size, in their order, in batches that may span several images."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from segsweep.core.errors import UserError
from segsweep.data.images import GreyPage, check_levels, grey_range, read_grey, rescale_grey
from segsweep.data.issues import DataIssue, InvalidImageError
from segsweep.data.prepare import ImageSettings
from segsweep.data.resize import Window, find_windows, resize_image, restore_size
from segsweep.inference import sliding_window
from segsweep.inference.inputs import InputImage
from segsweep.training.device import is_out_of_memory
from segsweep.training.engine import Engine

CHECKED_PIXELS = 4_000_000
"""Grey levels are checked on an even selection of about this many pixels, to save memory."""

LEVELS_ADVICE = (
    "if {0:g} marks pixels without data, store it as NaN or name it in the TIFF's GDAL_NODATA, or "
    "train with preprocess.nodata: [{0:g}]"
)


class Page:
    """One two-dimensional image while it is predicted.

    Args:
        page: A page of any size.
        settings: The preprocessing of the model.

    Raises:
        InvalidImageError: Nearly all pixels would have the same grey level.
    """

    def __init__(self, page: GreyPage, settings: ImageSettings) -> None:
        self._grey: np.ndarray | None = page.pixels
        self.shape: tuple[int, int] = page.pixels.shape
        side = settings.side
        self._side, self._levels = side, grey_range(page.values, *settings.percentiles)
        if settings.nodata != ():
            _check_levels(page, *self._levels)
        tiled = settings.mode == "tile"
        self._windows = [] if tiled else find_windows(self.shape, side, settings.mode)
        self._tiles = list(sliding_window.tiles(self.shape, side)) if tiled else []
        self._inputs = len(self._windows) or len(self._tiles)
        self._blended = np.zeros(self.shape if self._tiles else 0, np.float32)
        self._outputs: list[np.ndarray] = []
        self._done = 0

    def network_inputs(self) -> Iterator[np.ndarray]:
        """Yield the inputs of the network, uint8 of its size, preprocessed as in training."""
        assert self._grey is not None
        for window in self._windows:
            yield resize_image(rescale_grey(self._grey, *self._levels), window, self._side)
        for rows, columns in self._tiles:
            part = rescale_grey(self._grey[np.ix_(rows.pixels, columns.pixels)], *self._levels)
            yield resize_image(part, Window(0, 0, *part.shape, *part.shape), self._side)
        self._grey = None  # frees memory while the last batch waits for other images

    def add_output(self, probability: np.ndarray) -> None:
        """Add the probabilities of the next input, float32 of the network's size."""
        if self._tiles:
            sliding_window.add_tile(self._blended, probability, *self._tiles[self._done])
        else:
            self._outputs.append(probability)
        self._done += 1

    @property
    def is_complete(self) -> bool:
        """Whether all inputs have their probabilities."""
        return self._done == self._inputs

    def probabilities(self) -> np.ndarray:
        """Return float32 probabilities of the shape of the page, in 0 to 1 up to rounding."""
        return (
            self._blended if self._tiles else restore_size(self._outputs, self._windows, self.shape)
        )


def _check_levels(page: GreyPage, black: float, white: float) -> None:
    step = max(1, round((page.pixels.size / CHECKED_PIXELS) ** 0.5))
    valid = None if page.valid is None else page.valid[::step, ::step]
    part = GreyPage(page.pixels[::step, ::step], valid, page.has_bytes)
    check_levels(part, rescale_grey(part.pixels, black, white), black, white, LEVELS_ADVICE)


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
            pages, _ = read_grey(image.path, settings.channel, settings.nodata)
            if len(pages) > 1 and settings.stacks != "slices":
                raise InvalidImageError(
                    "pages",
                    f"has {len(pages)} pages, expected one image",
                    "the model was trained on single images; save each page as its own file",
                )
            prediction = Prediction(image, [Page(page, settings) for page in pages])
        except InvalidImageError as error:
            problems.append(error.as_issue(image.path))
            continue
        yield prediction


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
        UserError: A batch does not fit in the device's memory, or the network returns NaN.
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
    if np.isnan(outputs).any():
        raise UserError(
            "model.safetensors: the network's output is NaN, expected probabilities; choose "
            "another model, or repeat the training"
        )
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
