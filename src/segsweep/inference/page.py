"""One page of an image: its inputs to the network, and probabilities in its own pixels."""

from collections.abc import Iterator

import numpy as np

from segsweep.data.images import grey_range, rescale_grey
from segsweep.data.prepare import ImageSettings
from segsweep.data.resize import Window, find_windows, resize_image, restore_size
from segsweep.inference import sliding_window


class Page:
    """One two-dimensional image while it is predicted.

    Args:
        grey: Grey values, (height, width) of any size.
        settings: The preprocessing of the model.
    """

    def __init__(self, grey: np.ndarray, settings: ImageSettings) -> None:
        self._grey: np.ndarray | None = grey
        self.shape: tuple[int, int] = grey.shape
        side = settings.side
        self._side, self._levels = side, grey_range(grey, *settings.percentiles)
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
