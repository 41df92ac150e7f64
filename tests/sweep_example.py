"""A synthetic sweep of a U-Net, always the same: its trials and the tables of its analysis."""

from typing import Any

import numpy as np

METRIC = "val_dice_coefficient"
PARAMETERS = ("batch_size", "learning_rate", "dropout", "l2_reg", "base_channels", "loss")
BATCHES, EPOCHS = (2, 4, 8, 16, 32), 20
REASONS = {
    "finished": "",
    "pruned": f"{METRIC} was not at least 0.71 after epoch 6",
    "diverged": "the loss was not finite in epoch 2, step 14, also in float32",
    "out_of_memory": "batch 32 of 256 x 256 took more than the 15.8 GB of the GPU; batch 16 fits",
}
WINNER = 27


def surface(parameters: dict[str, Any]) -> float:
    """Return the Dice without noise; the best learning rate grows with √batch_size."""
    rate = np.log10(parameters["learning_rate"] / (0.0011 * np.sqrt(parameters["batch_size"])))
    value = 0.905 - 0.075 * rate**2 - 0.012 * abs(np.log2(parameters["batch_size"] / 8))
    value -= (
        0.35 * (parameters["dropout"] - 0.15) ** 2
        + 0.004 * (np.log10(parameters["l2_reg"]) + 4.5) ** 2
    )
    value += 0.008 * np.log2(parameters["base_channels"] / 16) - 0.01 * (
        parameters["loss"] == "bce"
    )
    return float(max(value, 0.05))


def configurations(count: int) -> list[dict[str, Any]]:
    """Return configurations as a sampler might choose them: first random, then near the optimum."""
    rng = np.random.default_rng(7)
    rows = []
    for i in range(count):
        near = i > 12 and rng.random() < 0.6
        batch = int(rng.choice(BATCHES[1:4] if near else BATCHES))
        centre = 0.0011 * np.sqrt(batch)
        rate = centre * 10 ** rng.normal(0, 0.2) if near else 10 ** rng.uniform(-4, -1.3)
        rows.append(
            {
                "batch_size": batch,
                "learning_rate": float(f"{rate:.4g}"),
                "dropout": round(float(rng.uniform(0, 0.5)), 4),
                "l2_reg": float(f"{10 ** rng.uniform(-6, -3):.4g}"),
                "base_channels": int(rng.choice([8, 16, 32])),
                "loss": str(rng.choice(["bce", "dice", "bce_dice"])),
            }
        )
    return rows


def trials(count: int = 40) -> list[dict[str, Any]]:
    """Return one row per trial: parameters, status, value, seconds, and the Dice by epoch."""
    rng, rows = np.random.default_rng(11), []
    for i, parameters in enumerate(configurations(count)):
        best = surface(parameters) + rng.normal(0, 0.006)
        speed = rng.uniform(2, 4)
        curve = best * (1 - np.exp(-np.arange(1, EPOCHS + 1) / speed)) + rng.normal(
            0, 0.008, EPOCHS
        )
        status = "finished"
        if parameters["learning_rate"] > 0.02 * rng.uniform(0.8, 1.6):
            status, curve = "diverged", curve[:1]
        elif parameters["batch_size"] == 32 and parameters["base_channels"] == 32:
            status, curve = "out_of_memory", curve[:0]
        elif i > 8 and best < 0.83:
            status, curve = "pruned", curve[:6]
        curve = np.clip(curve, 0, 1)
        seconds = round(
            len(curve) * (9 + 60 / parameters["batch_size"]) * parameters["base_channels"] / 16, 1
        )
        rows.append(
            {
                "trial": i,
                "status": status,
                METRIC: float(curve.max()) if status == "finished" else None,
                **parameters,
                "seconds": seconds,
                "best_epoch": int(curve.argmax()) + 1 if len(curve) else None,
                "train_dice_coefficient": float(min(0.99, curve.max() + 0.02 + rng.normal(0, 0.01)))
                if status == "finished"
                else None,
                "curve": curve,
            }
        )
    return rows


SHARES = [
    {"target": target, "parameter": parameter, "share": share, "low": low, "high": high}
    for target, parameter, share, low, high in (
        (METRIC, "learning_rate", 0.61, 0.45, 0.74),
        (METRIC, "batch_size", 0.17, 0.08, 0.27),
        (METRIC, "dropout", 0.07, 0.01, 0.16),
        (METRIC, "base_channels", 0.06, 0.02, 0.11),
        (METRIC, "loss", 0.03, 0.0, 0.08),
        (METRIC, "l2_reg", 0.02, 0.0, 0.06),
        ("run_time", "base_channels", 0.72, 0.66, 0.79),
        ("run_time", "batch_size", 0.24, 0.18, 0.3),
    )
]

MIDDLE = {
    "batch_size": 8,
    "learning_rate": 0.0031,
    "dropout": 0.15,
    "l2_reg": 3e-5,
    "base_channels": 16,
    "loss": "bce_dice",
}


def effects() -> list[dict[str, Any]]:
    """Return the posterior mean along each parameter."""
    along = {
        "batch_size": list(BATCHES),
        "learning_rate": np.geomspace(1e-4, 0.05, 25).tolist(),
        "dropout": np.linspace(0, 0.5, 25).tolist(),
        "l2_reg": np.geomspace(1e-6, 1e-3, 25).tolist(),
        "base_channels": [8, 16, 32],
        "loss": ["bce", "bce_dice", "dice"],
    }
    rows = []
    for parameter, values in along.items():
        for value in values:
            mean = surface({**MIDDLE, parameter: value}) - 0.02
            low, high = mean - 0.012, mean + 0.011
            rows.append(
                {"parameter": parameter, "value": value, "mean": mean, "low": low, "high": high}
            )
    return rows


def batches() -> list[dict[str, Any]]:
    """Return the best and the typical Dice of each batch size."""
    rows = []
    for batch in BATCHES:
        best = surface({**MIDDLE, "batch_size": batch, "learning_rate": 0.0011 * batch**0.5})
        rows.append(
            {
                "batch_size": batch,
                "best": best,
                "best_low": best - 0.008,
                "best_high": best + 0.007,
                "typical": best - 0.075,
                "typical_low": best - 0.1,
                "typical_high": best - 0.05,
                "seen_best": best - 0.004,
                "seen_median": best - 0.06,
                "trials": 8,
                "images_per_second": 40 + 12 * np.log2(batch),
            }
        )
    return rows


def grid() -> list[dict[str, Any]]:
    """Return the posterior mean over batch size and learning rate."""
    rows = []
    for batch in np.geomspace(2, 32, 21).tolist():
        for rate in np.geomspace(1e-4, 0.05, 25).tolist():
            mean = surface({**MIDDLE, "batch_size": batch, "learning_rate": rate})
            rows.append({"batch_size": batch, "learning_rate": rate, "mean": mean, "sd": 0.008})
    return rows
