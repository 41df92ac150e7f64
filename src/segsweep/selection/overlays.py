"""Pictures of the images with the best, median and worst Dice: truth, prediction and errors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from segsweep.core.files import atomic_write
from segsweep.core.printable import printable
from segsweep.data.dataset import IGNORED, ProcessedSet, truth_and_counted

TRUTH, PREDICTION, BOTH = (230, 159, 0), (86, 180, 233), (0, 158, 115)
"""Colours of the colour-blind safe palette of Okabe and Ito."""
DIFFERENCE = {"true positive": BOTH, "false positive": PREDICTION, "false negative": TRUTH}
NOT_COUNTED = (190, 190, 200)
"""Colour of ignored pixels: brighter than any pixel of the dimmed image below it."""
TITLES = ("image", "true outline", "predicted outline", "difference")
MIN_FOR_TWO = 6
"""With at least this many images a picture shows two of them, else one."""
PANEL = 3.0
"""The longer side of a panel, in inches of 100 pixels."""
TITLE_HEIGHT = 0.5
"""The height of the text above a row of panels, in inches."""
MAX_NAME = 100
"""Characters of an image's name; of a longer one the end is shown."""


def save_gallery(
    data: ProcessedSet,
    split: str,
    images: Sequence[Mapping[str, Any]],
    predicted: np.ndarray,
    folder: Path,
) -> None:
    """Write `best.png`, `median.png` and `worst.png` of a split.

    Args:
        data: The processed set; images are shown as the network sees them.
        split: The name of the split.
        images: A row for each image of the split, in its order, with `name` and `dice`.
        predicted: The masks of the same images, uint8 (images, height, width), 0 or 1.
        folder: Where the pictures are written.
    """
    greys, masks, _ = data.split(split)
    for title, selected in select_images([row["dice"] for row in images]).items():
        height, width = PANEL * np.array(greys.shape[1:]) / max(greys.shape[1:])
        size = (
            len(TITLES) * width,
            len(selected) * (height + TITLE_HEIGHT) + TITLE_HEIGHT,
        )
        figure = Figure(figsize=size, dpi=100, layout="constrained")
        has_ignored = (masks[selected] == IGNORED).any()
        legend = DIFFERENCE | ({"ignored": NOT_COUNTED} if has_ignored else {})
        keys = [Patch(color=_to_unit(colour), label=name) for name, colour in legend.items()]
        figure.legend(
            handles=keys, loc="outside lower right", ncols=len(keys), frameon=False, fontsize=9
        )
        strips = figure.subfigures(len(selected), 1, squeeze=False)[:, 0]
        for strip, i in zip(strips, selected, strict=True):
            caption = f"{title}: {_shorten(images[i]['name'])}, Dice {images[i]['dice']:.3f}"
            strip.suptitle(caption, x=0.01, ha="left", fontsize=10, parse_math=False)
            axes = strip.subplots(1, len(TITLES))
            _panels(axes, greys[i], masks[i], predicted[i].astype(bool))
        with atomic_write(folder / f"{title}.png") as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})


def select_images(dice: Sequence[float]) -> dict[str, list[int]]:
    """Return the indices of the best, median and worst images; the most extreme one comes first."""
    order = sorted(range(len(dice)), key=lambda i: -dice[i])
    count = 2 if len(order) >= MIN_FOR_TWO else 1
    middle = (len(order) - count) // 2
    return {
        "best": order[:count],
        "median": order[middle : middle + count],
        "worst": order[::-1][:count],
    }


def difference(grey: np.ndarray, mask: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return the dimmed image with hits, errors and ignored pixels coloured, uint8 (h, w, 3).

    Args:
        grey: The image, uint8 (h, w).
        mask: The true mask, uint8 (h, w): 0, 1 or IGNORED.
        predicted: The predicted mask, bool (h, w).
    """
    truth, counted = truth_and_counted(mask)
    picture = np.repeat(grey[..., None] // 2, 3, axis=2)
    regions = (truth & predicted, predicted & ~truth, truth & ~predicted, ~counted)
    for colour, region in zip((*DIFFERENCE.values(), NOT_COUNTED), regions, strict=True):
        picture[region] = colour
    return picture


def _panels(
    axes: Sequence[Axes], grey: np.ndarray, mask: np.ndarray, predicted: np.ndarray
) -> None:
    pictures = (grey, grey, grey, difference(grey, mask, predicted))
    for axis, title, picture in zip(axes, TITLES, pictures, strict=True):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
    _outline(axes[1], truth_and_counted(mask)[0], TRUTH)
    _outline(axes[2], predicted, PREDICTION)


def _outline(axis: Axes, mask: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Draw the outline of a mask, also along the border of the image."""
    if not mask.any():
        return
    rows, columns = (np.arange(-1, side + 1) for side in mask.shape)
    axis.autoscale(False)
    axis.contour(
        columns,
        rows,
        np.pad(mask, 1),
        levels=[0.5],
        colors=[_to_unit(colour)],
        linewidths=1.2,
    )


def _to_unit(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    """Return a colour with parts in 0 to 1, as matplotlib expects it."""
    red, green, blue = colour
    return red / 255, green / 255, blue / 255


def _shorten(name: str) -> str:
    name = printable(name)
    return name if len(name) <= MAX_NAME else f"…{name[1 - MAX_NAME :]}"
