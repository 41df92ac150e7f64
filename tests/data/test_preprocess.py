"""Preprocessing of the real sample: arrays, tables, splits, the cache, and every kind of issue."""

import hashlib
import random
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from project import not_as_root
from segsweep.config.sections import Preprocess
from segsweep.core.errors import UserError
from segsweep.core.files import read_csv
from segsweep.data.dataset import ProcessedSet
from segsweep.data.discovery import Pair, find_pairs
from segsweep.data.issues import ISSUE_KINDS, MAX_SHOWN, DataIssuesError, write_issue_report
from segsweep.data.preprocess import preprocess
from segsweep.data.sample import write_sample


def test_nuclei_sample_agrees_with_its_description(nuclei_raw: Path) -> None:
    assert len(find_pairs(nuclei_raw / "images", nuclei_raw / "masks").pairs) == 56
    assert len({row["group"] for row in read_csv(nuclei_raw / "groups.csv")}) == 14
    assert "machine-made" in (nuclei_raw / "README.md").read_text()


def test_pupils_sample_has_images_of_eight_mice(tmp_path: Path) -> None:
    assert write_sample("pupils", tmp_path) == 32
    assert len({row["group"] for row in read_csv(tmp_path / "groups.csv")}) == 8
    summary = preprocess(tmp_path, tmp_path / "out", Preprocess(), tmp_path / "cache")
    assert summary["images"] == 32


def test_arrays_manifest_and_summary_agree(nuclei_raw: Path, tmp_path: Path) -> None:
    summary = preprocess(nuclei_raw, tmp_path, Preprocess(), tmp_path / "cache")
    data = ProcessedSet.open(tmp_path)
    rows = read_csv(tmp_path / "manifest.csv")
    assert isinstance(data.images, np.memmap)
    assert data.images.shape == data.masks.shape == (56, 256, 256)
    assert set(np.unique(data.masks)) == {0, 1}
    assert summary["splits"]["train"]["images"] == 36
    assert summary["percentiles"] == [1.0, 99.8]
    for i, row in enumerate(rows):
        pixels = data.images[i].tobytes() + data.masks[i].tobytes()
        assert row["pixels_sha256"] == hashlib.sha256(pixels).hexdigest()
    # the tiles already have the processed size, so masks have the pixels of their files
    first = np.array(Image.open(nuclei_raw / "masks" / f"{data.names[0]}.png")) > 0
    np.testing.assert_array_equal(data.masks[0], first)
    # rescaling with the recorded grey values gives the processed pixels
    for i, source in enumerate(read_csv(tmp_path / "sources.csv")):
        image = np.array(Image.open(nuclei_raw / "images" / source["image"]), float)
        black, white = float(source["black"]), float(source["white"])
        expected = np.clip((image - black) / (white - black), 0, 1) * 255
        assert np.abs(data.images[i] - expected).max() <= 0.51


@pytest.mark.parametrize("mode", ["resize", "pad", "tile"])
def test_files_do_not_depend_on_the_number_of_workers(
    nuclei_raw: Path, tmp_path: Path, mode: str
) -> None:
    settings = Preprocess(mode=mode, input_shape=[96, 128, 1])
    for workers in (1, 2, 3):
        out, cache = tmp_path / f"out{workers}", tmp_path / f"cache{workers}"
        preprocess(nuclei_raw, out, settings, cache, workers)
    for file in sorted((tmp_path / "out1").iterdir()):
        for other in ("out2", "out3"):
            assert (tmp_path / other / file.name).read_bytes() == file.read_bytes(), file.name
    rows = read_csv(tmp_path / "out1/manifest.csv")
    assert len(rows) == 56 * (6 if mode == "tile" else 1)
    splits = {(row["group"], row["split"]) for row in rows}
    assert len(splits) == 14  # tiles of one image stay in one split


def test_killed_run_continues_and_only_new_images_are_read(
    nuclei_raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    from segsweep.data import image_cache

    def counting(pair: Pair, *rest: Any) -> Any:
        read.append(pair.image.name)
        if len(read) == 30:
            raise KeyboardInterrupt
        return original(pair, *rest)

    original = image_cache.read_pair
    monkeypatch.setattr(image_cache, "read_pair", counting)
    with pytest.raises(KeyboardInterrupt):
        preprocess(nuclei_raw, tmp_path / "out", Preprocess(), tmp_path / "cache")
    preprocess(nuclei_raw, tmp_path / "out", Preprocess(), tmp_path / "cache")
    assert len(read) == 57  # the interrupted image is read twice, all others once
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)
    for folder in ("images", "masks"):
        name = sorted((raw / folder).iterdir())[0]
        flipped = Image.open(name).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        flipped.save(raw / folder / "new.png")
    with (raw / "groups.csv").open("a") as table:
        table.write("new.png,another\n")
    preprocess(raw, tmp_path / "out", Preprocess(), tmp_path / "cache")
    assert read[57:] == ["new.png"]


def add_issues(raw: Path) -> dict[str, str]:
    """Add one issue of every kind to the images in `raw`; return the file names by kind."""
    files = sorted((raw / "images").iterdir())
    changed: dict[str, Path] = {}

    def next_file(kind: str, mask: bool = False) -> Path:
        file = files.pop(0)
        changed[kind] = raw / "masks" / file.name if mask else file
        return changed[kind]

    (raw / "masks" / next_file("partner").name).unlink()
    shutil.copy(files[0], next_file("clash").with_suffix(".bmp"))
    changed["clash"] = changed["clash"].with_suffix(".bmp").with_suffix(".png")
    outside = next_file("outside")
    outside.rename(raw.with_name("outside.png"))
    outside.symlink_to(raw.with_name("outside.png"))
    next_file("empty").write_bytes(b"")
    broken = next_file("unreadable")
    broken.write_bytes(broken.read_bytes()[:300])
    pages = next_file("pages")
    stack = np.stack([np.array(Image.open(pages))] * 3)
    mask = np.array(Image.open(raw / "masks" / pages.name))
    for folder, array in (("images", stack), ("masks", np.stack([mask] * 3))):
        tifffile.imwrite(raw / folder / f"{pages.stem}.tif", array, photometric="minisblack")
        (raw / folder / pages.name).unlink()
    changed["pages"] = pages.with_suffix(".tif")
    nan = next_file("not_finite")
    pixels = np.full((256, 256), np.nan, np.float32)
    nan.unlink()
    tifffile.imwrite(nan.with_suffix(".tif"), pixels)
    changed["not_finite"] = nan.with_suffix(".tif")
    Image.new("L", (256, 256), 7).save(next_file("constant"))
    Image.new("L", (10, 12)).save(raw / "masks" / next_file("size").name)
    image = next_file("mask_is_image", mask=True)
    noise = np.random.default_rng(0).normal(120, 30, (256, 256)).clip(0, 255)
    Image.fromarray(noise.astype(np.uint8)).save(image)
    values = next_file("mask_value", mask=True)
    three = np.array(Image.open(values))
    three[:9, :9] = 128
    Image.fromarray(three).save(values)
    while files[0].stem.rsplit("_", 1)[0] == files[-1].stem.rsplit("_", 1)[0]:
        files.pop(0)
    shutil.copy(files[0], files[-1])
    shutil.copy(raw / "masks" / files[0].name, raw / "masks" / files[-1].name)
    changed["duplicate"] = files[-1]
    return {kind: path.name for kind, path in changed.items()}


def test_issues_of_every_kind_are_reported_at_once_or_dropped(
    nuclei_raw: Path, tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)
    changed = add_issues(raw)
    (raw / "groups.csv").write_text(
        "image,group\n"
        + "".join(
            f"{Path(row['image']).stem},{row['group']}\n"
            for row in read_csv(nuclei_raw / "groups.csv")
            if row["image"] not in (changed["outside"], changed["partner"])
        )
    )
    with pytest.raises(DataIssuesError) as caught:
        preprocess(raw, tmp_path / "out", Preprocess(), tmp_path / "cache")
    reported = {p.kind: Path(p.file).name for p in caught.value.issues if p.severity == "image"}
    # the mask of the symbolic link has no partner either
    assert reported.keys() == changed.keys()
    for kind, name in changed.items():
        if kind not in ("partner", "clash", "outside"):
            assert reported[kind] == name, kind
    text = str(caught.value)
    for kind, name in changed.items():
        assert f"{ISSUE_KINDS[kind][0]} (" in text
        assert name.rsplit(".")[0] in text
    assert not (tmp_path / "out").exists()
    report = tmp_path / "report.md"
    write_issue_report(caught.value.issues, str(report))
    assert all(name.rsplit(".")[0] in report.read_text() for name in changed.values())

    summary = preprocess(raw, tmp_path / "out", Preprocess(on_bad="drop"), tmp_path / "cache")
    assert summary["images"] == 56 - len(changed)
    assert summary["dropped"] == len({i.file for i in caught.value.issues if i.severity == "image"})
    problems = read_csv(tmp_path / "out/problems.csv")
    assert len([row for row in problems if row["kind"] in changed]) == summary["dropped"]


def test_file_without_permission_is_an_issue(nuclei_raw: Path, open_folder: Path) -> None:
    raw = open_folder / "raw"
    shutil.copytree(nuclei_raw, raw)
    for folder in (raw, raw / "images", raw / "masks"):
        folder.chmod(0o755)
    sorted((raw / "masks").iterdir())[0].chmod(0)
    with not_as_root(), pytest.raises(DataIssuesError) as caught:
        preprocess(raw, open_folder / "out", Preprocess(), open_folder / "cache")
    assert [p.kind for p in caught.value.issues if p.label == "error"] == ["permission"]


def test_slices_of_a_stack_are_one_group(nuclei_raw: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for folder in ("images", "masks"):
        files = sorted((nuclei_raw / folder).iterdir())
        (raw / folder).mkdir(parents=True)
        for i in range(0, 56, 4):
            pages = np.stack([np.array(Image.open(f)) for f in files[i : i + 4]])
            name = raw / folder / f"{files[i].stem[:-3]}.tif"
            tifffile.imwrite(name, pages, photometric="minisblack")
    summary = preprocess(raw, tmp_path / "out", Preprocess(stacks="slices"), tmp_path / "cache")
    assert summary["images"] == 56
    data = ProcessedSet.open(tmp_path / "out")
    assert len({(g, s) for g, s in zip(data.groups, data.splits, strict=True)}) == 14
    whole = preprocess(nuclei_raw, tmp_path / "flat", Preprocess(), tmp_path / "cache")
    assert whole["images"] == 56
    np.testing.assert_array_equal(data.images, ProcessedSet.open(tmp_path / "flat").images)


def test_damaged_cached_image_is_processed_again(nuclei_raw: Path, tmp_path: Path) -> None:
    whole = preprocess(nuclei_raw, tmp_path / "out", Preprocess(), tmp_path / "cache")
    arrays = (tmp_path / "out/images.npy").read_bytes()
    first, second, third = sorted((tmp_path / "cache").rglob("*.npy"))[:3]
    first.write_bytes(b"")
    second.unlink()
    assert preprocess(nuclei_raw, tmp_path / "out", Preprocess(), tmp_path / "cache") == whole
    assert (tmp_path / "out/images.npy").read_bytes() == arrays
    for file in (second, third):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    with pytest.raises(
        UserError, match="found a damaged cached image; all 2 damaged ones are removed; run"
    ):
        preprocess(nuclei_raw, tmp_path / "out", Preprocess(), tmp_path / "cache")
    preprocess(nuclei_raw, tmp_path / "out", Preprocess(), tmp_path / "cache")
    assert (tmp_path / "out/images.npy").read_bytes() == arrays


def test_cached_facts_with_a_flipped_bit_are_not_used(nuclei_raw: Path, tmp_path: Path) -> None:
    def run() -> dict[str, bytes]:
        preprocess(nuclei_raw, tmp_path / "out", Preprocess(), tmp_path / "cache")
        return {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}

    whole = run()
    chance = random.Random(0)
    for file in sorted((tmp_path / "cache").rglob("*.json")):
        content = bytearray(file.read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        file.write_bytes(content)
    assert run() == whole


def test_an_image_that_is_exchanged_while_it_is_read_is_not_cached(
    nuclei_raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from segsweep.data import image_cache

    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)
    first, second = sorted((raw / "images").iterdir())[:2]
    original, other = first.read_bytes(), second.read_bytes()
    read_pair = image_cache.read_pair

    def exchanged(pair: Pair, *rest: Any) -> Any:
        if pair.image == first:
            first.write_bytes(other)
        result = read_pair(pair, *rest)
        if pair.image == first:
            first.write_bytes(original)
        return result

    with monkeypatch.context() as patch:
        patch.setattr(image_cache, "read_pair", exchanged)
        with pytest.raises(UserError, match=f"{first}: was changed while it was read"):
            preprocess(raw, tmp_path / "out", Preprocess(), tmp_path / "cache")
    preprocess(raw, tmp_path / "out", Preprocess(), tmp_path / "cache")
    preprocess(nuclei_raw, tmp_path / "whole", Preprocess(), tmp_path / "other cache")
    for name in ("images.npy", "manifest.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("array", ["images.npy", "masks.npy"])
def test_an_array_with_a_flipped_bit_is_refused_when_it_is_read(
    nuclei_processed: Path, tmp_path: Path, array: str
) -> None:
    folder = tmp_path / "processed"
    shutil.copytree(nuclei_processed, folder)
    content = bytearray((folder / array).read_bytes())
    content[-1] ^= 1
    (folder / array).write_bytes(content)
    data = ProcessedSet.open(folder)
    data.read(range(len(data.names) - 1))
    with pytest.raises(UserError, match=f"other pixels of {re.escape(data.names[-1])} than"):
        data.read([len(data.names) - 1])


def test_many_issues_of_one_kind_are_shortened_on_the_terminal(
    nuclei_raw: Path, tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)
    for image in sorted((raw / "images").iterdir())[:30]:
        image.write_bytes(b"")
    with pytest.raises(DataIssuesError) as caught:
        preprocess(raw, tmp_path / "out", Preprocess(), tmp_path / "cache")
    assert str(caught.value).count("has no content") == MAX_SHOWN
    assert "... and 10 more" in str(caught.value)


def test_splits_in_the_table_are_used(nuclei_raw: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)
    rows = read_csv(raw / "groups.csv")
    groups = sorted({row["group"] for row in rows})
    split = {g: ("test", "validation", "train")[min(i, 2)] for i, g in enumerate(groups)}
    lines = [f"{row['image']},{row['group']},{split[row['group']]}" for row in rows]
    (raw / "groups.csv").write_text("\n".join(["image,group,split", *lines]) + "\n")
    summary = preprocess(raw, tmp_path / "out", Preprocess(), tmp_path / "cache")
    assert [s["images"] for s in summary["splits"].values()] == [48, 4, 4]


def test_an_array_that_is_written_to_in_place_during_a_training_is_refused(
    nuclei_processed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "processed"
    shutil.copytree(nuclei_processed, folder)
    data = ProcessedSet.open(folder)
    data.read(range(len(data.names)))
    data.check_unchanged()
    with (folder / "images.npy").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\1")
    with pytest.raises(UserError, match=r"images\.npy: was written to during the run"):
        data.check_unchanged()


def test_an_image_that_rots_with_its_times_kept_is_not_cached(
    nuclei_raw: Path, tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)
    first, second = sorted((raw / "images").iterdir())[:2]
    remembered = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in [first]}
    first.write_bytes(second.read_bytes())
    with pytest.raises(UserError, match=f"{first}: found other content than before, although"):
        preprocess(
            raw, tmp_path / "out", Preprocess(), tmp_path / "cache", known_hash=remembered.get
        )
    assert not list((tmp_path / "cache").rglob("*.npy"))
