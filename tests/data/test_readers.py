"""Files of every format, written by other libraries, are read with the pixels written."""

from collections.abc import Callable
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
from PIL import Image

from dicom import dicom
from pixels import grey_pages
from segsweep.data import decoded_image, readers
from segsweep.data.issues import InvalidImageError
from segsweep.data.readers import read_image

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
    (page,), _ = grey_pages(tmp_path / name)
    np.testing.assert_array_equal(page, pixels)


def test_jpeg_is_read_with_small_errors(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    imageio.imwrite(tmp_path / "x.jpg", smooth, quality=95)
    (page,), _ = grey_pages(tmp_path / "x.jpg")
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
        (page,), _ = grey_pages(tmp_path / name)
        np.testing.assert_allclose(page, expected, rtol=1e-5)


def test_alpha_is_ignored_and_palettes_are_colours(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([COLOUR, GREY])).save(tmp_path / "rgba.png")
    Image.fromarray(np.dstack([GREY, GREY // 2]), "LA").save(tmp_path / "la.png")
    Image.fromarray(COLOUR).quantize(64).save(tmp_path / "palette.png")
    (rgba,), _ = grey_pages(tmp_path / "rgba.png")
    np.testing.assert_allclose(rgba, COLOUR @ np.array([0.2126, 0.7152, 0.0722]), rtol=1e-5)
    (la,), _ = grey_pages(tmp_path / "la.png")
    np.testing.assert_array_equal(la, GREY)
    colours = np.asarray(Image.open(tmp_path / "palette.png").convert("RGB"))
    (palette,), _ = grey_pages(tmp_path / "palette.png")
    np.testing.assert_allclose(palette, colours @ np.array([0.2126, 0.7152, 0.0722]), rtol=1e-5)


def test_all_pages_are_read(tmp_path: Path) -> None:
    stack = np.stack([RAMP, RAMP + 1, RAMP + 2])
    tifffile.imwrite(tmp_path / "x.tif", stack, photometric="minisblack")
    np.save(tmp_path / "x.npy", stack)
    dicom(tmp_path / "x.dcm", stack, NumberOfFrames=3)
    for name in ("x.tif", "x.npy", "x.dcm"):
        pages, _ = grey_pages(tmp_path / name)
        np.testing.assert_array_equal(np.stack(pages), stack)


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


def test_npy_with_python_objects_has_a_way_out(tmp_path: Path) -> None:
    """Cellpose saves a dictionary as `x_seg.npy`; unpickling it could run code."""
    np.save(tmp_path / "x_seg.npy", np.array({"masks": np.zeros((4, 4))}), allow_pickle=True)
    with pytest.raises(InvalidImageError, match=r"contains Python objects.*save the masks as PNG"):
        read_image(tmp_path / "x_seg.npy", as_mask=True)
