"""One page of an image on its way through the network and back into its own pixels."""

from collections.abc import Iterator

import numpy as np

from segsweep.data.images import levels, stretched
from segsweep.data.prepare import Settings
from segsweep.data.resize import Window, place_image, restore, windows
from segsweep.inference import sliding_window


class Page:
    """Grey values in, 2-D and of any size; probabilities of the same shape out."""

    def __init__(self, grey: np.ndarray, settings: Settings) -> None:
        self._grey: np.ndarray | None = grey
        self.shape: tuple[int, int] = grey.shape
        self._side, self._levels = settings.side, levels(grey, *settings.percentiles)
        self._windows = [] if settings.mode == "tile" else windows(*self._sizes(), settings.mode)
        self._tiles = [] if self._windows else list(sliding_window.places(*self._sizes()))
        self._count = len(self._windows) or len(self._tiles)
        self._whole = np.zeros(self.shape if self._tiles else 0, np.float32)
        self._parts: list[np.ndarray] = []
        self._taken = 0

    def _sizes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return self.shape, self._side

    def arrays(self) -> Iterator[np.ndarray]:
        """What the network is to see, uint8 of its size, each as preprocessing makes it."""
        assert self._grey is not None
        for window in self._windows:
            yield place_image(stretched(self._grey, *self._levels), window, self._side)
        for down, across in self._tiles:
            part = stretched(self._grey[np.ix_(down.pixels, across.pixels)], *self._levels)
            yield place_image(part, Window(0, 0, *part.shape, *part.shape), self._side)
        self._grey = None  # a batch may wait for other images

    def take(self, probability: np.ndarray) -> None:
        """Take the network's probabilities of the next of `arrays`, float32 of its size."""
        if self._tiles:
            sliding_window.add(self._whole, probability, *self._tiles[self._taken])
        else:
            self._parts.append(probability)
        self._taken += 1

    @property
    def is_whole(self) -> bool:
        return self._taken == self._count

    def probabilities(self) -> np.ndarray:
        """Float32 in 0 to 1 (but for rounding), one for each pixel of the page."""
        return self._whole if self._tiles else restore(self._parts, self._windows, self.shape)
