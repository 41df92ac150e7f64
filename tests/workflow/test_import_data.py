"""`segsweep import-data` on folders of three layouts, with the real tools in real clones."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from own_data import IMPORT_DATA, PROCESSED
from project import Project
from segsweep.core.files import read_csv
from segsweep.data.dataset import ProcessedSet

KILLED_IMPORT = """
import os, sys
sys.path.insert(0, "src")
from segsweep.cli.app import main
from segsweep.data import import_data

original = import_data.{step}

def die(*args):
    if True in args or {{"dvc", "add"}} <= set(args):
        os._exit(9)
    return original(*args)

import_data.{step} = die
sys.argv = ["segsweep", "import-data", *sys.argv[1:]]
main()
"""
"""Run the import, and kill the process when it would edit dvc.yaml, or call `dvc add`."""


def test_label_images_with_sixteen_bits(clone: Callable[[], Project], data_sets: Path) -> None:
    project = clone()
    command = (
        *IMPORT_DATA,
        str(data_sets / "scans"),
        str(data_sets / "labels"),
        "--group-regex",
        r"(.*)_\d\d",
    )
    output = project.run(*command, check=False)
    assert output.startswith(
        "error: found 56 errors in the images (unexpected values in a mask: 56)"
    )
    assert "preprocess.masks: labels" in output
    assert "Traceback" not in output
    assert "(56, error)" in project.read("results/data_report.md").decode()
    # nothing was changed
    assert project.run("git", "status", "--porcelain") == ""
    assert not (project.folder / "data/raw").exists()
    project.change_study({"preprocess": {"masks": "labels"}})
    assert "56 images in 14 groups" in project.run(*command)
    project.snakemake(*PROCESSED)
    assert_same_as_sample(project, clone())


def test_colour_images_with_a_mask_per_object(
    clone: Callable[[], Project], data_sets: Path
) -> None:
    project = clone()
    output = project.run(*IMPORT_DATA, str(data_sets / "histology"))
    assert "56 images in 56 groups" in output
    assert "groups.csv: each of the 56 images is its own group" in output
    table = data_sets / "groups.csv"
    names = sorted(folder.name for folder in (data_sets / "histology").iterdir())
    rows = [f"{name},{name.rsplit('_', 1)[0]}" for name in names]
    table.write_text("\n".join(["image,group", *rows]) + "\n")
    project.run(*IMPORT_DATA, str(data_sets / "histology"), "--groups", str(table))
    project.snakemake(*PROCESSED)
    assert_same_as_sample(project, clone(), images=False)


def assert_same_as_sample(project: Project, plain: Project, images: bool = True) -> None:
    """Compare the processed set with that of the sample in `plain`."""
    plain.snakemake("--", "data/processed/provenance.json")
    data, sample = (ProcessedSet.open(p.folder / "data/processed") for p in (project, plain))
    assert data.groups == sample.groups
    assert data.splits == sample.splits
    np.testing.assert_array_equal(data.masks, sample.masks)
    if images:
        assert np.abs(data.images.astype(int) - sample.images).max() <= 1


def test_dropped_images_are_counted_and_listed(
    clone: Callable[[], Project], data_sets: Path, tmp_path: Path
) -> None:
    project = clone()
    shutil.copytree(data_sets / "patients", tmp_path / "mine")
    broken = sorted((tmp_path / "mine/images").rglob("*.png"))[:3]
    for file in broken[:2]:
        file.write_bytes(b"")
    (tmp_path / "mine/masks" / broken[2].relative_to(tmp_path / "mine/images")).unlink()
    folders = (str(tmp_path / "mine/images"), str(tmp_path / "mine/masks"))
    output = project.run(*IMPORT_DATA, *folders, check=False)
    assert "error: found 3 errors in the images (missing partner: 1, empty file: 2)" in output
    project.change_study({"preprocess": {"on_bad": "drop"}})
    assert "53 images in 14 groups" in project.run(*IMPORT_DATA, *folders)
    project.snakemake(*PROCESSED)
    report = project.read("results/data_report.md").decode()
    assert "left out because of an error: 3." in report
    assert all(file.name in report for file in broken)


def test_images_in_data_raw_are_never_overwritten(
    clone: Callable[[], Project],
) -> None:
    project = clone()
    project.run("dvc", "repro", "preprocess")
    raw = project.folder / "data/raw"
    own = raw / "images/mine.png"
    shutil.copy(next((raw / "images").iterdir()), own)
    for count in (1, 57):
        for command in (("snakemake",), ("dvc", "repro"), ("dvc", "repro", "--force")):
            output = project.run(*command, check=False)
            assert f"error: data/raw/images: found {count} images" in output
            assert "segsweep import-data IMAGES_DIR MASKS_DIR" in output
            assert "Traceback" not in output
            assert own.exists()
        (raw / "README.md").unlink(missing_ok=True)
    output = project.run(*IMPORT_DATA, str(raw / "images"), str(raw / "masks"), check=False)
    assert "is inside data/raw or contains it, which belongs to the project" in output


def test_wrong_arguments_give_one_message(clone: Callable[[], Project], data_sets: Path) -> None:
    project = clone()
    for arguments, message in (
        (("nowhere",), "error: nowhere: no such folder"),
        ((str(data_sets / "patients/images"),), "found no masks, expected files named after"),
        (("--sample",), "error: data/raw.dvc: no such file; the project already uses the sample"),
        (
            (
                str(data_sets / "patients/images"),
                str(data_sets / "patients/masks"),
                "--group-regex",
                "(",
            ),
            "expected a regular expression",
        ),
    ):
        output = project.run(*IMPORT_DATA, *arguments, check=False)
        assert message in output
        assert "Traceback" not in output
    assert project.run("git", "status", "--porcelain") == ""


def test_unusual_names_are_only_names(
    clone: Callable[[], Project], data_sets: Path, tmp_path: Path
) -> None:
    """Newlines, quotes, leading dashes and parent folders in names have no effect."""
    project = clone()
    images, masks = sorted((data_sets / "patients/images").rglob("*.png")), tmp_path / "m"
    names = [
        "two\nlines",
        "a b  c",
        "-rf",
        "--sample",
        "$(touch gone)",
        "'; touch gone; '",
        "{output}",
        "x..%2F..%2Fgone",
        "a..b",
        "é\u202eü" * 20,
        "NUL",
        "*",
        "#",
        "@0,0",
        ",\"'",
    ]
    for name, file in zip(names, images, strict=False):
        mask = data_sets / "patients/masks" / file.relative_to(data_sets / "patients/images")
        for folder, source in ((tmp_path / "i", file), (masks, mask)):
            (folder / f"group {name}").mkdir(parents=True)
            shutil.copy(source, folder / f"group {name}" / f"{name}.png")
    siblings = sorted(path.name for path in project.folder.parent.iterdir())
    before = {path.name for path in project.folder.iterdir()}
    project.run(*IMPORT_DATA, str(tmp_path / "i"), str(masks))
    project.commit("unusual names")
    project.snakemake(*PROCESSED)
    assert project.nothing_to_be_done() is False  # the trainings have not run
    names_processed = {
        row["name"] for row in read_csv(project.folder / "data/processed/manifest.csv")
    }
    assert {f"group {name}/{name}" for name in names} == names_processed
    new = {path.name for path in project.folder.iterdir()} - before
    assert new <= {"logs", ".store", ".snakemake"}
    assert sorted(path.name for path in project.folder.parent.iterdir()) == siblings
    assert project.run("git", "status", "--porcelain") == ""
    report = project.read("results/data_report.md").decode()
    assert "15 images" in report


def test_failure_of_git_or_dvc_changes_nothing(
    clone: Callable[[], Project], data_sets: Path
) -> None:
    project = clone()
    folders = (str(data_sets / "patients/images"), str(data_sets / "patients/masks"))
    project.snakemake("--", "data/raw/provenance.json")
    before = project.read("dvc.yaml")
    (project.folder / ".git").rename(project.folder / "no git")
    assert "error: git: fatal: not a git" in project.run(*IMPORT_DATA, *folders, check=False)
    (project.folder / "no git").rename(project.folder / ".git")
    (project.folder / ".dvc/config").write_text("[cache\n")
    output = project.run(*IMPORT_DATA, *folders, check=False)
    assert output.startswith("error: dvc: ")
    assert "Traceback" not in output
    assert project.read("dvc.yaml") == before
    assert "# Sample" in project.read("data/raw/README.md").decode()
    project.run("git", "checkout", "--", ".dvc/config")
    assert "56 images in 14 groups" in project.run(*IMPORT_DATA, *folders)


def test_other_files_in_data_raw_are_not_lost(
    clone: Callable[[], Project], data_sets: Path
) -> None:
    folders = (str(data_sets / "patients/images"), str(data_sets / "patients/masks"))
    for has_sample in (False, True):
        project = clone()
        if has_sample:
            project.snakemake("--", "data/raw/provenance.json")
        own = [project.folder / "data/raw" / name for name in ("scans/a.tif", "masks/mine.png")]
        for file in own:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("precious")
        output = project.run(*IMPORT_DATA, *folders, check=False)
        assert "error: data/raw: found 2 files that are not from the sample" in output
        assert all(file.exists() for file in own)


@pytest.mark.parametrize("replace_own", [False, True])
def test_killed_import_continues_with_the_same_command(
    clone: Callable[[], Project], data_sets: Path, replace_own: bool
) -> None:
    project = clone()
    folders = (str(data_sets / "patients/images"), str(data_sets / "patients/masks"))
    if replace_own:
        project.run(*IMPORT_DATA, *folders)
        project.commit("own images")
    for step in ("set_own_images", "output_of"):
        code = KILLED_IMPORT.format(step=step)
        assert project.run("python", "-c", code, *folders, check=False) == ""
    assert "56 images in 14 groups" in project.run(*IMPORT_DATA, *folders)
    project.snakemake("--dry-run", *PROCESSED)
    assert not list((project.folder / "data").glob(".raw.*"))


def test_folder_inside_the_project_is_not_added_to_git(
    clone: Callable[[], Project], data_sets: Path
) -> None:
    project = clone()
    shutil.copytree(data_sets / "patients", project.folder / "data/mine")
    project.run(*IMPORT_DATA, "data/mine/images", "data/mine/masks")
    staged = project.run("git", "diff", "--cached", "--name-only").split()
    assert staged == ["data/raw.dvc", "dvc.yaml"]
    assert (project.folder / "data/mine/images").is_dir()


def test_issues_found_by_the_split_change_nothing(
    clone: Callable[[], Project], data_sets: Path, tmp_path: Path
) -> None:
    project = clone()
    shutil.copytree(data_sets / "patients", tmp_path / "mine")
    for mask in (tmp_path / "mine/masks").rglob("*.png"):
        Image.new("L", (256, 256)).save(mask)
    folders = (str(tmp_path / "mine/images"), str(tmp_path / "mine/masks"))
    output = project.run(*IMPORT_DATA, *folders, check=False)
    assert "error: found 3 errors in the images (split without foreground: 3)" in output
    assert "on_bad" not in output
    assert not (project.folder / "data/raw").exists()


def test_guesses_are_printed_and_kept(
    clone: Callable[[], Project], data_sets: Path, tmp_path: Path
) -> None:
    """Folders that are the splits, and names that differ by constant endings."""
    project = clone()
    files = sorted((data_sets / "patients/images").rglob("*.png"))
    for i, file in enumerate(files):
        mask = data_sets / "patients/masks" / file.relative_to(data_sets / "patients/images")
        split = "Test" if i % 7 == 0 else "Train"
        for source, name in ((file, f"img/{i:02d}_rgb.png"), (mask, f"gt/{i:02d}_manual.png")):
            target = tmp_path / "own" / split / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    output = project.run(*IMPORT_DATA, str(tmp_path / "own"), "--group-regex", r"\d+", check=False)
    assert "56 images in 56 groups" in output
    output = project.run(*IMPORT_DATA, str(tmp_path / "own"))
    assert "mask `00_manual.png` belongs to `00_rgb.png` (56 pairs" in output
    assert "(train 48, test 8 images); the validation split is drawn" in output
    raw = project.folder / "data/raw"
    assert [row["kind"] for row in read_csv(raw / "assumptions.csv")] == [
        "pairing",
        "split_folders",
    ]
    rows = {row["image"]: row["split"] for row in read_csv(raw / "groups.csv")}
    assert rows["Test/00_rgb.png"] == "test"
    assert rows["Train/01_rgb.png"] == ""
    project.snakemake(*PROCESSED)
    data = ProcessedSet.open(project.folder / "data/processed")
    splits = dict(zip(data.names, data.splits, strict=True))
    assert {split for name, split in splits.items() if name.startswith("Test/")} == {"test"}
    counts = [data.splits.count(split) for split in ("train", "validation", "test")]
    assert counts == [37, 11, 8]  # 0.2 / (1 - 0.15) of 48
