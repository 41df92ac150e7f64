"""Names of metrics and baseline methods as reports and messages show them."""

METRIC_LABELS = {
    "val_dice_coefficient": "validation Dice",
    "val_dice_pooled": "pooled validation Dice",
    "val_dice_soft": "soft validation Dice",
    "val_iou": "validation IoU",
    "val_loss": "validation loss",
}

TEST_METRIC_LABELS = {
    "dice": "Dice",
    "iou": "IoU",
    "hausdorff95": "Hausdorff 95",
    "mean_surface_distance": "mean surface distance",
}

WITH_IGNORED = "images_with_ignored_pixels"
"""Key of the test split's `summary.json`; it is there only if there are such images."""

BASELINE_LABELS = {"otsu": "Otsu threshold", "multi_otsu": "multi-Otsu threshold"}


def metric_label(name: str) -> str:
    """Return the label of a metric; a metric of another program keeps its name."""
    return METRIC_LABELS.get(name, name)
