"""TIFF files: what the samples of a page mean, and the metadata that are used."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from pixels import grey_pages, mask_pages
from segsweep.data.issues import InvalidImageError
from segsweep.data.readers import read_image

RAMP = (np.arange(40 * 56).reshape(40, 56) * 29 % 65_000).astype(np.uint16)
GREY = (RAMP % 251).astype(np.uint8)
DISC = np.hypot(*np.mgrid[-20:20, -28:28]) < 12
IMAGEJ_INVERTING = "ImageJ=1.54f\ninverting=true\nmin=0.0\nmax=255.0\n"


@pytest.mark.parametrize(
    ("dtype", "bits"), [(bool, 1), (np.uint8, 2), (np.uint8, 4), (np.uint8, 8), (np.uint16, 12)]
)
def test_zero_is_white_is_reversed_by_the_range_of_the_type(
    tmp_path: Path, dtype: type, bits: int
) -> None:
    """Not by the maximum of the image: a mask may be all background or all foreground."""
    largest = 2**bits - 1
    for pixels in (RAMP % (largest + 1), np.full_like(RAMP, largest), np.zeros_like(RAMP)):
        stored = pixels.astype(dtype)
        packed = {"bitspersample": bits} if bits in (2, 4, 12) else {}
        tifffile.imwrite(tmp_path / "x.tif", stored, photometric="miniswhite", **packed)
        for as_mask in (False, True):
            image = read_image(tmp_path / "x.tif", as_mask)
            np.testing.assert_array_equal(image.pages[0], largest - pixels)
            assert image.pages.dtype == dtype
            assert [kind for kind, _ in image.notes] == ["negative"]


def test_default_of_tifffile_for_bool_is_said(tmp_path: Path) -> None:
    """Readers of the standard show True as black, whoever wrote it may have meant foreground."""
    tifffile.imwrite(tmp_path / "x.tif", DISC)
    image = read_image(tmp_path / "x.tif", as_mask=True)
    np.testing.assert_array_equal(image.pages[0], ~DISC)
    assert "which tifffile also writes for any array of type bool" in image.notes[0][1]


def test_zero_is_white_with_alpha_and_signed_values(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "x.tif",
        np.dstack([GREY, GREY // 2]),
        photometric="miniswhite",
        extrasamples=["unassalpha"],
    )
    np.testing.assert_array_equal(grey_pages(tmp_path / "x.tif")[0][0], 255 - GREY)
    signed = RAMP.astype(np.int16) - 30_000
    tifffile.imwrite(tmp_path / "x.tif", signed, photometric="miniswhite")
    np.testing.assert_array_equal(grey_pages(tmp_path / "x.tif")[0][0], -1 - signed)


def test_masks_with_an_inverting_lut_of_imagej_are_read_as_stored(tmp_path: Path) -> None:
    """ImageJ's `Convert to Mask` writes 255 for objects, and shows them black on white."""
    mask = DISC.astype(np.uint8) * 255
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, mask, photometric="miniswhite", description=IMAGEJ_INVERTING)
    image = read_image(path, as_mask=True)
    np.testing.assert_array_equal(image.pages[0], mask)
    assert image.notes == (("negative", "an ImageJ inverting LUT; the stored values are used"),)
    np.testing.assert_array_equal(mask_pages(path, "binary")[0], DISC)
    np.testing.assert_array_equal(grey_pages(path)[0][0], 255 - mask)
    assert "reversed" in read_image(path).notes[0][1]


@pytest.mark.parametrize("bits", [2, 4])
def test_masks_of_few_bits_keep_their_numbers(tmp_path: Path, bits: int) -> None:
    numbers = GREY % 2**bits
    tifffile.imwrite(tmp_path / "x.tif", numbers, bitspersample=bits)
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif", as_mask=True).pages[0], numbers)


def test_masks_of_one_bit_are_bool(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", DISC, photometric="minisblack")
    Image.fromarray(DISC).save(tmp_path / "group4.tif", compression="group4")
    for name in ("x.tif", "group4.tif"):
        (page,) = read_image(tmp_path / name, as_mask=True).pages
        assert page.dtype == bool
        np.testing.assert_array_equal(page, DISC)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pages_are_turned_as_the_orientation_tag_says(tmp_path: Path, orientation: int) -> None:
    colour = np.dstack([GREY, GREY[::-1], GREY[:, ::-1]])
    tag = (274, "H", 1, orientation, True)
    tifffile.imwrite(tmp_path / "x.tif", colour, photometric="rgb", extratags=[tag])
    image = read_image(tmp_path / "x.tif")
    assert image.orientation == orientation
    np.testing.assert_array_equal(image.pages[0], colour)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(colour).save(tmp_path / "x.png", exif=exif)
    with Image.open(tmp_path / "x.png") as file:
        expected = np.asarray(ImageOps.exif_transpose(file))
    np.testing.assert_array_equal(image.upright_pages()[0], expected)


@pytest.mark.parametrize(
    ("text", "value"), [("-9999", -9999), ("-3.4028234663852886e+38", -3.4028234663852886e38)]
)
def test_value_of_missing_pixels_is_read(tmp_path: Path, text: str, value: float) -> None:
    pixels = RAMP.astype(np.float32)
    pixels[:3] = value
    tifffile.imwrite(tmp_path / "x.tif", pixels, extratags=[(42113, "s", 0, text, True)])
    image = read_image(tmp_path / "x.tif")
    assert image.nodata == value
    assert ((image.pages[0] == np.float32(image.nodata)) == (pixels == pixels[0, 0])).all()


def test_missing_pixels_may_be_nan_or_not_declared(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", GREY, extratags=[(42113, "s", 0, "nan", True)])
    assert np.isnan(read_image(tmp_path / "x.tif").nodata)
    for tags in ([], [(42113, "s", 0, "none", True)]):
        tifffile.imwrite(tmp_path / "x.tif", GREY, extratags=tags)
        assert read_image(tmp_path / "x.tif").nodata is None


@pytest.mark.parametrize("compression", ["jpeg", "webp", "jpeg2000", "zlib"])
def test_losses_are_known(tmp_path: Path, compression: str) -> None:
    colour = np.dstack([GREY] * 3)
    tifffile.imwrite(tmp_path / "x.tif", colour, photometric="rgb", compression=compression)
    assert read_image(tmp_path / "x.tif").lossy is (compression != "zlib")


def test_pages_of_different_sizes_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        file.write(GREY)
        file.write(GREY[:20])
    with pytest.raises(InvalidImageError, match="open it in Fiji") as caught:
        read_image(tmp_path / "x.tif")
    assert caught.value.kind == "pages"
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        file.write(GREY)
        file.write(GREY[::2, ::2], subfiletype=1)  # a preview
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif").pages[0], GREY)


def test_ome_pixel_size_is_read(tmp_path: Path) -> None:
    metadata = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 500.0, "PhysicalSizeYUnit": "nm"}
    tifffile.imwrite(tmp_path / "x.ome.tif", RAMP, metadata=metadata)
    decoded = read_image(tmp_path / "x.ome.tif")
    assert decoded.pixel_mm == pytest.approx((0.0005, 0.00025))


def test_ome_metadata_does_not_make_other_files_read(tmp_path: Path) -> None:
    """OME metadata may name other files; only the image's own file is read."""
    other = tmp_path / "secret.ome.tif"
    tifffile.imwrite(other, RAMP)
    metadata = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="56" SizeY="40" '
        'SizeZ="1" SizeC="1" SizeT="2"><TiffData IFD="0" FirstT="1" PlaneCount="1"><UUID '
        'FileName="secret.ome.tif">urn:uuid:1</UUID></TiffData></Pixels></Image></OME>'
    )
    tifffile.imwrite(tmp_path / "x.ome.tif", RAMP + 1, description=metadata, metadata=None)
    (page,), _ = grey_pages(tmp_path / "x.ome.tif")
    np.testing.assert_array_equal(page, RAMP + 1)
