"""Which files are images, and their names without suffix."""

from pathlib import Path

import numpy as np
import pytest

from dicom import dicom
from project import not_as_root
from segsweep.data.file_listing import UNSUPPORTED_SUFFIXES, image_name, list_images, relative_stem
from segsweep.data.readers import READERS, image_suffix


@pytest.mark.parametrize(
    ("name", "suffix", "stem"),
    [
        ("x.png", ".png", "x"),
        ("X.TIF", ".tif", "X"),
        ("x.ome.tif", ".tif", "x"),
        ("x.nii.gz", ".nii.gz", "x"),
        ("x.y.NII.GZ", ".nii.gz", "x.y"),
        ("x.jpg.png", ".png", "x.jpg"),
        ("x.gz", ".gz", "x"),
        ("IM0001", ".dcm", "IM0001"),
        ("1.2.840.10008", ".dcm", "1.2.840.10008"),
        ("1.2.840.10008.dcm", ".dcm", "1.2.840.10008"),
        ("x.ima", ".ima", "x"),
    ],
)
def test_suffixes_and_stems(name: str, suffix: str, stem: str) -> None:
    file = Path("data/p1") / name
    assert image_suffix(file) == suffix
    assert relative_stem(file, Path("data")) == f"p1/{stem}"
    assert image_name(file, Path("data")) == f"p1/{stem}"


def test_dicom_files_without_suffix_are_images(tmp_path: Path) -> None:
    for name in ("IM0001", "1.2.840.10008", "DICOMDIR", "x.dcm"):
        dicom(tmp_path / name, np.zeros((4, 4), np.uint8))
    for name in ("README", "LICENSE.2", "notes.txt"):
        (tmp_path / name).write_text("text")
    listing = list_images(tmp_path)
    assert [file.name for file in listing.files] == ["1.2.840.10008", "IM0001", "x.dcm"]
    assert listing.issues == []


def test_file_without_suffix_that_cannot_be_read_is_reported(open_folder: Path) -> None:
    (open_folder / "IM0001").write_bytes(b"?")
    (open_folder / "IM0001").chmod(0)
    with not_as_root():
        assert [issue.kind for issue in list_images(open_folder).issues] == ["permission"]


def test_unsupported_formats_have_a_way_out(tmp_path: Path) -> None:
    for suffix in UNSUPPORTED_SUFFIXES:
        (tmp_path / f"x{suffix}").write_bytes(b"x")
    issues = {Path(issue.file).suffix: issue for issue in list_images(tmp_path).issues}
    assert issues.keys() == UNSUPPORTED_SUFFIXES.keys()
    assert issues[".czi"].todo == issues[".nrrd"].todo == "open it in Fiji and save it as TIFF"
    assert issues[".gz"].found == "is a .gz file"
    assert not UNSUPPORTED_SUFFIXES.keys() & READERS.keys()
