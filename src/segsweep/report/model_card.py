"""The winner's model card: Markdown with the front matter of the Hugging Face Hub.

All of it is read from what was measured. The metadata follow the Hub's specification
(github.com/huggingface/hub-docs, modelcard.md); the licence is the user's to choose.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from segsweep.core.files import read_csv, read_json, read_yaml, write_text
from segsweep.core.yaml_format import dump_yaml
from segsweep.data.raw_data import COPIES
from segsweep.report.markdown import safe
from segsweep.report.plot import shown
from segsweep.report.results import LABELS
from segsweep.report.summary import DICE, METHODS
from segsweep.report.tables import MEASURES, interval

ASSETS = Path(__file__).parent / "assets"
DECIMALS = 4
SIZES = {
    "resize": "Images of any size are stretched to {side}: what is not seen at that size is lost, "
    "and objects should be about as large, in parts of the image, as in training.",
    "pad": "Images of any size are scaled to fit {side}, their aspect kept: what is not seen at "
    "that size is lost.",
    "tile": "Images of any size are read in their own resolution, in tiles of {side}: objects "
    "should be about as large, in pixels, as in training.",
}
"""What the mode of preprocessing asks of new images."""


def write_model_card(results: Path, processed: Path, readme: Path, out: Path) -> None:
    """Write the card of `results/best`.

    `processed` is the summary of the processed set, `readme` what stands beside the raw images.
    """
    model, test = (read_json(results / p) for p in ("best/model.json", "test/summary.json"))
    evidence = read_yaml(results / "best_config.yaml")["evidence"]
    data = read_json(processed)
    beside = readme.read_text(encoding="utf-8")
    is_own = beside.startswith(COPIES)
    title, _, about = beside.partition("\n")
    name = "own images" if is_own else title.removeprefix("# Sample: ")
    height, width, _ = model["config"]["input_shape"]
    thresholds = {
        row["method"]: float(row["val_dice_coefficient"])
        for row in read_csv(results / "baselines.csv")
    }
    card = _template().render(
        front=dump_yaml(_front_matter(name, test)),
        title=f"U-Net for {safe(name)}",
        model=model,
        height=height,
        width=width,
        evidence=evidence,
        verdict=safe(read_json(results / "confirm/verdict.json")["verdict"]),
        measured=list(_measured(model, test, evidence, thresholds)),
        threshold=model["threshold"],
        at_chosen=test["at_chosen_threshold"],
        test=test,
        data=data,
        about=about.strip(),
        limits=list(_limits(model, test, data, thresholds, is_own)),
    )
    write_text(out, card)


def _template() -> Any:
    environment = Environment(  # Markdown, whose cells are made safe one by one
        loader=FileSystemLoader(ASSETS),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["shown"] = shown
    return environment.get_template("model_card.md.jinja")


def _front_matter(name: str, test: Mapping[str, Any]) -> dict[str, Any]:
    metrics = [
        {"type": key, "value": round(test[key]["mean"], DECIMALS), "name": f"test {title}"}
        for key, title in MEASURES.items()
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
    thresholds: Mapping[str, float],
) -> Iterator[list[str]]:
    """Rows of the table: measure, where, value, interval."""
    confirmed = evidence["confirmed"]
    metric = evidence["metric"]["name"]
    if confirmed["mean"] is not None:
        where = f"validation, {confirmed['seeds']} new seeds"
        ends = interval([confirmed["low"], confirmed["high"]])
        yield [f"{LABELS.get(metric, metric)}, expected", where, shown(confirmed["mean"]), ends]
    yield ["Dice of these weights", "validation", shown(model["metrics"][DICE]), ""]
    tested = f"test, {test['images']} images of {test['groups']} groups"
    for key, title in MEASURES.items():
        unit = "" if key in ("dice", "iou") else f" ({test['unit']})"
        value = shown(test[key]["mean"]) or "undefined"
        yield [title + unit, tested, value, interval(test[key]["interval"])]
    for method, reached in thresholds.items():
        yield [f"Dice of {METHODS.get(method, method)}", "validation", shown(reached), ""]


def _limits(
    model: Mapping[str, Any],
    test: Mapping[str, Any],
    data: Mapping[str, Any],
    thresholds: Mapping[str, float],
    is_own: bool,
) -> Iterator[str]:
    """What the facts say of where the model may be trusted; `is_own`: of the user's own images."""
    splits = data["splits"]
    groups = {name: split["groups"] for name, split in splits.items()}
    height, width, _ = model["config"]["input_shape"]
    yield (
        "It is for images like those it was trained on: same subject, same way of making them. "
        "It was measured on no others, and for no clinical use."
    )
    yield (
        f"It has learnt from {groups['train']} groups, was chosen on {groups['validation']}, and "
        f"tested on {groups['test']}."
        + (
            " That is too few for an interval: with other test images the numbers may differ much."
            if isinstance(test["dice"]["interval"], str)
            else ""
        )
    )
    yield SIZES[model["preprocessing"]["mode"]].format(side=f"{height} × {width} pixels")
    low, high = model["preprocessing"]["percentiles"]
    yield (
        f"Grey values are stretched image by image, from percentile {low:g} to {high:g}, so that "
        "their absolute values say nothing to it; colour is read as luminance."
    )
    yield (
        "It cannot be better than its masks: "
        + (
            "who made them, and how, is not recorded. Say it here before the model is published."
            if is_own
            else "what is known of their origin stands above, under Data."
        )
    )
    best, ahead = max(thresholds.values()), model["metrics"][DICE] - max(thresholds.values())
    yield (
        f"A plain threshold reaches Dice {shown(best)} on the validation images; the network is "
        f"{abs(ahead):.3f} {'better' if ahead >= 0 else 'worse'}."
    )
    if test["undefined"]:
        yield (
            f"In {test['undefined']} test images one of the two masks is empty; no distance is "
            "defined there, and its mean leaves them out."
        )
