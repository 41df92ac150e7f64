"""A user's own folders, in three shapes, with the real tools in real clones."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.measure import label

from project import Project
from segsweep.core.files import read_csv
from segsweep.data.dataset import ProcessedSet

USE = ("python", "workflow/scripts/use_data.py")
PROCESSED = ("--", "data/processed/provenance.json", "results/data_report.md")


@pytest.fixture(scope="module")
def clone(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    def make() -> Project:
        folder = tmp_path_factory.mktemp("own") / "a clone"
        subprocess.run(["git", "clone", "--quiet", str(checkout), str(folder)], check=True)
        return Project(folder)

    return make


@pytest.fixture(scope="module")
def sets(nuclei_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample in three other shapes: a folder per patient, 16-bit labels, a mask per object."""
    out = tmp_path_factory.mktemp("sets")
    for file in sorted((nuclei_raw / "images").iterdir()):
        field, tile = file.stem.rsplit("_", 1)
        image = np.array(Image.open(file))
        mask = np.array(Image.open(nuclei_raw / "masks" / file.name))
        objects = label(mask > 0).astype(np.uint16)
        for kind, array in (("images", image), ("masks", mask)):
            place = out / "patients" / kind / field / f"{tile}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(place)
        for kind, array in (("scans", image.astype(np.uint16) * 200 + 37), ("labels", objects)):
            place = out / kind / f"{file.stem}.tif"
            place.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(place, array, compression="zlib")
        colours = np.stack([255 - image // 3, 255 - image // 2, 255 - image], -1)
        for kind in ("images", "masks"):
            (out / "histology" / file.stem / kind).mkdir(parents=True)
        Image.fromarray(colours).save(out / "histology" / file.stem / "images" / file.name)
        for number in range(1, objects.max() + 1):
            place = out / "histology" / file.stem / "masks" / f"{number:03d}.png"
            Image.fromarray(np.where(objects == number, 255, 0).astype(np.uint8)).save(place)
    return out


def test_a_folder_per_patient_trains_and_the_sample_comes_back(
    clone: Callable[[], Project], sets: Path, tmp_path: Path
) -> None:
    project = clone()
    told = project.run(*USE, str(sets / "patients/images"), str(sets / "patients/masks"))
    assert "56 images in 14 groups are in data/raw" in told
    project.commit("our own images")
    assert project.run("git", "status", "--porcelain") == ""
    project.run("dvc", "repro")
    assert project.nothing_to_be_done()
    assert "up to date" in project.run("dvc", "repro")
    groups = {row["group"] for row in read_csv(project.folder / "data/processed/manifest.csv")}
    assert len(groups) == 14
    project.commit("trained")

    # another machine has all of it with git and DVC alone
    project.run("dvc", "remote", "add", "--local", "--default", "here", str(tmp_path / "remote"))
    project.run("dvc", "push")
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "--quiet", str(project.folder), str(other)], check=True)
    there = Project(other)
    there.run("dvc", "remote", "add", "--local", "--default", "here", str(tmp_path / "remote"))
    there.run("dvc", "pull")
    assert there.nothing_to_be_done()

    # what changes is noticed, by both tools, and nothing that is not cached is lost
    image = next((project.folder / "data/raw/images").rglob("*.png"))
    Image.open(image).transpose(Image.Transpose.ROTATE_180).save(image)
    again = (str(sets / "patients/images"), str(sets / "patients/masks"))
    for arguments in (("--sample",), again):
        told = project.run(*USE, *arguments, check=False)
        assert "error: data/raw: differs from what data/raw.dvc tracks, which would be" in told
        assert image.exists()
    assert "expected the 114 of" in project.snakemake(check=False)
    project.run("dvc", "add", "data/raw")
    assert not project.nothing_to_be_done()
    project.run("git", "checkout", "--", "data/raw.dvc")
    project.run("dvc", "checkout", "--force", "data/raw.dvc")
    assert project.nothing_to_be_done()

    # at the sample's commit, each tool says what to do, and DVC does it
    project.run("git", "checkout", "--quiet", "HEAD~2")
    assert "dvc checkout --force" in project.snakemake(check=False)
    project.run("git", "checkout", "--quiet", "-")
    project.run(*USE, "--sample")
    assert project.run("git", "diff", "HEAD~2", "--stat", "--", "dvc.yaml", "data") == ""
    shutil.rmtree(there.folder / "data/raw")
    told = there.snakemake("-n", check=False)
    assert "error: data/raw: not here, expected what data/raw.dvc tracks; run `dvc" in told
    there.run(*USE, "--sample")
    there.snakemake("--dry-run", *PROCESSED)
    project.snakemake(*PROCESSED)
    assert "# Sample: nuclei" in project.read("data/raw/README.md").decode()


def test_label_images_of_sixteen_bits(clone: Callable[[], Project], sets: Path) -> None:
    project = clone()
    command = (*USE, str(sets / "scans"), str(sets / "labels"), "--group-regex", r"(.*)_\d\d")
    told = project.run(*command, check=False)
    assert told.startswith("error: found 56 faults in the images (mask with more values")
    assert "preprocess.masks: labels" in told
    assert "Traceback" not in told
    assert "56, fault" in project.read("results/data_report.md").decode()
    # nothing was changed
    assert project.run("git", "status", "--porcelain") == ""
    assert not (project.folder / "data/raw").exists()
    project.change_study({"preprocess": {"masks": "labels"}})
    assert "56 images in 14 groups" in project.run(*command)
    project.snakemake(*PROCESSED)
    same_as_sample(project, clone())


def test_colour_images_with_a_mask_per_object(clone: Callable[[], Project], sets: Path) -> None:
    project = clone()
    told = project.run(*USE, str(sets / "histology"))
    assert "56 images in 56 groups" in told
    assert "own_groups: groups.csv: each of the 56 images is a group of its own" in told
    table = sets / "groups.csv"
    names = sorted(folder.name for folder in (sets / "histology").iterdir())
    rows = [f"{name},{name.rsplit('_', 1)[0]}" for name in names]
    table.write_text("\n".join(["image,group", *rows]) + "\n")
    project.run(*USE, str(sets / "histology"), "--groups", str(table))
    project.snakemake(*PROCESSED)
    same_as_sample(project, clone(), images=False)


def same_as_sample(project: Project, plain: Project, images: bool = True) -> None:
    """The processed set is the one that the sample itself gives."""
    plain.snakemake("--", "data/processed/provenance.json")
    ours, theirs = (ProcessedSet.open(p.folder / "data/processed") for p in (project, plain))
    assert ours.groups == theirs.groups
    assert ours.splits == theirs.splits
    np.testing.assert_array_equal(ours.masks, theirs.masks)
    if images:
        assert np.abs(ours.images.astype(int) - theirs.images).max() <= 1


def test_dropped_images_are_counted_in_every_report(
    clone: Callable[[], Project], sets: Path, tmp_path: Path
) -> None:
    project = clone()
    shutil.copytree(sets / "patients", tmp_path / "mine")
    broken = sorted((tmp_path / "mine/images").rglob("*.png"))[:3]
    for file in broken[:2]:
        file.write_bytes(b"")
    (tmp_path / "mine/masks" / broken[2].relative_to(tmp_path / "mine/images")).unlink()
    folders = (str(tmp_path / "mine/images"), str(tmp_path / "mine/masks"))
    told = project.run(*USE, *folders, check=False)
    assert "error: found 3 faults in the images (missing partner 1, empty file 2)" in told
    project.change_study({"preprocess": {"on_bad": "drop"}})
    assert "53 images in 14 groups" in project.run(*USE, *folders)
    project.snakemake(*PROCESSED)
    report = project.read("results/data_report.md").decode()
    assert "left out for a fault: 3." in report
    assert all(file.name in report for file in broken)


def test_images_put_there_by_hand_are_never_replaced_or_cleared_away(
    clone: Callable[[], Project],
) -> None:
    project = clone()
    project.run("dvc", "repro", "preprocess")
    raw = project.folder / "data/raw"
    own = raw / "images/mine.png"
    shutil.copy(next((raw / "images").iterdir()), own)
    for count in (1, 57):
        for command in (("snakemake",), ("dvc", "repro"), ("dvc", "repro", "--force")):
            told = project.run(*command, check=False)
            assert f"error: data/raw/images: found {count} images" in told
            assert "use_data.py IMAGES_DIR MASKS_DIR" in told
            assert "Traceback" not in told
            assert own.exists()
        (raw / "README.md").unlink(missing_ok=True)
    told = project.run(*USE, str(raw / "images"), str(raw / "masks"), check=False)
    assert "lies in data/raw, or holds it, which is the project's" in told


def test_wrong_requests_are_one_sentence(clone: Callable[[], Project], sets: Path) -> None:
    project = clone()
    for arguments, said in (
        (("nowhere",), "error: nowhere: no such folder"),
        ((str(sets / "patients/images"),), "found no masks, expected files named after"),
        (("--sample",), "error: data/raw.dvc: not there; the sample is in use already"),
        (
            (str(sets / "patients/images"), str(sets / "patients/masks"), "--group-regex", "("),
            "expected a regular expression",
        ),
    ):
        told = project.run(*USE, *arguments, check=False)
        assert said in told
        assert "Traceback" not in told
    assert project.run("git", "status", "--porcelain") == ""


def test_hostile_names_stay_inside_data(
    clone: Callable[[], Project], sets: Path, tmp_path: Path
) -> None:
    """Newlines, quotes, leading dashes and dots that climb: names, and nothing more."""
    project = clone()
    images, masks = sorted((sets / "patients/images").rglob("*.png")), tmp_path / "m"
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
        mask = sets / "patients/masks" / file.relative_to(sets / "patients/images")
        for folder, source in ((tmp_path / "i", file), (masks, mask)):
            (folder / f"group {name}").mkdir(parents=True)
            shutil.copy(source, folder / f"group {name}" / f"{name}.png")
    around = sorted(path.name for path in project.folder.parent.iterdir())
    before = {path.name for path in project.folder.iterdir()}
    project.run(*USE, str(tmp_path / "i"), str(masks))
    project.commit("hostile names")
    project.snakemake(*PROCESSED)
    assert project.nothing_to_be_done() is False  # the trainings are still to be made
    made = {row["name"] for row in read_csv(project.folder / "data/processed/manifest.csv")}
    assert {f"group {name}/{name}" for name in names} == made
    new = {path.name for path in project.folder.iterdir()} - before
    assert new <= {"logs", ".store", ".snakemake"}
    assert sorted(path.name for path in project.folder.parent.iterdir()) == around
    assert project.run("git", "status", "--porcelain") == ""
    report = project.read("results/data_report.md").decode()
    assert "15 images" in report


def test_what_dvc_refuses_changes_nothing(clone: Callable[[], Project], sets: Path) -> None:
    project = clone()
    folders = (str(sets / "patients/images"), str(sets / "patients/masks"))
    project.snakemake("--", "data/raw/provenance.json")
    before = project.read("dvc.yaml")
    (project.folder / ".git").rename(project.folder / "no git")
    assert "error: git: fatal: not a git" in project.run(*USE, *folders, check=False)
    (project.folder / "no git").rename(project.folder / ".git")
    (project.folder / ".dvc/config").write_text("[cache\n")
    told = project.run(*USE, *folders, check=False)
    assert told.startswith("error: dvc: ")
    assert "Traceback" not in told
    assert project.read("dvc.yaml") == before
    assert "# Sample" in project.read("data/raw/README.md").decode()
    project.run("git", "checkout", "--", ".dvc/config")
    assert "56 images in 14 groups" in project.run(*USE, *folders)


def test_nothing_foreign_in_data_raw_is_lost(clone: Callable[[], Project], sets: Path) -> None:
    folders = (str(sets / "patients/images"), str(sets / "patients/masks"))
    for made in (False, True):
        project = clone()
        if made:
            project.snakemake("--", "data/raw/provenance.json")
        own = [project.folder / "data/raw" / name for name in ("scans/a.tif", "masks/mine.png")]
        for file in own:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("precious")
        told = project.run(*USE, *folders, check=False)
        assert "error: data/raw: found 2 files that are not the sample's" in told
        assert all(file.exists() for file in own)


@pytest.mark.parametrize("update", [False, True])
def test_killed_at_any_step_the_same_command_goes_on(
    clone: Callable[[], Project], sets: Path, update: bool
) -> None:
    project = clone()
    folders = (str(sets / "patients/images"), str(sets / "patients/masks"))
    if update:
        project.run(*USE, *folders)
        project.commit("ours")
    kill = "import os, sys; sys.path[:0] = ['workflow/scripts']; sys.argv = ['x', *sys.argv[2:]]\n"
    kill += "import use_data; from segsweep.data import import_data\n"
    for step in ("_depend_on_raw", "_run"):
        code = kill + f"real = import_data.{step}\n"
        code += (
            "def die(*a, **k):\n    if a[0] in (True, 'dvc') and 'status' not in a: os._exit(9)\n"
        )
        code += f"    return real(*a, **k)\nplacing.{step} = die\nuse_data.main()\n"
        project.run("python", "-c", code, "x", *folders, check=False)
    assert "56 images in 14 groups" in project.run(*USE, *folders)
    project.snakemake("--dry-run", *PROCESSED)
    assert not list((project.folder / "data").glob(".raw.*"))


def test_a_folder_inside_the_project_is_not_given_to_git(
    clone: Callable[[], Project], sets: Path
) -> None:
    project = clone()
    shutil.copytree(sets / "patients", project.folder / "data/mine")
    project.run(*USE, "data/mine/images", "data/mine/masks")
    staged = project.run("git", "diff", "--cached", "--name-only").split()
    assert staged == ["data/raw.dvc", "dvc.yaml"]
    assert (project.folder / "data/mine/images").is_dir()


def test_faults_that_only_the_split_shows_change_nothing(
    clone: Callable[[], Project], sets: Path, tmp_path: Path
) -> None:
    project = clone()
    shutil.copytree(sets / "patients", tmp_path / "mine")
    for mask in (tmp_path / "mine/masks").rglob("*.png"):
        Image.new("L", (256, 256)).save(mask)
    folders = (str(tmp_path / "mine/images"), str(tmp_path / "mine/masks"))
    told = project.run(*USE, *folders, check=False)
    assert "error: found 3 faults in the images (a split without foreground 3)" in told
    assert "on_bad" not in told
    assert not (project.folder / "data/raw").exists()
