"""Synthetic findings, and a proposal for the next sweep, for the results of `results_example`."""

from pathlib import Path
from typing import Any

from segsweep.core.files import write_text, write_yaml
from sweep_example import EPOCHS, METRIC, MIDDLE, PARAMETERS


def findings(source: str, best: str) -> dict[str, Any]:
    verdict = f"Trial {best} has the best posterior mean: 0.9020 (95 % interval 0.8951 to 0.9081)."
    return {
        "source": source,
        "metric": METRIC,
        "goal": "maximize",
        "parameters": list(PARAMETERS),
        "constants": {"epochs": EPOCHS, "optimizer": "adam", "depth": 4},
        "left_out": {"no value of the metric": 2},
        "verdict": f"{verdict} The most important parameter is learning_rate (61 % of the variance "
        "over the whole space).",
        "best_trial": best,
        "findings": [dict(zip(FINDING, trial, strict=True)) for trial in FINDINGS],
    }


FINDING = ("id", "topic", "confidence", "plot", "number", "interval", "sentence")
FINDINGS: list[tuple[Any, ...]] = [
    ("best", "Best trial", "likely", "trials", 0.902, [0.8951, 0.9081],
     "P(best of all trials) = 81 %."),
    ("importance", "Parameter importance", "high", "importance", 0.61, [0.45, 0.74],
     "learning_rate explains 61 % of the variance over the whole space, batch_size 17 %."),
    ("batch size", "Batch size, other parameters optimised", "likely", "batch_size", 0.012,
     [0.002, 0.021],
     "With the other parameters optimised, batch size 8 scores 0.012 higher than 2, and the same "
     "as 16."),
    ("learning rate with batch", "Learning rate and batch size", "likely", "learning_rate", 0.52,
     [0.31, 0.78],
     "The best learning rate grows with the batch size to the power of 0.52 (square-root "
     "scaling)."),
    ("effect of dropout", "Effect of dropout", "inconclusive", "effect_dropout", 0.004,
     [-0.009, 0.013],
     "The effect of dropout is inconclusive: the best value scores 0.004 higher than 0 (95 % "
     "interval -0.009 to 0.013)."),
    ("edges", "Ranges that are too narrow", "high", None, None, None,
     "The optimum is inside all ranges."),
    ("overfitting", "Overfitting", "high", "gap", 0.02, [0.018, 0.024],
     "In the median trial the training Dice is 0.020 above the validation Dice."),
    ("pruning", "Pruning", "high", "curves", None, None,
     "Pruning saved 84 of 800 epochs (10 %)."),
    ("failures", "Failures", "high", None, 0.1, [0.03, 0.23],
     "4 of 40 trials failed: 3 diverged, 1 out of memory; learning rates above 0.02 diverge."),
]  # fmt: skip

RUN_TIME = dict(
    zip(
        FINDING,
        (
            "run time", "Run time", "high", "run_time", 3.8, [3.5, 4.2],
            "base_channels explains most of the run time: 32 take 3.8 times as long as 8.",
        ),
        strict=True,
    )
)  # fmt: skip

RATIONALE = """\
# The next sweep

Twelve trials: the **learning rate** is known to a factor of 2.

| key | from | to | reason | finding |
| --- | --- | --- | --- | --- |
| `sweep.parameters.learning_rate.min` | 0.0001 | 0.001 | no good trial below | scaling |
| `sweep.parameters.learning_rate.max` | 0.05 | 0.01 | trainings diverged above | scaling |
| `epochs` | 20 | 30 | the best trials were still improving | stopping |

## Fixed parameters

- `loss`: it explains the least variance.
"""

DIFF = """\
--- params.yaml
+++ next/params.yaml
@@ -1,9 +1,9 @@
-epochs: 20
+epochs: 30
 sweep:
   parameters:
-    learning_rate: {distribution: log_uniform_values, min: 0.0001, max: 0.05}
+    learning_rate: {distribution: log_uniform_values, min: 0.001, max: 0.01}
     dropout: {distribution: uniform, min: 0.0, max: 0.5}
-    loss: {values: [bce, dice, bce_dice]}
"""


def write_next(folder: Path) -> None:
    write_yaml(
        folder / "next/params.yaml",
        {
            **MIDDLE,
            "epochs": 30,
            "sweep": {
                "parameters": {
                    "learning_rate": {
                        "distribution": "log_uniform_values",
                        "min": 0.001,
                        "max": 0.01,
                    }
                }
            },
        },
    )
    write_yaml(folder / "next/sweep.yaml", {"method": "bayes", "parameters": {}})
    write_text(folder / "next/rationale.md", RATIONALE)
    write_text(folder / "next/changes.diff", DIFF)
