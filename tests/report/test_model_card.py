"""The model card: metadata of the Hugging Face Hub, results and limitations."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from results_example import write_example
from segsweep.core.files import read_json, read_yaml, write_csv, write_json, write_text, write_yaml
from segsweep.report.model_card import write_model_card
from terminal import HOSTILE, controls

README = "# Sample: nuclei\n\nStained cells.\n\n**The masks are machine-made.**\n"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The example with the files of the trained network."""
    folder = write_example(tmp_path / "results")
    metrics = {"val_dice_coefficient": 0.912, "train_dice_coefficient": 0.93, "parameters": 121033}
    metrics |= {"best_epoch": 3, "epochs": 8, "key": "abc"}
    model = {
        "config": {"input_shape": [256, 192, 1], "batch_size": 8, "optimizer": "adam"},
        "preprocessing": {"mode": "tile", "percentiles": [1.0, 99.8]},
        "threshold": {
            "chosen": 0.35,
            "val_dice_coefficient": 0.917,
            "val_dice_coefficient_at_half": 0.912,
        },
        "metrics": metrics,
        "data_sha256": "5b77",
        "environment": {"torch": "2.13.0"},
    }
    write_json(folder / "best/model.json", model)
    chosen = {"threshold": 0.35, "dice": {"mean": 0.8888, "interval": [0.86, 0.91]}}
    update_json(folder / "test/summary.json", at_chosen_threshold=chosen)
    best = read_yaml(folder / "best_config.yaml")
    best["evidence"] |= {
        "metric": {"name": "val_dice_coefficient", "goal": "maximize"},
        "confirmed": {"estimated_mean": 0.9021, "low": 0.8951, "high": 0.9081, "seeds": 5},
    }
    write_yaml(folder / "best_config.yaml", best)
    splits = {
        name: {"images": 3 * groups, "groups": groups, "foreground": 0.123}
        for name, groups in (("train", 9), ("validation", 3), ("test", 5))
    }
    write_json(tmp_path / "summary.json", {"dropped": 2, "splits": splits})
    write_text(tmp_path / "README.md", README)
    return folder


def update_json(path: Path, **values: Any) -> None:
    write_json(path, read_json(path) | values)


def card_of(results: Path) -> tuple[dict[str, Any], str]:
    """Return the front matter and the Markdown below it."""
    folder, out = results.parent, results / "model_card.md"
    write_model_card(results, folder / "summary.json", folder / "README.md", out)
    empty, front, text = out.read_text().split("---\n", 2)
    assert empty == ""
    return yaml.safe_load(front), text


def test_metadata_follow_the_specification_of_the_hub(results: Path) -> None:
    """Keys as in the specification of model cards; values as in the results."""
    front, _ = card_of(results)
    assert set(front) == {"library_name", "pipeline_tag", "tags", "metrics", "model-index"}
    (index,) = front["model-index"]
    assert set(index) == {"name", "results"}
    (result,) = index["results"]
    assert result["task"] == {"type": "image-segmentation", "name": "Image Segmentation"}
    assert result["dataset"] == {"type": "nuclei", "name": "nuclei", "split": "test"}
    test = read_json(results / "test/summary.json")
    for metric in result["metrics"]:
        assert set(metric) == {"type", "value", "name"}
        assert metric["value"] == pytest.approx(test[metric["type"]]["mean"], abs=5e-5)
    assert [metric["type"] for metric in result["metrics"]] == front["metrics"]
    assert front["metrics"] == ["dice", "iou", "hausdorff95", "mean_surface_distance"]


def test_text_has_the_results_and_limitations(results: Path) -> None:
    _, text = card_of(results)
    for line in (
        "| validation Dice, estimated mean | validation, 5 new seeds | 0.9021 | 0.8951 to 0.9081 |",
        "| Dice | test, 14 images of 5 groups |",
        "| Hausdorff 95 (px) |",
        "| Dice of the Otsu threshold | validation | 0.7414 |  |",
        "0.35: Dice 0.917, and\n0.912 at 0.5",
        "test images the Dice at 0.35 is 0.8888",
        "**The masks are machine-made.**",
        "trained on 9 groups, selected on 3 and tested on 5.",
        "tiles of 256 × 192 pixels",
        "the network is 0.171 better",
        "Images left out because of errors: 2",
        "| optimizer | adam |",
        "| torch | 2.13.0 |",
    ):
        assert line in text, line
    assert "too few" not in text


def test_text_names_missing_results(results: Path) -> None:
    few = {"mean": 0.9, "interval": "too few groups for an interval"}
    none = {"mean": None, "interval": None}
    update_json(results / "test/summary.json", dice=few, hausdorff95=none, undefined=3)
    evidence = read_yaml(results / "best_config.yaml")
    evidence["evidence"]["confirmed"]["estimated_mean"] = None
    write_yaml(results / "best_config.yaml", evidence)
    methods = [{"method": "otsu", "val_dice_coefficient": 0.95}]
    write_csv(results / "baselines.csv", ("method", "val_dice_coefficient"), methods)
    model = read_json(results / "best/model.json")
    model["threshold"]["chosen"] = 0.5
    write_json(results / "best/model.json", model)
    write_text(results.parent / "README.md", "# Your own images\n\nCopies.\n")
    front, text = card_of(results)
    assert "hausdorff95" not in front["metrics"]
    assert "too few for an interval" in text
    assert "In 3 test images one of the two masks is empty" in text
    assert "new seeds" not in text.split("## Usage")[0].split("| --- |")[1]
    assert "the network is 0.038 worse" in text
    assert "who made them, and how, is not recorded" in text
    assert "No other threshold is better" in text
    assert front["model-index"][0]["results"][0]["dataset"]["type"] == "own-images"


def test_text_from_files_is_escaped(results: Path) -> None:
    model = read_json(results / "best/model.json")
    model["config"]["optimizer"] = f"<b>|{HOSTILE}"
    model["environment"]["torch"] = f"<script>{HOSTILE}"
    write_json(results / "best/model.json", model)
    update_json(results / "confirm/verdict.json", verdict=f"<b>{HOSTILE}")
    write_text(results.parent / "README.md", f"# Sample: n{HOSTILE}\n\nCells.{HOSTILE}\n")
    front, text = card_of(results)
    assert controls((results / "model_card.md").read_text()) == []
    assert "<b>" not in text
    assert "<script>" not in text
    assert text.count(r"\x1b[2J") == 5
    assert front["model-index"][0]["results"][0]["dataset"]["name"].startswith("n")


def test_ignored_pixels_of_the_test_split_are_a_limitation(results: Path) -> None:
    assert "preprocess.ignore" not in card_of(results)[1]
    update_json(results / "test/summary.json", images_with_ignored_pixels=7)
    assert "7 test images have pixels that the masks exclude (preprocess.ignore)" in " ".join(
        card_of(results)[1].split()
    )
