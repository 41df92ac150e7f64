"""Metrics of the test split: original units, bootstrap over groups, padding left out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score, jaccard_score

from segsweep.config.sections import Preprocess
from segsweep.core.errors import UserError
from segsweep.core.files import read_csv
from segsweep.data.dataset import IGNORED, ProcessedSet
from segsweep.data.preprocess import preprocess
from segsweep.data.resize import find_windows
from segsweep.selection.surface_distances import surface_distances
from segsweep.selection.test_metrics import (
    DISTANCES,
    TOO_FEW,
    bootstrap_interval,
    count_ignored,
    format_summary,
    image_rows,
    summarize,
)

SIDE = (8, 16)


def empty_set(
    shape: tuple[int, int], mode: Any, pixel_mm: tuple[float, float] | None = None, copies: int = 1
) -> tuple[ProcessedSet, list[dict[str, str]]]:
    """A training image, and copies of an empty original of `shape` as the test split."""
    window = find_windows(shape, SIDE, mode)[0]
    height, width = pixel_mm or ("", "")
    sides = {"pixel_height_mm": str(height), "pixel_width_mm": str(width)}
    names = [str(i) for i in range(copies + 1)]
    rows = [{"name": n, **{k: str(v) for k, v in vars(window).items()}, **sides} for n in names]
    empty = np.zeros((copies + 1, *SIDE), np.uint8)
    return ProcessedSet(empty, empty.copy(), names, names, ["train"] + ["test"] * copies), rows


def distance_of_two_pixels(
    data: ProcessedSet, sources: list[dict[str, str]], step: tuple[int, int]
) -> float:
    """Return the distance of a true pixel and a predicted one that is `step` away."""
    predicted = np.zeros((1, *SIDE), np.uint8)
    data.masks[1, 1, 1] = predicted[0, 1 + step[0], 1 + step[1]] = 1
    row = image_rows(data, "test", predicted, sources)[0]
    assert row["hausdorff95"] == row["mean_surface_distance"]
    return float(row["hausdorff95"])


@pytest.mark.parametrize(
    ("shape", "mode", "down", "right"),
    [
        ((24, 16), "resize", 3.0, 1.0),
        ((80, 80), "pad", 10.0, 10.0),
        ((80, 80), "tile", 1.0, 1.0),
        ((4, 4), "pad", 0.5, 0.5),
        ((4, 4), "resize", 0.5, 0.25),
    ],
)
def test_distances_are_in_pixels_of_the_original_or_in_mm(
    shape: tuple[int, int], mode: str, down: float, right: float
) -> None:
    assert distance_of_two_pixels(*empty_set(shape, mode), (1, 0)) == down
    assert distance_of_two_pixels(*empty_set(shape, mode), (0, 1)) == right
    data, sources = empty_set(shape, mode, (0.2, 0.5))
    assert distance_of_two_pixels(data, sources, (1, 0)) == pytest.approx(0.2 * down)
    assert image_rows(data, "test", data.masks[1:], sources)[0]["unit"] == "mm"
    data, sources = empty_set(shape, mode, (0.2, 0.5))
    assert distance_of_two_pixels(data, sources, (0, 1)) == pytest.approx(0.5 * right)


def test_distances_are_in_pixels_if_one_pixel_size_is_unknown() -> None:
    data, sources = empty_set((8, 16), "tile", (0.2, 0.5), copies=3)
    sources[2] |= {"pixel_height_mm": "", "pixel_width_mm": ""}
    data.masks[1:, 1, 1] = 1
    predicted = np.roll(data.masks[1:], 2, axis=1)
    rows = image_rows(data, "test", predicted, sources)
    assert [(row["hausdorff95"], row["unit"]) for row in rows] == [(2.0, "px")] * 3
    summary = summarize(rows, sources)
    assert (summary["unit"], summary["pixel_size_known"]) == ("px", 2)
    assert (
        "2 px (in pixels, because the pixel size is known for 2 of 3 images only)"
        in format_summary(summary)
    )
    sources[0] |= sources[2] | {"name": "0"}
    sources[2] |= {"pixel_height_mm": "0.2", "pixel_width_mm": "0.5"}
    rows = image_rows(data, "test", predicted, sources)
    assert {row["unit"] for row in rows} == {"mm"}, "the training split does not matter"


@pytest.mark.parametrize("mode", ["pad", "tile"])
def test_padding_is_not_evaluated(mode: str) -> None:
    """A square original is in the left half; predictions in the right half are no errors."""
    data, sources = empty_set((8, 8), mode)
    data.masks[1, 2:5, 2:5] = 1
    predicted = data.masks[1:].copy()
    predicted[0, :, 8:] = 1
    row = image_rows(data, "test", predicted, sources)[0]
    assert [row[k] for k in ("dice", "iou", *DISTANCES)] == [1.0, 1.0, 0.0, 0.0]
    predicted[0, 2, 2] = 0
    row = image_rows(data, "test", predicted, sources)[0]
    assert row["dice"] == pytest.approx(2 * 8 / (8 + 9))
    predicted[0, :, :8] = 0
    assert image_rows(data, "test", predicted, sources)[0]["hausdorff95"] is None


def test_dice_and_iou_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    for share in (0.1, 0.5, 0.9):
        data, sources = empty_set(SIDE, "tile")
        data.masks[1:], predicted = rng.random((2, 1, *SIDE)) < share
        row = image_rows(data, "test", predicted, sources)[0]
        flat = data.masks[1].ravel(), predicted.ravel()
        expected = f1_score(*flat), jaccard_score(*flat)
        assert (row["dice"], row["iou"]) == pytest.approx(expected, abs=1e-15)


def test_undefined_distances_are_named_and_left_out_of_the_mean() -> None:
    data, sources = empty_set((8, 16), "tile", copies=4)
    data.masks[1:3, 1, 1] = 1
    predicted = np.zeros((4, *SIDE), np.uint8)
    predicted[1, 4, 1] = predicted[2, 0, 0] = 1
    rows = image_rows(data, "test", predicted, sources)
    assert [row["hausdorff95"] for row in rows] == [None, 3.0, None, 0.0]
    assert [row["dice"] for row in rows] == [0.0, 0.0, 0.0, 1.0]
    summary = summarize(rows, sources)
    assert (summary["undefined"], summary["undefined_in"]) == (2, ["1", "3"])
    assert summary["hausdorff95"] == {"mean": 1.5, "interval": TOO_FEW}
    assert summary["dice"]["mean"] == 0.25
    assert "undefined in 2" in format_summary(summary)
    none = summarize([rows[0], rows[2]], sources)
    assert none["hausdorff95"] == {"mean": None, "interval": TOO_FEW}
    assert "Hausdorff 95 undefined" in format_summary(none)
    assert "NaN" not in json.dumps([summary, none])


def test_interval_with_one_image_a_group_is_the_bootstrap_of_the_mean() -> None:
    values = np.random.default_rng(1).normal(0.8, 0.1, 24)
    interval = bootstrap_interval(values.tolist(), [f"group {i}" for i in range(24)])
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=10_000, method="percentile", rng=np.random.default_rng(7)
    ).confidence_interval
    assert interval == pytest.approx(list(expected), abs=0.002)
    assert interval == bootstrap_interval(values.tolist(), [f"group {i}" for i in range(24)])
    assert interval != bootstrap_interval(
        values.tolist(), [f"group {i}" for i in range(24)], seed=1
    )


def test_whole_groups_are_drawn() -> None:
    """The interval agrees with a plain loop and is wider than if images were independent."""
    rng = np.random.default_rng(2)
    sizes = [1, 2, 3, 10, 12, 5, 7]
    groups = [f"group {i}" for i, size in enumerate(sizes) for _ in range(size)]
    values = np.repeat(rng.normal(0.8, 0.1, 7), sizes) + rng.normal(0, 0.01, sum(sizes))
    members = [values[[g == f"group {i}" for g in groups]] for i in range(7)]
    means = [
        np.concatenate([members[i] for i in rng.integers(0, 7, 7)]).mean() for _ in range(10_000)
    ]
    shuffled = rng.permutation(len(values))
    interval = bootstrap_interval(values[shuffled].tolist(), [groups[i] for i in shuffled])
    assert interval == pytest.approx(np.quantile(means, [0.025, 0.975]).tolist(), abs=0.004)
    independent = bootstrap_interval(values.tolist(), [str(i) for i in range(len(values))])
    assert interval[1] - interval[0] > 1.5 * (independent[1] - independent[0])


def test_summary_line_has_the_intervals() -> None:
    data, sources = empty_set((8, 16), "tile", copies=6)
    data.masks[1:, 1, 1] = 1
    rows = image_rows(data, "test", np.roll(data.masks[1:], 1, axis=1), sources)
    line = format_summary(summarize(rows, sources))
    assert line == (
        "Dice 0 (95 % interval 0 to 0), Hausdorff 95 1 px (95 % interval 1 to 1); "
        "6 images of 6 groups"
    )


def test_fewer_than_five_groups_give_no_interval() -> None:
    values = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert bootstrap_interval(values, ["a", "b", "c", "d", "d", "d"]) == TOO_FEW
    low, high = bootstrap_interval(values, ["a", "b", "c", "d", "e", "e"])
    assert 0.5 <= low < high <= 1
    assert bootstrap_interval([1.0] * 5, list("abcde")) == [1.0, 1.0]


def test_distances_of_the_nuclei_are_in_original_pixels(
    nuclei: ProcessedSet, nuclei_processed: Path
) -> None:
    """All originals are larger than 64 x 64: a shift by one pixel is several original pixels."""
    sources = read_csv(nuclei_processed / "sources.csv")
    images, masks, names = nuclei.split("test")
    predicted = np.roll(masks, 1, axis=2)
    rows = image_rows(nuclei, "test", predicted, sources)
    assert [row["name"] for row in rows] == names
    members = [i for i, split in enumerate(nuclei.splits) if split == "test"]
    assert [row["group"] for row in rows] == [nuclei.groups[i] for i in members]
    for row, i, mask in zip(rows, members, predicted, strict=True):
        whole = [int(sources[i][k]) / 64 for k in ("image_height", "image_width")]
        distances = surface_distances(mask.astype(bool), nuclei.masks[i].astype(bool), tuple(whole))
        assert (row["hausdorff95"], row["mean_surface_distance"]) == distances
        assert row["hausdorff95"] >= whole[1] > 1
    summary = summarize(rows, sources)
    assert summary["images"] == len(images)
    assert summary["groups"] == len({row["group"] for row in rows}) == 2
    assert summary["dice"]["mean"] == pytest.approx(np.mean([row["dice"] for row in rows]))
    assert summary == json.loads(json.dumps(summary))
    assert format_summary(summary).endswith(f"{len(images)} images of 2 groups ({TOO_FEW})")


def test_pixel_size_of_the_study_gives_mm(nuclei_raw: Path, tmp_path: Path) -> None:
    study = Preprocess(input_shape=[64, 64, 1], pixel_size_mm=[0.01, 0.02])
    preprocess(nuclei_raw, tmp_path / "out", study, tmp_path / "cache")
    data, sources = ProcessedSet.open(tmp_path / "out"), read_csv(tmp_path / "out/sources.csv")
    _, masks, _ = data.split("test")
    perfect = summarize(image_rows(data, "test", masks, sources), sources)
    assert perfect["unit"] == "mm"
    assert [perfect[k]["mean"] for k in ("dice", "iou", *DISTANCES)] == [1.0, 1.0, 0.0, 0.0]


def test_sources_of_another_set_are_refused() -> None:
    data, sources = empty_set((8, 16), "tile")
    with pytest.raises(
        UserError, match=r"sources\.csv: its names differ from those of manifest\.csv"
    ):
        image_rows(data, "test", data.masks[1:], sources[::-1])


def test_ignored_pixels_are_not_evaluated() -> None:
    """Scores are those of scikit-learn on the counted pixels; other predictions do not matter."""
    rng = np.random.default_rng(0)
    data, sources = empty_set(SIDE, "tile", copies=2)
    data.masks[1:] = rng.random((2, *SIDE)) < 0.5
    data.masks[1, :, 5:9] = data.masks[2] = IGNORED
    predicted = (rng.random((2, *SIDE)) < 0.5).astype(np.uint8)
    first, second = image_rows(data, "test", predicted, sources)
    counted = data.masks[1] != IGNORED
    flat = data.masks[1][counted], predicted[0][counted]
    expected = f1_score(*flat), jaccard_score(*flat)
    assert (first["dice"], first["iou"]) == pytest.approx(expected, abs=1e-15)
    outlines = surface_distances((predicted[0] == 1) & counted, (data.masks[1] == 1) & counted)
    assert outlines == tuple(first[name] for name in DISTANCES)
    assert [second[name] for name in ("dice", "iou", *DISTANCES)] == [1, 1, 0, 0]
    predicted[data.masks[1:] == IGNORED] ^= 1
    assert image_rows(data, "test", predicted, sources) == [first, second]


def test_the_summary_says_how_many_images_have_ignored_pixels() -> None:
    data, sources = empty_set((8, 16), "tile", copies=3)
    rows = image_rows(data, "test", data.masks[1:], sources)
    assert count_ignored(data, "test") == {}
    assert "ignored" not in format_summary(summarize(rows, sources))
    data.masks[:2, 0, 0] = data.masks[3] = IGNORED
    summary = summarize(rows, sources) | count_ignored(data, "test")
    assert "3 images of 3 groups, 2 of them without their ignored pixels" in format_summary(summary)
