"""What follows only from the masks of the whole data set: codings, grey edges, lost foreground."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter
from skimage.io import imsave

from segsweep.config.sections import Preprocess
from segsweep.core.files import read_csv
from segsweep.data.dataset import ProcessedSet
from segsweep.data.issues import DataIssue, DataIssuesError
from segsweep.data.preprocess import image_settings, preprocess

SIZE = (64, 96)
COUNT = 9


def truth(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return a mask with three rectangles, bool."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(size, bool)
    for _ in range(3):
        top, left = rng.integers(4, size[0] - 24), rng.integers(4, size[1] - 24)
        mask[top : top + rng.integers(8, 20), left : left + rng.integers(8, 20)] = True
    return mask


def image_of(mask: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 12, mask.shape)
    return np.clip(90 + 90 * mask + noise, 0, 255).astype(np.uint8)


def write(raw: Path, masks: Mapping[str, np.ndarray], truths: Mapping[str, np.ndarray]) -> None:
    """Write images and masks; the keys are names with the suffix of the mask."""
    for folder in ("images", "masks"):
        (raw / folder).mkdir(parents=True)
    for i, (name, mask) in enumerate(masks.items()):
        imsave(raw / "images" / f"{name.split('.')[0]}.png", image_of(truths[name], i))
        imsave(raw / "masks" / name, mask, check_contrast=False)


def run(raw: Path, out: Path, **changes: object) -> tuple[ProcessedSet, list[DataIssue]]:
    settings = Preprocess.model_validate({"input_shape": [*SIZE, 1], **changes})
    preprocess(raw, out, settings, raw.parent / "cache" / image_settings(settings).digest(""))
    issues = [DataIssue(**row) for row in read_csv(out / "problems.csv")]
    return ProcessedSet.open(out), issues


def errors(raw: Path, out: Path, **changes: object) -> dict[str, DataIssue]:
    with pytest.raises(DataIssuesError) as caught:
        run(raw, out, **changes)
    return {issue.kind: issue for issue in caught.value.issues if issue.label == "error"}


@pytest.fixture
def truths() -> dict[str, np.ndarray]:
    return {f"i{i}.png": truth(i) for i in range(COUNT)}


def test_two_codings_are_refused_until_the_study_says_what_they_mean(
    tmp_path: Path, truths: dict[str, np.ndarray]
) -> None:
    masks = {
        name: mask * np.uint8(1 if i % 2 else 255) for i, (name, mask) in enumerate(truths.items())
    }
    write(tmp_path / "raw", masks, truths)
    for masks_key in ("binary", [1]):
        issue = errors(tmp_path / "raw", tmp_path / "out", masks=masks_key)["mask_coding"]
        assert "1 in 4, 255 in 5 of 9 masks" in issue.found
        assert "1, 255]" in issue.todo
    data, issues = run(tmp_path / "raw", tmp_path / "out", masks=[1, 255])
    for i, name in enumerate(data.names):
        np.testing.assert_array_equal(data.masks[i], truths[f"{name}.png"])
    (stated,) = (issue for issue in issues if issue.kind == "mask_values")
    assert "foreground: 255 (in 5 of 9 masks), 1 (in 4 of 9 masks)" in stated.found


def test_ignored_pixels_are_255_in_the_arrays(
    tmp_path: Path, truths: dict[str, np.ndarray]
) -> None:
    masks = {}
    for i, (name, mask) in enumerate(truths.items()):
        masks[name] = mask.astype(np.uint8)
        if i % 3 == 0:  # some masks have the border only
            masks[name][:] = 0
            masks[name][:10] = 255
    write(tmp_path / "raw", masks, truths)
    assert "mask_coding" in errors(tmp_path / "raw", tmp_path / "out")
    data, issues = run(tmp_path / "raw", tmp_path / "out", ignore=255)
    for i, name in enumerate(data.names):
        np.testing.assert_array_equal(data.masks[i], masks[f"{name}.png"])
    assert any("ignored: 255 (in 3 of 9 masks)" in issue.found for issue in issues)
    rows = {row["name"]: float(row["foreground"]) for row in read_csv(tmp_path / "out/sources.csv")}
    assert rows["i0"] == 0
    half, _ = run(tmp_path / "raw", tmp_path / "half", ignore=255, input_shape=[32, 48, 1])
    first = half.masks[half.names.index("i0")]
    assert (first[:5] == 255).all()
    assert not first[5:].any()


def test_a_mask_without_objects_among_masks_with_grey_edges_stays_empty(
    tmp_path: Path, truths: dict[str, np.ndarray]
) -> None:
    """Seen alone, the corner of an object at half its brightness would be the foreground."""
    truths["i0.png"] = np.zeros(SIZE, bool)
    masks = {}
    for name, mask in truths.items():
        big = np.kron(np.roll(mask, 1, 1), np.ones((2, 2)))
        big = np.roll(big, (1, 1), (0, 1))
        masks[name] = (big.reshape(64, 2, 96, 2).mean((1, 3)) * 255).astype(np.uint8)
        truths[name] = masks[name] >= 128
    masks["i0.png"][0, :3] = 63
    write(tmp_path / "raw", masks, truths)
    data, issues = run(tmp_path / "raw", tmp_path / "out")
    for i, name in enumerate(data.names):
        np.testing.assert_array_equal(data.masks[i], truths[f"{name}.png"])
    (edges,) = (issue for issue in issues if issue.kind == "grey_edges")
    assert "8 of 9 masks have grey edges" in edges.found
    again, _ = run(tmp_path / "raw", tmp_path / "again")
    assert again.identity == data.identity


def hairline(seed: int, wide: bool) -> np.ndarray:
    image = Image.new("L", (960, 640))
    draw = ImageDraw.Draw(image)
    y = np.random.default_rng(seed).integers(100, 540, 9)
    draw.line([(120 * i, int(v)) for i, v in enumerate(y)], fill=255, width=2)
    if wide:
        draw.line([(400, 0), (500, 640)], fill=255, width=30)
    return np.asarray(image)


@pytest.mark.parametrize("wide", [False, True])
def test_foreground_that_is_lost_by_shrinking_is_refused(tmp_path: Path, wide: bool) -> None:
    masks = {f"i{i}.png": hairline(i, wide and i % 3 == 0) for i in range(COUNT)}
    write(tmp_path / "raw", masks, {name: mask > 0 for name, mask in masks.items()})
    issue = errors(tmp_path / "raw", tmp_path / "out")["shrunk"]
    lost = 6 if wide else 9
    assert f"{lost} of 9 masks lost all of their foreground" in issue.found
    assert "preprocess.mode: tile" in issue.todo
    data, issues = run(tmp_path / "raw", tmp_path / "out", mode="tile")
    (stated,) = (issue for issue in issues if issue.kind == "mask_values")
    assert re.search(r"background: 0 \(in 9 of 9 masks\), 9\d\.\d % of the pixels", stated.found)
    windows = read_csv(tmp_path / "out/sources.csv")
    for i, window in enumerate(windows):
        top, left = int(window["top"]), int(window["left"])
        part = masks[f"{window['name'].split('@')[0]}.png"][top : top + 64, left : left + 96] > 0
        np.testing.assert_array_equal(data.masks[i], part)


def test_a_speck_that_is_lost_in_one_of_many_masks_is_a_warning(tmp_path: Path) -> None:
    truths = {f"i{i}.png": truth(i, (128, 192)) for i in range(101)}
    truths["i7.png"][:] = False
    truths["i7.png"][4, 7] = True
    write(tmp_path / "raw", {n: m * np.uint8(255) for n, m in truths.items()}, truths)
    _, issues = run(tmp_path / "raw", tmp_path / "out")
    (lost,) = (issue for issue in issues if issue.kind == "few_shrunk")
    assert lost.file.endswith("i7.png")
    assert "1 of 101 masks lost all" in lost.found


def test_lines_that_are_lost_along_one_axis_only_are_refused(tmp_path: Path) -> None:
    masks = {f"i{i}.png": np.zeros((600, 40), np.uint8) for i in range(COUNT)}
    for i, mask in enumerate(masks.values()):  # the processed mask has more pixels
        mask[50 + i :: 60] = 255
    write(tmp_path / "raw", masks, {name: mask > 0 for name, mask in masks.items()})
    issue = errors(tmp_path / "raw", tmp_path / "out", input_shape=[128, 256, 1])["shrunk"]
    assert "9 of 9 masks lost all of their foreground" in issue.found


def test_small_objects_that_are_lost_next_to_large_ones_are_a_warning(tmp_path: Path) -> None:
    masks = {f"i{i}.png": np.zeros((320, 480), np.uint8) for i in range(COUNT)}
    for mask in masks.values():
        mask[100:300, 100:400] = 255
        mask[10:80:10, 10:400:20] = 255
    write(tmp_path / "raw", masks, {name: mask > 0 for name, mask in masks.items()})
    _, issues = run(tmp_path / "raw", tmp_path / "out")
    (lost,) = (issue for issue in issues if issue.kind == "few_shrunk")
    assert "of 1269 objects in all masks, 9 are left" in lost.found


def test_a_few_inverted_masks_are_a_warning(tmp_path: Path, truths: dict[str, np.ndarray]) -> None:
    masks = {name: mask * np.uint8(255) for name, mask in truths.items()}
    for name in ("i2.png", "i5.png"):
        masks[name] = 255 - masks[name]
    write(tmp_path / "raw", masks, truths)
    _, issues = run(tmp_path / "raw", tmp_path / "out")
    (inverted,) = (issue for issue in issues if issue.kind == "inverted")
    assert inverted.file.endswith("i2.png")
    assert "2 of 9 masks" in inverted.found


@pytest.mark.parametrize("kind", ["lossy", "smoothed", "negative"])
def test_one_mask_that_the_others_do_not_explain_is_refused(
    tmp_path: Path, truths: dict[str, np.ndarray], kind: str
) -> None:
    masks = {name.replace("png", "tif"): mask.astype(np.int16) for name, mask in truths.items()}
    truths = {name.replace("png", "tif"): mask for name, mask in truths.items()}
    odd = masks.pop("i4.tif")
    name = "i4.jpg" if kind == "lossy" else "i4.tif"
    truths[name] = truths.pop("i4.tif")
    if kind == "lossy":
        odd = odd.astype(np.uint8) * np.uint8(255)
    elif kind == "smoothed":
        odd = np.rint(gaussian_filter(odd * 200.0, 0.8)).astype(np.int16)
    else:
        odd[:5] = -1
    masks[name] = odd
    write(tmp_path / "raw", masks, truths)
    issue = errors(tmp_path / "raw", tmp_path / "out", masks="labels")["mask_value"]
    assert issue.file.endswith(name)
    data, _ = run(tmp_path / "raw", tmp_path / "out", masks="labels", on_bad="drop")
    assert len(data.names) == COUNT - 1
