"""Own images from import to results, with git and DVC on two machines."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from own_data import IMPORT_DATA, PROCESSED
from project import Project
from segsweep.core.files import read_csv


def test_own_images_are_trained_on_shared_and_replaced_by_the_sample(
    clone: Callable[[], Project], data_sets: Path, tmp_path: Path
) -> None:
    project = clone()
    output = project.run(
        *IMPORT_DATA, str(data_sets / "patients/images"), str(data_sets / "patients/masks")
    )
    assert "56 images in 14 groups are in data/raw" in output
    project.commit("own images")
    assert project.run("git", "status", "--porcelain") == ""
    project.run("dvc", "repro")
    assert project.nothing_to_be_done()
    assert "up to date" in project.run("dvc", "repro")
    groups = {row["group"] for row in read_csv(project.folder / "data/processed/manifest.csv")}
    assert len(groups) == 14
    project.commit("trained")

    # another machine gets everything with git and DVC
    project.run("dvc", "remote", "add", "--local", "--default", "here", str(tmp_path / "remote"))
    project.run("dvc", "push")
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "--quiet", str(project.folder), str(other)], check=True)
    there = Project(other)
    there.run("dvc", "remote", "add", "--local", "--default", "here", str(tmp_path / "remote"))
    there.run("dvc", "pull")
    assert there.nothing_to_be_done()

    # both tools notice a change, and nothing that is not in DVC's cache is lost
    image = next((project.folder / "data/raw/images").rglob("*.png"))
    Image.open(image).transpose(Image.Transpose.ROTATE_180).save(image)
    folders = (str(data_sets / "patients/images"), str(data_sets / "patients/masks"))
    for arguments in (("--sample",), folders):
        output = project.run(*IMPORT_DATA, *arguments, check=False)
        assert (
            "error: data/raw: differs from what data/raw.dvc tracks, and the changes would"
            in output
        )
        assert image.exists()
    assert "expected 115 files with" in project.snakemake(check=False)
    project.run("dvc", "add", "data/raw")
    assert not project.nothing_to_be_done()
    project.run("git", "checkout", "--", "data/raw.dvc")
    project.run("dvc", "checkout", "--force", "data/raw.dvc")
    assert project.nothing_to_be_done()

    # at the commit of the sample each tool names the command, and it works
    project.run("git", "checkout", "--quiet", "HEAD~2")
    assert "dvc checkout --force" in project.snakemake(check=False)
    project.run("git", "checkout", "--quiet", "-")
    project.run(*IMPORT_DATA, "--sample")
    assert project.run("git", "diff", "HEAD~2", "--stat", "--", "dvc.yaml", "data") == ""
    shutil.rmtree(there.folder / "data/raw")
    output = there.snakemake("-n", check=False)
    assert "error: data/raw: no such folder, expected what data/raw.dvc tracks; run `dvc" in output
    there.run(*IMPORT_DATA, "--sample")
    there.snakemake("--dry-run", *PROCESSED)
    project.snakemake(*PROCESSED)
    assert "# Sample: nuclei" in project.read("data/raw/README.md").decode()
