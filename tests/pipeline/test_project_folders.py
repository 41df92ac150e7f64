"""Files in the place of folders, folders in the place of files, and folders of other users."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from project import not_as_root
from segsweep.core.errors import UserError
from segsweep.pipeline.project_folders import check_folders, check_outputs


@pytest.fixture(autouse=True)
def _here(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(open_folder)


def dangling(path: Path) -> None:
    path.symlink_to("/nowhere")


@pytest.mark.parametrize("name", [".store", ".store/entries", ".snakemake/segsweep", "results"])
@pytest.mark.parametrize(
    ("make", "message"), [(dangling, "a link to /nowhere"), (Path.touch, "found a file")]
)
def test_what_is_no_folder_is_named(name: str, make: Callable[[Path], None], message: str) -> None:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    make(path)
    with pytest.raises(UserError, match=message) as error:
        check_folders()
    assert f"{name}: " in str(error.value)


@pytest.mark.parametrize("name", ["data", "results"])
def test_a_link_in_place_of_a_folder_of_dvc_is_refused(name: str, tmp_path: Path) -> None:
    """Snakemake would work, and DVC fail after the run."""
    Path(name).symlink_to(tmp_path)
    with pytest.raises(UserError, match=f"^{name}: found a link to .*; replace the link by a fold"):
        check_folders()


def test_a_folder_of_another_user_is_named() -> None:
    with not_as_root():
        check_folders()
    Path("results").chmod(0o500)
    os.chown("results", 0, 0) if os.geteuid() == 0 else None
    with not_as_root(), pytest.raises(PermissionError, match="results"):
        check_folders()


@pytest.mark.parametrize(
    ("present", "output"),
    [
        ("results/train/metrics.json/x", "results/train/metrics.json"),
        ("results/train", "results/train/metrics.json"),
        ("results/plots", "results/plots"),
    ],
)
def test_an_output_in_whose_place_something_else_is_is_named(present: str, output: str) -> None:
    Path(present).parent.mkdir(parents=True)
    Path(present).touch()
    with pytest.raises(UserError, match="move it away, or delete it"):
        check_outputs([output])


def test_right_outputs_pass() -> None:
    check_outputs(["results/train/metrics.json", "results/plots"])
    Path("results/plots").mkdir(parents=True)
    Path("results/a.json").touch()
    check_outputs(["results/a.json", "results/plots"])
