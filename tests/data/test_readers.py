"""Files of every format, written by other libraries, are read with the pixels written."""

from collections.abc import Callable
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
from PIL import Image

from dicom import dicom
from segsweep.data import decoded_image, readers
from segsweep.data.images import read_grey, read_mask
from segsweep.data.issues import InvalidImageError

RAMP = (np.arange(40 * 56).reshape(40, 56) * 29 % 65_000).astype(np.uint16)
GREY = (RAMP % 251).astype(np.uint8)
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], -1)


def tiff(**options: object) -> Callable[[Path, np.ndarray], None]:
    return lambda path, pixels: tifffile.imwrite(path, pixels, **options)


WRITERS: dict[str, tuple[str, np.ndarray, Callable[[Path, np.ndarray], None]]] = {
    "png, 8 bit": ("x.png", GREY, imageio.imwrite),
    "png, 16 bit": ("x.png", RAMP, imageio.imwrite),
    "bmp": ("x.BMP", GREY, imageio.imwrite),
    "tiff, 16 bit, by Pillow": ("x.tif", RAMP, lambda p, a: Image.fromarray(a).save(p)),
    "tiff, LZW, by Pillow": (
        "x.tif",
        GREY,
        lambda p, a: Image.fromarray(a).save(p, compression="tiff_lzw"),
    ),
    "tiff, PackBits, by Pillow": (
        "x.tif",
        GREY,
        lambda p, a: Image.fromarray(a).save(p, compression="packbits"),
    ),
    "tiff, 32 bit": ("x.tiff", RAMP.astype(np.uint32) * 70_001, tiff()),
    "tiff, float": ("x.tif", RAMP.astype(np.float32) / 7, tiff()),
    "tiff, big-endian": ("x.tif", RAMP, tiff(byteorder=">")),
    "tiff, tiled, zlib": ("x.tif", RAMP, tiff(tile=(16, 16), compression="zlib")),
    "tiff, zstd, predictor": ("x.tif", RAMP, tiff(compression="zstd", predictor=True)),
    "BigTIFF": ("x.tif", RAMP, tiff(bigtiff=True)),
    "OME": ("x.ome.tif", RAMP, tiff(ome=True)),
    "npy": ("x.npy", RAMP, np.save),
    "npy, float": ("x.npy", RAMP / 3, np.save),
    "dicom": ("x.dcm", RAMP, dicom),
}


@pytest.mark.parametrize("format", WRITERS)
def test_grey_values_are_read(tmp_path: Path, format: str) -> None:
    name, pixels, write = WRITERS[format]
    write(tmp_path / name, pixels)
    (page,), _ = read_grey(tmp_path / name)
    np.testing.assert_array_equal(page, pixels)


def test_jpeg_is_read_with_small_errors(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    imageio.imwrite(tmp_path / "x.jpg", smooth, quality=95)
    (page,), _ = read_grey(tmp_path / "x.jpg")
    assert np.abs(page.astype(int) - smooth).max() <= 4


@pytest.mark.parametrize("bits", [8, 16])
def test_colour_becomes_luminance_with_its_full_range(tmp_path: Path, bits: int) -> None:
    pixels = COLOUR.astype(np.uint16) * 257 if bits == 16 else COLOUR
    tifffile.imwrite(tmp_path / "x.tif", pixels, photometric="rgb")
    tifffile.imwrite(
        tmp_path / "planar.tif", np.moveaxis(pixels, -1, 0), photometric="rgb", planarconfig=2
    )
    import imagecodecs

    (tmp_path / "x.png").write_bytes(imagecodecs.png_encode(pixels))
    expected = pixels @ np.array([0.2126, 0.7152, 0.0722])
    for name in ("x.tif", "planar.tif", "x.png"):
        (page,), _ = read_grey(tmp_path / name)
        np.testing.assert_allclose(page, expected, rtol=1e-5)


def test_alpha_is_ignored_and_palettes_are_colours(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([COLOUR, GREY])).save(tmp_path / "rgba.png")
    Image.fromarray(np.dstack([GREY, GREY // 2]), "LA").save(tmp_path / "la.png")
    Image.fromarray(COLOUR).quantize(64).save(tmp_path / "palette.png")
    (rgba,), _ = read_grey(tmp_path / "rgba.png")
    np.testing.assert_allclose(rgba, COLOUR @ np.array([0.2126, 0.7152, 0.0722]), rtol=1e-5)
    (la,), _ = read_grey(tmp_path / "la.png")
    np.testing.assert_array_equal(la, GREY)
    colours = np.asarray(Image.open(tmp_path / "palette.png").convert("RGB"))
    (palette,), _ = read_grey(tmp_path / "palette.png")
    np.testing.assert_allclose(palette, colours @ np.array([0.2126, 0.7152, 0.0722]), rtol=1e-5)


def test_inverted_storage_is_undone(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", GREY, photometric="miniswhite")
    (page,), _ = read_grey(tmp_path / "x.tif")
    np.testing.assert_array_equal(page, 255 - GREY)
    dicom(tmp_path / "x.dcm", GREY, PhotometricInterpretation="MONOCHROME1")
    (page,), _ = read_grey(tmp_path / "x.dcm")
    np.testing.assert_array_equal(page, GREY.max() - GREY)


def test_dicom_values_are_rescaled_and_pixel_size_is_read(tmp_path: Path) -> None:
    dicom(
        tmp_path / "x.dcm", RAMP, RescaleSlope=2, RescaleIntercept=-1024, PixelSpacing=[0.5, 0.25]
    )
    (page,), decoded = read_grey(tmp_path / "x.dcm")
    np.testing.assert_array_equal(page, RAMP * 2.0 - 1024)
    assert decoded.pixel_mm == (0.5, 0.25)


def test_ome_pixel_size_is_read(tmp_path: Path) -> None:
    metadata = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 500.0, "PhysicalSizeYUnit": "nm"}
    tifffile.imwrite(tmp_path / "x.ome.tif", RAMP, metadata=metadata)
    decoded = readers.read_image(tmp_path / "x.ome.tif")
    assert decoded.pixel_mm == pytest.approx((0.0005, 0.00025))


def test_all_pages_are_read(tmp_path: Path) -> None:
    stack = np.stack([RAMP, RAMP + 1, RAMP + 2])
    tifffile.imwrite(tmp_path / "x.tif", stack, photometric="minisblack")
    np.save(tmp_path / "x.npy", stack)
    dicom(tmp_path / "x.dcm", stack, NumberOfFrames=3)
    for name in ("x.tif", "x.npy", "x.dcm"):
        pages, _ = read_grey(tmp_path / name)
        np.testing.assert_array_equal(np.stack(pages), stack)


@pytest.mark.parametrize("colours", [[0, 0, 0, 128, 0, 0], [255, 255, 255, 0, 0, 0]])
def test_black_is_background_in_palette_masks(tmp_path: Path, colours: list[int]) -> None:
    """An editor may give black any index."""
    index = (GREY > 100).astype(np.uint8)
    palette = Image.fromarray(index, mode="P")
    palette.putpalette(colours)
    palette.save(tmp_path / "x.png")
    expected = np.asarray(palette.convert("RGB")).any(axis=-1)
    np.testing.assert_array_equal(read_mask(tmp_path / "x.png", "binary")[0], expected)


def test_classes_of_a_palette_mask_are_its_indices(tmp_path: Path) -> None:
    palette = Image.fromarray(GREY % 3, mode="P")
    palette.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    palette.save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "x.png", (2,))[0], GREY % 3 == 2)


def test_white_is_zero_masks_are_read_and_animations_refused(tmp_path: Path) -> None:
    mask = (GREY > 100).astype(np.uint8)
    tifffile.imwrite(tmp_path / "x.tif", mask, photometric="miniswhite")
    np.testing.assert_array_equal(read_mask(tmp_path / "x.tif", "binary")[0], 1 - mask)
    frames = [Image.fromarray(GREY + i) for i in range(3)]
    frames[0].save(tmp_path / "x.png", save_all=True, append_images=frames[1:])
    with pytest.raises(InvalidImageError, match="is an animation with 3 frames"):
        read_grey(tmp_path / "x.png")


@pytest.mark.parametrize("format", ["png", "tif", "npy", "bmp"])
def test_too_many_pixels_are_refused_before_decoding(
    tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"bomb.{format}"
    pixels = np.zeros((300, 300), np.uint8)
    np.save(path, pixels) if format == "npy" else imageio.imwrite(path, pixels)
    monkeypatch.setattr(decoded_image, "MAX_PIXELS", 89_999)
    with pytest.raises(
        InvalidImageError, match="300 x 300 pixels, more than the maximum of 89,999"
    ) as caught:
        readers.read_image(path)
    assert caught.value.kind == "too_large"


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
    (page,), _ = read_grey(tmp_path / "x.ome.tif")
    np.testing.assert_array_equal(page, RAMP + 1)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"photometric": "minisblack", "planarconfig": "separate"}, (2, 40, 56)),
        ({"photometric": "minisblack", "planarconfig": "contig"}, (40, 56, 5)),
        ({"photometric": "separated"}, (40, 56, 4)),
    ],
)
def test_channels_that_are_not_colours_are_refused(
    tmp_path: Path, options: dict[str, str], shape: tuple[int, ...]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    tifffile.imwrite(tmp_path / "x.tif", pixels, **options)
    with pytest.raises(InvalidImageError) as caught:
        read_grey(tmp_path / "x.tif")
    assert caught.value.kind == "channels"


def test_large_imagej_stack_is_read_as_stack(tmp_path: Path) -> None:
    stack = np.stack([RAMP, RAMP + 1, RAMP + 2])
    tifffile.imwrite(tmp_path / "x.tif", stack, imagej=True, truncate=True)
    pages, _ = read_grey(tmp_path / "x.tif")
    np.testing.assert_array_equal(np.stack(pages), stack)


def test_orientation_is_applied_to_images_and_masks(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    for name in ("image.png", "mask.png"):
        Image.fromarray(np.where(GREY > 100, 255, 0).astype(np.uint8)).save(
            tmp_path / name, exif=exif
        )
    (page,), _ = read_grey(tmp_path / "image.png")
    mask = read_mask(tmp_path / "mask.png", "binary")[0]
    assert page.shape == (56, 40)
    np.testing.assert_array_equal(page > 0, mask)
    tifffile.imwrite(tmp_path / "x.tif", GREY, extratags=[(274, 3, 1, 6, True)])
    with pytest.raises(InvalidImageError, match="rotated or mirrored"):
        read_grey(tmp_path / "x.tif")
