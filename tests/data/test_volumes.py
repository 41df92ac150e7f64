"""NIfTI and DICOM: slices, values, pixel sizes and directions."""

from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicom import dicom
from pixels import grey_pages
from segsweep.data.images import read_grey
from segsweep.data.issues import InvalidImageError
from segsweep.data.readers import read_image

VOLUME = (np.arange(40 * 56 * 3).reshape(40, 56, 3) * 29 % 1000).astype(np.int16)
GREY = (VOLUME[..., 0] % 251).astype(np.uint8)


def nifti(
    path: Path, values: np.ndarray, affine: np.ndarray | None = None, unit: str = "mm"
) -> None:
    image = nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine)
    image.header.set_xyzt_units(unit)
    nibabel.save(image, path)


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz", "X.NII.GZ"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, ">i2", np.float32, np.float64])
def test_slices_along_the_third_axis_are_pages(tmp_path: Path, name: str, dtype: object) -> None:
    values = VOLUME.astype(dtype)
    nifti(tmp_path / name, values)
    image = read_image(tmp_path / name)
    np.testing.assert_array_equal(image.pages, np.moveaxis(values, 2, 0))
    assert image.pages.dtype == np.dtype(dtype).newbyteorder("=")
    for whole, shape in ((values[..., 0], (40, 56)), (values[..., None], (40, 56, 3, 1))):
        nifti(tmp_path / name, whole)
        assert nibabel.load(tmp_path / name).shape == shape
        pages = read_image(tmp_path / name).pages
        np.testing.assert_array_equal(pages, np.moveaxis(np.atleast_3d(whole.squeeze()), 2, 0))


def test_scaled_values_are_used(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(VOLUME, np.eye(4))
    image.header.set_slope_inter(0.5, -3)
    image.to_filename(tmp_path / "x.nii.gz")
    stored = nibabel.load(tmp_path / "x.nii.gz").get_fdata()
    pages = read_image(tmp_path / "x.nii.gz").pages
    np.testing.assert_allclose(pages, np.moveaxis(stored, 2, 0), atol=1e-4)


def test_masks_of_floating_point_type_become_integers(tmp_path: Path) -> None:
    labels = (VOLUME % 3).astype(np.float64)
    nifti(tmp_path / "x.nii.gz", labels)
    pages = read_image(tmp_path / "x.nii.gz", as_mask=True).pages
    assert pages.dtype == np.int32
    np.testing.assert_array_equal(pages, np.moveaxis(labels, 2, 0))
    nifti(tmp_path / "x.nii.gz", labels / 2)  # a probability map stays one
    assert read_image(tmp_path / "x.nii.gz", as_mask=True).pages.dtype.kind == "f"


def test_fourth_axis_is_channels(tmp_path: Path) -> None:
    values = np.stack([VOLUME, VOLUME + 1], -1)
    nifti(tmp_path / "x.nii.gz", values)
    with pytest.raises(InvalidImageError, match=r"set preprocess\.channel: 1") as caught:
        read_image(tmp_path / "x.nii.gz")
    assert caught.value.kind == "channels"
    image = read_image(tmp_path / "x.nii.gz", channel=2)
    np.testing.assert_array_equal(image.pages, np.moveaxis(VOLUME + 1, 2, 0))
    nifti(tmp_path / "x.nii.gz", values[:, :, :, None])  # vectors are on the fifth axis
    np.testing.assert_array_equal(read_image(tmp_path / "x.nii.gz", channel=2).pages, image.pages)


@pytest.mark.parametrize(
    ("unit", "factor"), [("mm", 1), ("micron", 1e-3), ("meter", 1e3), ("unknown", 1)]
)
def test_pixel_size_is_read(tmp_path: Path, unit: str, factor: float) -> None:
    nifti(tmp_path / "x.nii", VOLUME, np.diag([0.5, 0.25, 3, 1]), unit)
    image = read_image(tmp_path / "x.nii")
    assert image.pixel_mm == pytest.approx((0.5 * factor, 0.25 * factor))


def test_directions_of_the_axes_are_told_apart(tmp_path: Path) -> None:
    affines = {"RAS": np.diag([1, 1, 1, 1]), "LPS": np.diag([-2, -2, 3, 1])}
    affines["PRS"] = np.array([[0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    for axes, affine in affines.items():
        nifti(tmp_path / "x.nii", VOLUME, affine)
        assert read_image(tmp_path / "x.nii").axes == axes
    nibabel.save(nibabel.Nifti1Image(VOLUME, None), tmp_path / "x.nii")
    image = read_image(tmp_path / "x.nii")
    assert (image.axes, image.pixel_mm) == ("", None)


def test_volume_is_refused_by_its_header(tmp_path: Path) -> None:
    header = nibabel.Nifti1Header()
    header.set_data_shape((30_000, 30_000, 30))
    header.set_data_dtype(np.uint8)
    (tmp_path / "x.nii").write_bytes(header.binaryblock + bytes(100))
    with pytest.raises(InvalidImageError, match="30000 x 30000 x 30 pixels") as caught:
        read_image(tmp_path / "x.nii")
    assert caught.value.kind == "too_large"
    (tmp_path / "x.nii.gz").write_bytes(b"no volume")
    with pytest.raises(InvalidImageError, match=r"cannot be read as nii\.gz .* copy it again"):
        read_image(tmp_path / "x.nii.gz")


@pytest.mark.parametrize("name", ["x.dcm", "IM0001", "1.2.840.10008.5", "MR.IMA"])
def test_dicom_files_are_read_whatever_their_name(tmp_path: Path, name: str) -> None:
    dicom(tmp_path / name, GREY)
    np.testing.assert_array_equal(read_image(tmp_path / name).pages[0], GREY)


@pytest.mark.parametrize(
    ("dtype", "stored", "bits"), [(np.uint8, 0, 8), (np.uint16, 0, 12), (np.int16, 1, 16)]
)
def test_monochrome1_is_reversed_by_the_range_of_the_type(
    tmp_path: Path, dtype: type, stored: int, bits: int
) -> None:
    pixels = (VOLUME[..., 0] // 4).astype(dtype)
    dicom(
        tmp_path / "x.dcm",
        pixels,
        PhotometricInterpretation="MONOCHROME1",
        BitsStored=bits,
        HighBit=bits - 1,
        PixelRepresentation=stored,
        RescaleSlope=2,
        RescaleIntercept=-10,
    )
    expected = -1 - pixels if stored else 2**bits - 1 - pixels
    mask = read_image(tmp_path / "x.dcm", as_mask=True)
    np.testing.assert_array_equal(mask.pages[0], expected)
    image = read_image(tmp_path / "x.dcm")
    np.testing.assert_array_equal(image.pages[0], expected * 2.0 - 10)
    assert [kind for kind, _ in image.notes] == ["negative"]


def rescale(slope: float) -> Dataset:
    """Return the attributes of a frame whose values are stored divided by `slope`."""
    values, measures, group = Dataset(), Dataset(), Dataset()
    values.RescaleSlope, values.RescaleIntercept = slope, 1
    measures.PixelSpacing = [0.5, 0.25]
    group.PixelValueTransformationSequence = Sequence([values])
    group.PixelMeasuresSequence = Sequence([measures])
    return group


@pytest.mark.parametrize("frames", [1, 3])
def test_frames_of_an_enhanced_file_have_their_own_scale(tmp_path: Path, frames: int) -> None:
    pixels = np.stack([GREY, GREY // 2, GREY // 3])[:frames]
    per_frame = {"PerFrameFunctionalGroupsSequence": Sequence(map(rescale, range(1, frames + 1)))}
    for groups in (per_frame, {}):
        dicom(
            tmp_path / "x.dcm",
            pixels,
            NumberOfFrames=frames,
            SharedFunctionalGroupsSequence=Sequence([rescale(2)]),
            **groups,
        )
        image = read_image(tmp_path / "x.dcm")
        slopes = np.arange(1, frames + 1) if groups else np.full(frames, 2)
        np.testing.assert_array_equal(image.pages, pixels * slopes[:, None, None] + 1.0)
        assert image.pixel_mm == (0.5, 0.25)


def test_dicom_values_are_rescaled_and_pixel_size_is_read(tmp_path: Path) -> None:
    ramp = VOLUME[..., 0].astype(np.uint16)
    dicom(
        tmp_path / "x.dcm", ramp, RescaleSlope=2, RescaleIntercept=-1024, PixelSpacing=[0.5, 0.25]
    )
    (page,), decoded = grey_pages(tmp_path / "x.dcm")
    np.testing.assert_array_equal(page, ramp * 2.0 - 1024)
    assert decoded.pixel_mm == (0.5, 0.25)


def test_dicom_without_pixels_is_refused(tmp_path: Path) -> None:
    dicom(tmp_path / "x.dcm", GREY, SOPClassUID=pydicom.uid.RTStructureSetStorage)
    file = pydicom.dcmread(tmp_path / "x.dcm")
    del file.Rows, file.Columns, file.PixelData
    file.save_as(tmp_path / "x.dcm")
    with pytest.raises(
        InvalidImageError, match=r"has no pixels \(RT Structure Set Storage\); remove"
    ):
        read_image(tmp_path / "x.dcm")


@pytest.mark.parametrize("negative", [False, True])
def test_padding_of_a_dicom_file_is_without_data(tmp_path: Path, negative: bool) -> None:
    stored = np.random.default_rng(0).integers(0, 900, (32, 48)).astype(np.int16)
    stored[:5] = -2000
    stored[5:8] = -1990
    tags = {"PixelRepresentation": 1, "RescaleSlope": 2, "RescaleIntercept": -1024}
    tags |= {"PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1990}
    if negative:
        tags["PhotometricInterpretation"] = "MONOCHROME1"
    dicom(tmp_path / "x.dcm", stored, **tags)
    (page,), _ = read_grey(tmp_path / "x.dcm")
    assert page.valid is not None
    np.testing.assert_array_equal(page.valid, np.indices(stored.shape)[0] >= 8)
    shown = (~stored if negative else stored)[8:] * 2.0 - 1024
    np.testing.assert_array_equal(page.pixels[8:], shown)
