"""The model card of the selected network: Markdown with Hugging Face front matter.

All values come from result files. The metadata follow the specification of the Hub
(github.com/huggingface/hub-docs, modelcard.md). The user chooses the licence.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from segsweep.core.files import read_csv, read_json, read_text, read_yaml, write_text
from segsweep.core.printable import escape_controls
from segsweep.core.yaml_format import dump_yaml
from segsweep.data.raw_data import OWN_IMAGES_TITLE
from segsweep.report.markdown import escape
from segsweep.report.summary import DICE
from segsweep.report.values import format_cell, format_ends
from segsweep.selection.labels import (
    BASELINE_LABELS,
    TEST_METRIC_LABELS,
    WITH_IGNORED,
    metric_label,
)

ASSETS = Path(__file__).parent / "assets"
DECIMALS = 4
SIZE_REQUIREMENTS = {
    "resize": "Images are resized to {size}. Details that are not visible at that size are lost, "
    "and objects should have about the same size, relative to the image, as in training.",
    "pad": "Images are scaled to fit into {size} and padded. Details that are not visible at that "
    "size are lost.",
    "tile": "Images are read at their own resolution, in tiles of {size}. Objects should have "
    "about the same size in pixels as in training.",
}
"""Requirements for the size of new images, by preprocessing mode."""


def write_model_card(results: Path, processed: Path, readme: Path, out: Path) -> None:
    """Write the model card of `results/best`.

    Args:
        results: The folder of results.
        processed: The summary of the processed images.
        readme: The README of the raw images.
        out: The model card.
    """
    model, test = (read_json(results / p) for p in ("best/model.json", "test/summary.json"))
    evidence = read_yaml(results / "best_config.yaml")["evidence"]
    data = read_json(processed)
    description = read_text(readme)
    is_own = description.startswith(OWN_IMAGES_TITLE)
    title, _, about = description.partition("\n")
    name = "own images" if is_own else title.removeprefix("# Sample: ")
    height, width, _ = model["config"]["input_shape"]
    baselines = {
        row["method"]: float(row["val_dice_coefficient"])
        for row in read_csv(results / "baselines.csv")
    }
    card = _template().render(
        front=dump_yaml(_front_matter(name, test)),
        title=f"U-Net for {escape(name)}",
        model=model,
        height=height,
        width=width,
        evidence=evidence,
        verdict=escape(read_json(results / "confirm/verdict.json")["verdict"]),
        measured=list(_measured(model, test, evidence, baselines)),
        threshold=model["threshold"],
        at_chosen=test["at_chosen_threshold"],
        test=test,
        data=data,
        about=about.strip(),
        limits=list(_limits(model, test, data, baselines, is_own)),
    )
    write_text(out, escape_controls(card))


def _template() -> Any:
    environment = Environment(  # Markdown: names are escaped one by one
        loader=FileSystemLoader(ASSETS),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = format_cell
    environment.filters["text"] = lambda value: escape(str(value))
    return environment.get_template("model_card.md.jinja")


def _front_matter(name: str, test: Mapping[str, Any]) -> dict[str, Any]:
    metrics = [
        {"type": key, "value": round(test[key]["mean"], DECIMALS), "name": f"test {title}"}
        for key, title in TEST_METRIC_LABELS.items()
        if test[key]["mean"] is not None
    ]
    result = {
        "task": {"type": "image-segmentation", "name": "Image Segmentation"},
        "dataset": {"type": _slug(name), "name": name, "split": "test"},
        "metrics": metrics,
    }
    return {
        "library_name": "segsweep",
        "pipeline_tag": "image-segmentation",
        "tags": ["image-segmentation", "u-net", "segsweep"],
        "metrics": [metric["type"] for metric in metrics],
        "model-index": [{"name": f"segsweep-{_slug(name)}", "results": [result]}],
    }


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _measured(
    model: Mapping[str, Any],
    test: Mapping[str, Any],
    evidence: Mapping[str, Any],
    baselines: Mapping[str, float],
) -> Iterator[list[str]]:
    """Return the rows of the results: metric, data, value, interval."""
    confirmed = evidence["confirmed"]
    metric = metric_label(evidence["metric"]["name"])
    if confirmed["estimated_mean"] is not None:
        data = f"validation, {confirmed['seeds']} new seeds"
        interval = format_ends([confirmed["low"], confirmed["high"]])
        yield [
            f"{metric}, estimated mean",
            data,
            format_cell(confirmed["estimated_mean"]),
            interval,
        ]
    yield ["Dice of these weights", "validation", format_cell(model["metrics"][DICE]), ""]
    data = f"test, {test['images']} images of {test['groups']} groups"
    for key, label in TEST_METRIC_LABELS.items():
        unit = "" if key in ("dice", "iou") else f" ({test['unit']})"
        value = format_cell(test[key]["mean"]) or "undefined"
        yield [label + unit, data, value, format_ends(test[key]["interval"])]
    for method, dice in baselines.items():
        label = f"Dice of the {BASELINE_LABELS.get(method, method)}"
        yield [label, "validation", format_cell(dice), ""]


def _limits(
    model: Mapping[str, Any],
    test: Mapping[str, Any],
    data: Mapping[str, Any],
    baselines: Mapping[str, float],
    is_own: bool,
) -> Iterator[str]:
    """Return the limitations that follow from the results; `is_own`: the images are the user's."""
    groups = {name: split["groups"] for name, split in data["splits"].items()}
    height, width, _ = model["config"]["input_shape"]
    yield (
        "It is intended for images like its training images: the same subject, acquired in the "
        "same way. It was not evaluated on other images, and it is not for clinical use."
    )
    yield (
        f"It was trained on {groups['train']} groups, selected on {groups['validation']} and "
        f"tested on {groups['test']}."
        + (
            " That is too few for an interval: on other test images the metrics may differ a lot."
            if isinstance(test["dice"]["interval"], str)
            else ""
        )
    )
    yield SIZE_REQUIREMENTS[model["preprocessing"]["mode"]].format(
        size=f"{height} × {width} pixels"
    )
    low, high = model["preprocessing"]["percentiles"]
    yield (
        f"Each image is normalised from percentile {low:g} to {high:g} of its own grey values, so "
        "absolute intensities have no effect. Colour images are converted to luminance."
    )
    yield (
        "It reproduces the errors of its masks: "
        + (
            "who made them, and how, is not recorded. Describe it here before you publish the "
            "model."
            if is_own
            else "see Data for their origin."
        )
    )
    best = max(baselines.values())
    lead = model["metrics"][DICE] - best
    yield (
        f"A plain threshold has Dice {format_cell(best)} on the validation images; the network is "
        f"{abs(lead):.3f} {'better' if lead >= 0 else 'worse'}."
    )
    if WITH_IGNORED in test:
        yield (
            f"{test[WITH_IGNORED]} test images have pixels that the masks exclude "
            "(preprocess.ignore). These pixels are in none of the metrics, so the network's masks "
            "are not validated there."
        )
    if test["undefined"]:
        yield (
            f"In {test['undefined']} test images one of the two masks is empty. Distances are "
            "undefined there, and these images are not in their means."
        )
