"""Pictures of a network's best, median and worst images by Dice, beside what was to be found."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from segsweep.core.files import atomic_write
from segsweep.data.dataset import ProcessedSet
from segsweep.data.issues import printable

TRUTH, PREDICTION, BOTH = (230, 159, 0), (86, 180, 233), (0, 158, 115)
"""Of Okabe and Ito's colour-blind safe palette."""
DIFFERENCE = {"true positive": BOTH, "false positive": PREDICTION, "false negative": TRUTH}
TITLES = ("image", "true outline", "predicted outline", "difference")
ENOUGH = 6
"""From so many images on a picture shows two, else one."""
PANEL = 3.0
"""The longer side of a panel, in inches of 100 pixels."""
HEAD = 0.5
"""What the text above a strip takes, in inches."""
LONGEST = 100
"""The letters of a name; of a longer one the end is shown."""


def draw(
    data: ProcessedSet,
    split: str,
    images: Sequence[Mapping[str, Any]],
    predicted: np.ndarray,
    folder: Path,
) -> None:
    """Write `best.png`, `median.png` and `worst.png` of a split to `folder`.

    `images` has a row for each image (`name`, `dice`) and `predicted` its mask, uint8 (n, height,
    width), 0 or 1, both in the split's order. Images are shown as the network sees them.
    """
    greys, masks, _ = data.split(split)
    for title, places in chosen([row["dice"] for row in images]).items():
        height, width = PANEL * np.array(greys.shape[1:]) / max(greys.shape[1:])
        size = (len(TITLES) * width, len(places) * (height + HEAD) + HEAD)
        figure = Figure(figsize=size, dpi=100, layout="constrained")
        keys = [Patch(color=_share(colour), label=name) for name, colour in DIFFERENCE.items()]
        figure.legend(
            handles=keys, loc="outside lower right", ncols=len(keys), frameon=False, fontsize=9
        )
        strips = figure.subfigures(len(places), 1, squeeze=False)[:, 0]
        for strip, i in zip(strips, places, strict=True):
            told = f"{title}: {_short(images[i]['name'])}, Dice {images[i]['dice']:.3f}"
            strip.suptitle(told, x=0.01, ha="left", fontsize=10, parse_math=False)
            axes = strip.subplots(1, len(TITLES))
            _panels(axes, greys[i], masks[i].astype(bool), predicted[i].astype(bool))
        with atomic_write(folder / f"{title}.png") as aside:
            figure.savefig(aside, format="png", metadata={"Software": None})


def chosen(dice: Sequence[float]) -> dict[str, list[int]]:
    """Places of the best (the very best first), the median and the worst (the very worst first)."""
    order = sorted(range(len(dice)), key=lambda i: -dice[i])
    count = 2 if len(order) >= ENOUGH else 1
    middle = (len(order) - count) // 2
    return {
        "best": order[:count],
        "median": order[middle : middle + count],
        "worst": order[::-1][:count],
    }


def difference(grey: np.ndarray, truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The dimmed image, uint8 (height, width, 3), with hits and errors coloured (`DIFFERENCE`)."""
    picture = np.repeat(grey[..., None] // 2, 3, axis=2)
    regions = (truth & found, found & ~truth, truth & ~found)
    for colour, region in zip(DIFFERENCE.values(), regions, strict=True):
        picture[region] = colour
    return picture


def _panels(axes: Sequence[Axes], grey: np.ndarray, truth: np.ndarray, found: np.ndarray) -> None:
    pictures = (grey, grey, grey, difference(grey, truth, found))
    for axis, title, picture in zip(axes, TITLES, pictures, strict=True):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
    _outline(axes[1], truth, TRUTH)
    _outline(axes[2], found, PREDICTION)


def _outline(axis: Axes, mask: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Draw the mask's outline, also where it lies at the image's border."""
    if not mask.any():
        return
    rows, columns = (np.arange(-1, side + 1) for side in mask.shape)
    axis.autoscale(False)
    axis.contour(
        columns,
        rows,
        np.pad(mask, 1),
        levels=[0.5],
        colors=[_share(colour)],
        linewidths=1.2,
    )


def _share(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    """A colour as matplotlib has it, each part in 0 to 1."""
    red, green, blue = colour
    return red / 255, green / 255, blue / 255


def _short(name: str) -> str:
    name = printable(name)
    return name if len(name) <= LONGEST else f"…{name[1 - LONGEST :]}"
