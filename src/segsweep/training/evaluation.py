"""What a network makes of one split: exact counts and scores, image by image."""

from dataclasses import dataclass
from typing import Any

import torch

from segsweep.training.metrics import dice, iou


@dataclass
class Evaluation:
    """Per image: counts int64 (n, 3), loss and soft Dice float (n,), predicted bool (n, h, w)."""

    count: torch.Tensor
    loss: torch.Tensor
    soft: torch.Tensor
    predicted: torch.Tensor | None = None

    def scores(self) -> dict[str, float]:
        return {
            "loss": float(self.loss.double().mean()),
            "dice_coefficient": float(dice(self.count).mean()),
            "dice_pooled": float(dice(self.count.sum(0))),
            "dice_soft": float(self.soft.double().mean()),
            "iou": float(iou(self.count).mean()),
        }

    def per_image(self, names: list[str]) -> list[dict[str, Any]]:
        columns = zip(names, self.count.tolist(), dice(self.count).tolist(), strict=True)
        return [
            {
                "name": name,
                "true_positives": hits,
                "false_positives": wrong,
                "false_negatives": missed,
                "dice": score,
            }
            for name, (hits, wrong, missed), score in columns
        ]
