"""Which threshold would have been best for the validation images.

The objective is the Dice at 0.5, everywhere. A threshold that is chosen on the very images it is
measured on flatters itself, so it is told beside 0.5, never instead.
"""

import torch

from segsweep.training.engine import THRESHOLD
from segsweep.training.metrics import dice

GRID = tuple(step / 20 for step in range(1, 20))
"""0.05 to 0.95."""


def choose(counts: torch.Tensor) -> dict[str, float]:
    """The threshold of the highest mean Dice, and that Dice beside the one at 0.5.

    `counts` int64 (grid, n, 3) are those of n images at each threshold of the grid. Of equal ones
    the nearest to 0.5 is taken, of two as near the lower.
    """
    by_threshold = dict(zip(GRID, dice(counts).mean(1).tolist(), strict=True))
    chosen = max(GRID, key=lambda t: (by_threshold[t], -abs(t - THRESHOLD)))
    return {
        "chosen": chosen,
        "val_dice_coefficient": by_threshold[chosen],
        "val_dice_coefficient_at_half": by_threshold[THRESHOLD],
    }
