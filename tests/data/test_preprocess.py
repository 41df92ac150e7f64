"""Preprocessing on the real sample: arrays, tables, splits, and every class of fault at once."""

import hashlib
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
from segsweep.data.contact_sheet import COLOURS, draw
from segsweep.data.data_report import write_faults
from segsweep.data.dataset import ProcessedSet
from segsweep.data.discovery import find_pairs
from segsweep.data.issues import CLASSES, SHOWN, FaultsError
from segsweep.data.preprocess import preprocess
from segsweep.data.sample import write_sample


def study(**changes: Any) -> dict[str, Any]:
    return Preprocess(**changes).model_dump()


def test_the_nuclei_sample_is_what_it_is_described_as(nuclei_raw: Path) -> None:
    assert len(find_pairs(nuclei_raw / "images", nuclei_raw / "masks").pairs) == 56
    assert len({row["group"] for row in read_csv(nuclei_raw / "groups.csv")}) == 14
    assert "machine-made" in (nuclei_raw / "README.md").read_text()


def test_the_pupils_sample_has_the_hand_drawn_masks_of_eight_mice(tmp_path: Path) -> None:
    assert write_sample("pupils", tmp_path) == 32
    assert len({row["group"] for row in read_csv(tmp_path / "groups.csv")}) == 8
    summary = preprocess(tmp_path, tmp_path / "out", study(), tmp_path / "kept")
    assert summary["images"] == 32


def test_arrays_manifest_and_summary_agree(nuclei_raw: Path, tmp_path: Path) -> None:
    summary = preprocess(nuclei_raw, tmp_path, study(), tmp_path / "kept")
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
    # the tiles have the network's size, so a mask is the file's own pixels
    first = np.array(Image.open(nuclei_raw / "masks" / f"{data.names[0]}.png")) > 0
    np.testing.assert_array_equal(data.masks[0], first)
    # what stretched an image is recorded: repeating it gives the pixels
    for i, source in enumerate(read_csv(tmp_path / "sources.csv")):
        image = np.array(Image.open(nuclei_raw / "images" / source["image"]), float)
        black, white = float(source["black"]), float(source["white"])
        again = np.clip((image - black) / (white - black), 0, 1) * 255
        assert np.abs(data.images[i] - again).max() <= 0.51


@pytest.mark.parametrize("mode", ["resize", "pad", "tile"])
def test_the_files_do_not_depend_on_the_workers(
    nuclei_raw: Path, tmp_path: Path, mode: str
) -> None:
    settings = study(mode=mode, input_shape=[96, 128, 1])
    for workers in (1, 2, 3):
        out, kept = tmp_path / f"out{workers}", tmp_path / f"kept{workers}"
        preprocess(nuclei_raw, out, settings, kept, workers)
    for file in sorted((tmp_path / "out1").iterdir()):
        for other in ("out2", "out3"):
            assert (tmp_path / other / file.name).read_bytes() == file.read_bytes(), file.name
    rows = read_csv(tmp_path / "out1/manifest.csv")
    assert len(rows) == 56 * (6 if mode == "tile" else 1)
    splits = {(row["group"], row["split"]) for row in rows}
    assert len(splits) == 14  # tiles of one image stay in one split


def test_a_kill_resumes_and_only_new_images_are_read(
    nuclei_raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    from segsweep.data import prepare

    def counting(path: Path) -> Any:
        read.append(path.name)
        if len(read) == 30:
            raise KeyboardInterrupt
        return original(path)

    original = prepare.read_grey
    monkeypatch.setattr(prepare, "read_grey", counting)
    with pytest.raises(KeyboardInterrupt):
        preprocess(nuclei_raw, tmp_path / "out", study(), tmp_path / "kept")
    preprocess(nuclei_raw, tmp_path / "out", study(), tmp_path / "kept")
    assert len(read) == 57  # the one that was cut off twice, all others once
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)
    for folder in ("images", "masks"):
        name = sorted((raw / folder).iterdir())[0]
        flipped = Image.open(name).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        flipped.save(raw / folder / "new.png")
    with (raw / "groups.csv").open("a") as table:
        table.write("new.png,another\n")
    preprocess(raw, tmp_path / "out", study(), tmp_path / "kept")
    assert read[57:] == ["new.png"]


def spoil(raw: Path) -> dict[str, str]:
    """One fixture of every class of fault of an image: its file, by class."""
    files = sorted((raw / "images").iterdir())
    spoiled: dict[str, Path] = {}

    def take(kind: str, mask: bool = False) -> Path:
        file = files.pop(0)
        spoiled[kind] = raw / "masks" / file.name if mask else file
        return spoiled[kind]

    (raw / "masks" / take("partner").name).unlink()
    shutil.copy(files[0], take("clash").with_suffix(".bmp"))
    spoiled["clash"] = spoiled["clash"].with_suffix(".bmp").with_suffix(".png")
    outside = take("outside")
    outside.rename(raw.with_name("outside.png"))
    outside.symlink_to(raw.with_name("outside.png"))
    take("empty").write_bytes(b"")
    broken = take("unreadable")
    broken.write_bytes(broken.read_bytes()[:300])
    pages = take("pages")
    stack = np.stack([np.array(Image.open(pages))] * 3)
    mask = np.array(Image.open(raw / "masks" / pages.name))
    for folder, array in (("images", stack), ("masks", np.stack([mask] * 3))):
        tifffile.imwrite(raw / folder / f"{pages.stem}.tif", array, photometric="minisblack")
        (raw / folder / pages.name).unlink()
    spoiled["pages"] = pages.with_suffix(".tif")
    lossy = take("lossy_mask", mask=True)
    Image.open(lossy).save(lossy.with_suffix(".jpg"))
    lossy.unlink()
    spoiled["lossy_mask"] = lossy.with_suffix(".jpg")
    nan = take("not_finite")
    pixels = np.array(Image.open(nan), np.float32)
    pixels[3, 3] = np.nan
    nan.unlink()
    tifffile.imwrite(nan.with_suffix(".tif"), pixels)
    spoiled["not_finite"] = nan.with_suffix(".tif")
    Image.new("L", (256, 256), 7).save(take("constant"))
    Image.new("L", (10, 12)).save(raw / "masks" / take("size").name)
    image = take("mask_is_image", mask=True)
    noise = np.random.default_rng(0).normal(120, 30, (256, 256)).clip(0, 255)
    Image.fromarray(noise.astype(np.uint8)).save(image)
    values = take("mask_values", mask=True)
    three = np.array(Image.open(values))
    three[:9, :9] = 128
    Image.fromarray(three).save(values)
    while files[0].stem.rsplit("_", 1)[0] == files[-1].stem.rsplit("_", 1)[0]:
        files.pop(0)
    shutil.copy(files[0], files[-1])
    shutil.copy(raw / "masks" / files[0].name, raw / "masks" / files[-1].name)
    spoiled["duplicate"] = files[-1]
    return {kind: path.name for kind, path in spoiled.items()}


def test_every_class_of_fault_is_told_at_once_or_dropped(nuclei_raw: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)
    groups = (raw / "groups.csv").read_text()
    spoiled = spoil(raw)
    (raw / "groups.csv").write_text(
        "image,group\n"
        + "".join(
            f"{Path(row['image']).stem},{row['group']}\n"
            for row in read_csv(nuclei_raw / "groups.csv")
            if row["image"] not in (spoiled["outside"], spoiled["partner"])
        )
    )
    assert groups
    with pytest.raises(FaultsError) as caught:
        preprocess(raw, tmp_path / "out", study(), tmp_path / "kept")
    found = {p.kind: Path(p.file).name for p in caught.value.problems if p.severity == "image"}
    # a mask without its image is a missing partner too (of the symbolic link)
    assert found.keys() == spoiled.keys()
    for kind, name in spoiled.items():
        if kind not in ("partner", "clash", "outside"):
            assert found[kind] == name, kind
    text = str(caught.value)
    for kind, name in spoiled.items():
        assert f"{CLASSES[kind][0]} (" in text
        assert name.rsplit(".")[0] in text
    assert not (tmp_path / "out").exists()
    report = tmp_path / "report.md"
    write_faults(caught.value.problems, str(report))
    assert all(name.rsplit(".")[0] in report.read_text() for name in spoiled.values())

    summary = preprocess(raw, tmp_path / "out", study(on_bad="drop"), tmp_path / "kept")
    assert summary["images"] == 56 - len(spoiled)
    assert summary["dropped"] == len(caught.value.problems)
    assert len(read_csv(tmp_path / "out/problems.csv")) == summary["dropped"]


def test_a_file_without_permission_is_a_fault(nuclei_raw: Path, open_folder: Path) -> None:
    raw = open_folder / "raw"
    shutil.copytree(nuclei_raw, raw)
    for folder in (raw, raw / "images", raw / "masks"):
        folder.chmod(0o755)
    sorted((raw / "masks").iterdir())[0].chmod(0)
    with not_as_root(), pytest.raises(FaultsError) as caught:
        preprocess(raw, open_folder / "out", study(), open_folder / "kept")
    assert [p.kind for p in caught.value.problems] == ["permission"]


def test_faults_of_the_set(nuclei_raw: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)

    def kinds(**changes: Any) -> list[str]:
        with pytest.raises(FaultsError) as caught:
            preprocess(raw, tmp_path / "out", study(**changes), tmp_path / "kept")
        return sorted({p.kind for p in caught.value.problems})

    for mask in (raw / "masks").iterdir():
        Image.new("L", (256, 256)).save(mask)
    assert kinds() == ["no_foreground"]
    (raw / "groups.csv").write_text("image,group\nnowhere.png,a\n")
    assert kinds() == ["few_groups", "groups"]


def test_inverted_masks_near_copies_and_single_groups_are_noted(
    nuclei_raw: Path, tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)
    for mask in (raw / "masks").iterdir():
        Image.fromarray(255 - np.array(Image.open(mask))).save(mask)
    (raw / "groups.csv").unlink()
    first = sorted((raw / "images").iterdir())[0]
    Image.open(first).point(lambda v: v * 0.9 + 9).save(raw / "images/again.png")
    shutil.copy(raw / "masks" / first.name, raw / "masks/again.png")
    bright = sorted((raw / "images").iterdir())[9]
    Image.open(bright).point(lambda v: min(255, v * 20)).save(bright)
    preprocess(raw, tmp_path / "out", study(), tmp_path / "kept")
    noted = {row["kind"]: row["file"] for row in read_csv(tmp_path / "out/problems.csv")}
    assert noted.keys() == {"inverted", "near_duplicate", "own_groups", "saturated"}
    assert first.name in noted["near_duplicate"] or "again" in noted["near_duplicate"]


def test_images_that_only_become_equal_are_noted(nuclei_raw: Path, tmp_path: Path) -> None:
    """One pixel apart, which the small processed image does not show: no error, but a note."""
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)
    files = sorted((raw / "images").iterdir())
    for folder in ("images", "masks"):
        shutil.copy(raw / folder / files[0].name, raw / folder / files[-1].name)
    pixels = np.array(Image.open(files[-1]))
    pixels[3, 3] += 1
    Image.fromarray(pixels).save(files[-1])
    settings = study(input_shape=[32, 32, 1])
    preprocess(raw, tmp_path / "out", settings, tmp_path / "kept")
    assert [row["kind"] for row in read_csv(tmp_path / "out/problems.csv")] == ["near_duplicate"]


def test_slices_of_a_stack_are_one_group(nuclei_raw: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for folder in ("images", "masks"):
        files = sorted((nuclei_raw / folder).iterdir())
        (raw / folder).mkdir(parents=True)
        for i in range(0, 56, 4):
            pages = np.stack([np.array(Image.open(f)) for f in files[i : i + 4]])
            name = raw / folder / f"{files[i].stem[:-3]}.tif"
            tifffile.imwrite(name, pages, photometric="minisblack")
    summary = preprocess(raw, tmp_path / "out", study(stacks="slices"), tmp_path / "kept")
    assert summary["images"] == 56
    data = ProcessedSet.open(tmp_path / "out")
    assert len({(g, s) for g, s in zip(data.groups, data.splits, strict=True)}) == 14
    whole = preprocess(nuclei_raw, tmp_path / "flat", study(), tmp_path / "kept")
    assert whole["images"] == 56
    np.testing.assert_array_equal(data.images, ProcessedSet.open(tmp_path / "flat").images)


def test_copies_are_found_on_every_page_of_a_stack(nuclei_raw: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    files = sorted((nuclei_raw / "images").iterdir())[::4]
    for folder in ("images", "masks"):
        (raw / folder).mkdir(parents=True)
        for i in range(4):
            names = [files[3 * i + k].name for k in range(3)]
            if i == 1:
                names[0] = files[2].name  # the last page of the stack before
            pages = [np.array(Image.open(nuclei_raw / folder / name)) for name in names]
            tifffile.imwrite(raw / folder / f"s{i}.tif", np.stack(pages), photometric="minisblack")
    for mode in ("resize", "tile"):
        with pytest.raises(FaultsError) as caught:
            preprocess(
                raw,
                tmp_path / "out",
                study(stacks="slices", mode=mode, input_shape=[128, 128, 1]),
                tmp_path / "kept" / mode,
            )
        found = [p for p in caught.value.problems if p.kind == "duplicate"]
        assert [Path(p.file).name for p in found] == ["s1.tif"]


def test_a_damaged_kept_image_is_made_again(nuclei_raw: Path, tmp_path: Path) -> None:
    whole = preprocess(nuclei_raw, tmp_path / "out", study(), tmp_path / "kept")
    arrays = (tmp_path / "out/images.npy").read_bytes()
    first, second, third = sorted((tmp_path / "kept").rglob("*.npy"))[:3]
    first.write_bytes(b"")
    second.unlink()
    assert preprocess(nuclei_raw, tmp_path / "out", study(), tmp_path / "kept") == whole
    assert (tmp_path / "out/images.npy").read_bytes() == arrays
    content = bytearray(third.read_bytes())
    content[len(content) // 2] ^= 1
    third.write_bytes(content)
    with pytest.raises(UserError, match="was damaged and is removed; run the same again"):
        preprocess(nuclei_raw, tmp_path / "out", study(), tmp_path / "kept")
    preprocess(nuclei_raw, tmp_path / "out", study(), tmp_path / "kept")
    assert (tmp_path / "out/images.npy").read_bytes() == arrays


def test_many_faults_of_one_class_are_counted_on_the_terminal(
    nuclei_raw: Path, tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)
    for image in sorted((raw / "images").iterdir())[:30]:
        image.write_bytes(b"")
    with pytest.raises(FaultsError) as caught:
        preprocess(raw, tmp_path / "out", study(), tmp_path / "kept")
    assert str(caught.value).count("holds no bytes") == SHOWN
    assert "... and 10 more" in str(caught.value)


def test_a_given_split_is_taken(nuclei_raw: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(nuclei_raw, raw)
    rows = read_csv(raw / "groups.csv")
    groups = sorted({row["group"] for row in rows})
    split = {g: ("test", "validation", "train")[min(i, 2)] for i, g in enumerate(groups)}
    lines = [f"{row['image']},{row['group']},{split[row['group']]}" for row in rows]
    (raw / "groups.csv").write_text("\n".join(["image,group,split", *lines]) + "\n")
    summary = preprocess(raw, tmp_path / "out", study(), tmp_path / "kept")
    assert [s["images"] for s in summary["splits"].values()] == [48, 4, 4]


def test_the_contact_sheet_shows_outlines_in_the_colour_of_each_split(
    nuclei: ProcessedSet, tmp_path: Path
) -> None:
    draw(nuclei, tmp_path / "sheet.png")
    pixels = np.array(Image.open(tmp_path / "sheet.png")).reshape(-1, 3)
    for colour in COLOURS.values():
        assert (pixels == colour).all(axis=1).sum() > 1000
