"""Issues of the data set as a whole: duplicates, inverted masks, saturated images, splits."""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from segsweep.config.sections import Preprocess
from segsweep.core.files import read_csv
from segsweep.data.issues import DataIssue, DataIssuesError
from segsweep.data.prepare import perceptual_hash
from segsweep.data.preprocess import preprocess
from segsweep.data.validation import find_equal, find_nearly_equal


def as_float(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"), np.float32) / 255


def warnings_in(folder: Path) -> dict[str, str]:
    """Return kind and file of the warnings about a processed data set."""
    issues = [DataIssue(**row) for row in read_csv(folder / "problems.csv")]
    return {issue.kind: issue.file for issue in issues if issue.label == "warning"}


def test_equal_hashes_in_different_groups_are_found() -> None:
    assert list(find_equal(["a", "b", "a", "a"], ["1", "1", "1", "2"])) == [(0, 3)]


def test_nearly_equal_images_are_found_and_others_are_not(nuclei_raw: Path) -> None:
    images = [Image.open(p) for p in sorted((nuclei_raw / "images").iterdir())]
    groups = [f"g{i // 4}" for i in range(len(images))]
    hashes = {i: perceptual_hash(as_float(image)) for i, image in enumerate(images)}
    assert find_nearly_equal(hashes, groups) == []
    for i in (0, 17, 40):
        compressed = io.BytesIO()
        images[i].resize((180, 180)).point(lambda v: v * 0.8 + 20).save(compressed, "JPEG")
        altered = hashes | {len(images): perceptual_hash(as_float(Image.open(compressed)))}
        assert find_nearly_equal(altered, [*groups, "other"]) == [(i, len(images))]


def test_all_pairs_within_three_bits_are_found() -> None:
    rng = np.random.default_rng(0)
    hashes = {i: int(rng.integers(2**63)) for i in range(50)}
    flipped = {50 + i: hashes[i] ^ (1 << i) ^ (1 << (i + 13) % 64) ^ (1 << 63) for i in range(50)}
    groups = ["a"] * 50 + ["b"] * 50
    assert find_nearly_equal(hashes | flipped, groups) == [(i, 50 + i) for i in range(50)]


def test_issues_of_the_data_set(nuclei_raw: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)

    def kinds(**changes: Any) -> list[str]:
        with pytest.raises(DataIssuesError) as caught:
            preprocess(raw, tmp_path / "out", Preprocess(**changes), tmp_path / "cache")
        return sorted({p.kind for p in caught.value.issues if p.label != "assumption"})

    for mask in (raw / "masks").iterdir():
        Image.new("L", (256, 256)).save(mask)
    assert kinds() == ["no_foreground"]
    (raw / "groups.csv").write_text("image,group\nnowhere.png,a\n")
    assert kinds() == ["groups"]


def test_warnings_of_inverted_masks_near_duplicates_and_groups_of_one(
    nuclei_raw: Path, tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)
    for mask in (raw / "masks").iterdir():
        Image.fromarray(255 - np.array(Image.open(mask))).save(mask)
    (raw / "groups.csv").unlink()
    first = sorted((raw / "images").iterdir())[0]
    Image.open(first).point(lambda v: v * 0.9 + 9).save(raw / "images/copy.png")
    shutil.copy(raw / "masks" / first.name, raw / "masks/copy.png")
    bright = sorted((raw / "images").iterdir())[9]
    Image.open(bright).point(lambda v: min(255, v * 20)).save(bright)
    with pytest.raises(DataIssuesError, match="56 of 57 masks have foreground along") as caught:
        preprocess(raw, tmp_path / "out", Preprocess(), tmp_path / "cache")
    assert "preprocess.background: [255] if 255 is background" in str(caught.value)
    assert "preprocess.background: [0] if the masks are right" in str(caught.value)
    settings = Preprocess(background=[0])
    preprocess(raw, tmp_path / "out", settings, tmp_path / "right")
    warnings = warnings_in(tmp_path / "out")
    assert warnings.keys() == {"inverted", "near_duplicate", "own_groups", "saturated"}
    assert first.name in warnings["near_duplicate"] or "copy" in warnings["near_duplicate"]


def test_images_equal_only_after_processing_are_a_warning(nuclei_raw: Path, tmp_path: Path) -> None:
    """They differ in one pixel, which the small processed image does not show."""
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)
    files = sorted((raw / "images").iterdir())
    for folder in ("images", "masks"):
        shutil.copy(raw / folder / files[0].name, raw / folder / files[-1].name)
    pixels = np.array(Image.open(files[-1]))
    pixels[3, 3] += 1
    Image.fromarray(pixels).save(files[-1])
    settings = Preprocess(input_shape=[32, 32, 1])
    preprocess(raw, tmp_path / "out", settings, tmp_path / "cache")
    assert list(warnings_in(tmp_path / "out")) == ["near_duplicate"]


def test_duplicates_are_found_on_every_page_of_a_stack(nuclei_raw: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    files = sorted((nuclei_raw / "images").iterdir())[::4]
    for folder in ("images", "masks"):
        (raw / folder).mkdir(parents=True)
        for i in range(4):
            names = [files[3 * i + k].name for k in range(3)]
            if i == 1:
                names[0] = files[2].name  # the last page of the previous stack
            pages = [np.array(Image.open(nuclei_raw / folder / name)) for name in names]
            tifffile.imwrite(raw / folder / f"s{i}.tif", np.stack(pages), photometric="minisblack")
    for mode in ("resize", "tile"):
        with pytest.raises(DataIssuesError) as caught:
            preprocess(
                raw,
                tmp_path / "out",
                Preprocess(stacks="slices", mode=mode, input_shape=[128, 128, 1]),
                tmp_path / "cache" / mode,
            )
        duplicates = [p for p in caught.value.issues if p.kind == "duplicate"]
        assert [Path(p.file).name for p in duplicates] == ["s1.tif"]
