"""Pairing, the grouped split, the manifest and the arrays, on the real sample."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segsweep.data.arrays import ProcessedSet
from segsweep.data.contact_sheet import draw
from segsweep.data.dataset import find_pairs, preprocess, split_groups
from segsweep.errors import UserError
from segsweep.files import read_csv

SETTINGS = ([256, 256, 1], [1.0, 99.8], 0.2, 0.15, 0)


def test_the_nuclei_sample_is_what_it_is_described_as(nuclei_raw: Path) -> None:
    sources = find_pairs(nuclei_raw)
    assert len(sources) == 56
    assert len({s.group for s in sources}) == 14
    assert "machine-made" in (nuclei_raw / "README.md").read_text()


def test_the_pupils_sample_has_the_hand_drawn_masks_of_eight_mice(tmp_path: Path) -> None:
    from segsweep.data.sample import write_sample

    assert write_sample("pupils", tmp_path) == 32
    assert len({s.group for s in find_pairs(tmp_path)}) == 8


def test_no_group_is_split_and_all_splits_are_there() -> None:
    groups = [f"g{i % 14}" for i in range(56)]
    split_of = split_groups(groups, 0.2, 0.15, seed=3)
    assert set(split_of) == set(groups)
    assert sorted(split_of.values()) == ["test"] * 2 + ["train"] * 9 + ["validation"] * 3
    assert split_of == split_groups(groups[::-1], 0.2, 0.15, seed=3)
    assert split_of != split_groups(groups, 0.2, 0.15, seed=4)
    assert set(split_groups(["a", "b", "c"], 0.1, 0.1, 0).values()) == {
        "train",
        "validation",
        "test",
    }


def test_arrays_manifest_and_summary_agree(nuclei_raw: Path, tmp_path: Path) -> None:
    summary = preprocess(nuclei_raw, tmp_path, *SETTINGS)
    data = ProcessedSet.open(tmp_path)
    rows = read_csv(tmp_path / "manifest.csv")
    assert isinstance(data.images, np.memmap)
    assert data.images.shape == data.masks.shape == (56, 256, 256)
    assert set(np.unique(data.masks)) == {0, 1}
    assert summary["splits"]["train"]["images"] == 36
    for i, row in enumerate(rows):
        pixels = data.images[i].tobytes() + data.masks[i].tobytes()
        assert row["pixels_sha256"] == hashlib.sha256(pixels).hexdigest()
    # the tiles have the network's size, so a mask is the file's own pixels
    first = np.array(Image.open(nuclei_raw / "masks" / f"{data.names[0]}.png")) > 0
    np.testing.assert_array_equal(data.masks[0], first)


def test_every_fault_is_named_before_anything_is_written(nuclei_raw: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)
    images = sorted((raw / "images").iterdir())
    (raw / "masks" / images[0].name).unlink()
    images[1].unlink()
    with pytest.raises(UserError) as caught:
        preprocess(raw, tmp_path / "out", *SETTINGS)
    assert images[0].name in str(caught.value)
    assert images[1].name in str(caught.value)

    shutil.rmtree(raw)
    shutil.copytree(nuclei_raw, raw)
    images[2].write_bytes(b"no image")
    Image.new("L", (10, 12)).save(raw / "masks" / images[3].name)
    with pytest.raises(UserError) as caught:
        preprocess(raw, tmp_path / "out", *SETTINGS)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert images[2].name in lines[0]
    assert "10 x 12" in lines[1]
    assert not (tmp_path / "out").exists()


def test_too_few_groups_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found 2 groups"):
        split_groups(["a", "b", "b"], 0.2, 0.2, 0)


def test_the_contact_sheet_shows_outlines_in_the_colour_of_each_split(
    nuclei: ProcessedSet, tmp_path: Path
) -> None:
    from segsweep.data.contact_sheet import COLOURS

    draw(nuclei, tmp_path / "sheet.png")
    pixels = np.array(Image.open(tmp_path / "sheet.png")).reshape(-1, 3)
    for colour in COLOURS.values():
        assert (pixels == colour).all(axis=1).sum() > 1000
