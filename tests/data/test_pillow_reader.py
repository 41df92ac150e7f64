"""Files that Pillow reads: values, palettes, orientation and frames."""

import zlib
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageOps

from pixels import grey_pages, mask_pages
from segsweep.data.issues import InvalidImageError
from segsweep.data.readers import read_image

GREY = (np.arange(40 * 56).reshape(40, 56) * 29 % 251).astype(np.uint8)
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], -1)
DISC = np.hypot(*np.mgrid[-20:20, -28:28]) < 12


def palette_image(numbers: np.ndarray, colours: list[int]) -> Image.Image:
    image = Image.fromarray(numbers.astype(np.uint8), mode="P")
    image.putpalette(colours)
    return image


def grey_png(numbers: np.ndarray, bits: int) -> bytes:
    """Return a grey PNG of 1, 2 or 4 bits, which Pillow does not write."""
    parts = []
    for kind, data in (
        (b"IHDR", np.array(numbers.shape[::-1], ">u4").tobytes() + bytes([bits, 0, 0, 0, 0])),
        (b"IDAT", _packed_rows(numbers, bits)),
        (b"IEND", b""),
    ):
        parts.append(len(data).to_bytes(4, "big") + kind + data)
        parts.append(zlib.crc32(kind + data).to_bytes(4, "big"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _packed_rows(numbers: np.ndarray, bits: int) -> bytes:
    bit_planes = (numbers[..., None] >> np.arange(bits)[::-1]) & 1
    rows = np.packbits(bit_planes.reshape(len(numbers), -1), axis=1)
    return zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())


@pytest.mark.parametrize("name", ["x.gif", "x.webp", "x.pgm", "x.pnm", "x.jp2", "x.j2k", "x.TGA"])
def test_grey_values_are_read(tmp_path: Path, name: str) -> None:
    options = {"lossless": True} if name == "x.webp" else {}
    Image.fromarray(GREY).save(tmp_path / name, **options)
    (page,), _ = grey_pages(tmp_path / name)
    np.testing.assert_allclose(page, GREY, rtol=1e-5)


@pytest.mark.parametrize("name", ["x.ppm", "x.webp", "x.jp2", "x.tga"])
def test_colours_are_read(tmp_path: Path, name: str) -> None:
    options = {"lossless": True} if name == "x.webp" else {}
    Image.fromarray(COLOUR).save(tmp_path / name, **options)
    np.testing.assert_array_equal(read_image(tmp_path / name).pages, COLOUR[None])


def test_jpeg_2000_keeps_its_depth(tmp_path: Path) -> None:
    for pixels in (GREY, COLOUR, GREY * np.uint16(200), COLOUR * np.uint16(200)):
        content = imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True)
        (tmp_path / "x.jp2").write_bytes(content)
        image = read_image(tmp_path / "x.jp2")
        np.testing.assert_array_equal(image.pages, pixels[None])
        assert image.lossy


def test_too_many_pixels_in_a_jpeg_2000_are_refused_before_decoding(tmp_path: Path) -> None:
    """The size is in the file twice; the second one counts."""
    Image.fromarray(GREY).save(tmp_path / "x.jp2")
    content = bytearray((tmp_path / "x.jp2").read_bytes())
    start = content.index(b"\xff\x4f\xff\x51") + 8
    content[start : start + 8] = (100_000).to_bytes(4, "big") * 2
    (tmp_path / "x.jp2").write_bytes(content)
    with pytest.raises(InvalidImageError, match="100000 x 100000 pixels") as caught:
        read_image(tmp_path / "x.jp2")
    assert caught.value.kind == "too_large"


@pytest.mark.parametrize(
    ("name", "options", "lossy"),
    [
        ("x.jpg", {}, True),
        ("x.webp", {"quality": 80}, True),
        ("x.webp", {"lossless": True}, False),
        ("x.gif", {}, False),
        ("x.png", {}, False),
    ],
)
def test_losses_are_known(
    tmp_path: Path, name: str, options: dict[str, object], lossy: bool
) -> None:
    Image.fromarray(COLOUR).save(tmp_path / name, **options)
    assert read_image(tmp_path / name).lossy is lossy


@pytest.mark.parametrize("largest", [1, 2, 255, 300, 65_535])
@pytest.mark.parametrize("as_text", [False, True])
def test_netpbm_values_are_not_scaled(tmp_path: Path, largest: int, as_text: bool) -> None:
    numbers = np.arange(40 * 56).reshape(40, 56) * 7 % (largest + 1)
    stored = numbers.astype(np.uint8 if largest < 256 else ">u2")
    content = " ".join(map(str, numbers.ravel())).encode() if as_text else stored.tobytes()
    header = f"P{2 if as_text else 5}\n56 40\n{largest}\n".encode()
    (tmp_path / "x.pgm").write_bytes(header + content)
    np.testing.assert_array_equal(read_image(tmp_path / "x.pgm").pages[0], numbers)
    colours = np.stack([numbers] * 3, -1).astype(stored.dtype)
    (tmp_path / "x.ppm").write_bytes(header.replace(b"P2", b"P6").replace(b"P5", b"P6"))
    with (tmp_path / "x.ppm").open("ab") as file:
        file.write(colours.tobytes())
    np.testing.assert_array_equal(read_image(tmp_path / "x.ppm").pages[0], colours)


@pytest.mark.parametrize("bits", [2, 4])
def test_grey_png_masks_keep_their_numbers(tmp_path: Path, bits: int) -> None:
    numbers = (GREY % 2**bits).astype(np.uint8)
    (tmp_path / "x.png").write_bytes(grey_png(numbers, bits))
    np.testing.assert_array_equal(read_image(tmp_path / "x.png", as_mask=True).pages[0], numbers)
    np.testing.assert_array_equal(mask_pages(tmp_path / "x.png", (2,))[0], numbers == 2)
    scaled = read_image(tmp_path / "x.png").pages[0]
    np.testing.assert_array_equal(scaled, numbers * (255 // (2**bits - 1)))


@pytest.mark.parametrize("name", ["x.png", "x.pbm", "x.bmp"])
def test_masks_of_one_bit_are_bool(tmp_path: Path, name: str) -> None:
    Image.fromarray(DISC).save(tmp_path / name)
    (page,) = read_image(tmp_path / name, as_mask=True).pages
    assert page.dtype == bool
    np.testing.assert_array_equal(page, DISC)
    np.testing.assert_array_equal(grey_pages(tmp_path / name)[0][0], DISC * np.uint8(255))


@pytest.mark.parametrize("foreground", [1, 255])
def test_gif_masks_are_read(tmp_path: Path, foreground: int) -> None:
    mask = DISC.astype(np.uint8) * foreground
    Image.fromarray(mask).save(tmp_path / "x.gif")
    np.testing.assert_array_equal(read_image(tmp_path / "x.gif", as_mask=True).pages[0], mask)
    white_first = palette_image(~DISC, [255, 255, 255, 0, 0, 0])
    white_first.save(tmp_path / "x.gif")
    np.testing.assert_array_equal(mask_pages(tmp_path / "x.gif", "binary")[0], DISC)


@pytest.mark.parametrize("colours", [[0, 0, 0, 128, 0, 0], [255, 255, 255, 0, 0, 0]])
def test_black_is_background_in_palette_masks(tmp_path: Path, colours: list[int]) -> None:
    """An editor may give black any index."""
    palette = palette_image(GREY > 100, colours)
    palette.save(tmp_path / "x.png")
    expected = np.asarray(palette.convert("RGB")).any(axis=-1)
    np.testing.assert_array_equal(mask_pages(tmp_path / "x.png", "binary")[0], expected)


def test_classes_of_a_palette_mask_are_its_indices(tmp_path: Path) -> None:
    palette_image(GREY % 3, [0, 0, 0, 128, 0, 0, 0, 128, 0]).save(tmp_path / "x.png")
    np.testing.assert_array_equal(mask_pages(tmp_path / "x.png", (2,))[0], GREY % 3 == 2)


def test_palette_masks_keep_their_transparency(tmp_path: Path) -> None:
    """Black objects on a transparent background have index 0, but are not background."""
    palette = palette_image(~DISC, [0, 0, 0, 255, 255, 255])
    palette.save(tmp_path / "x.png", transparency=1)
    (page,) = read_image(tmp_path / "x.png", as_mask=True).pages
    np.testing.assert_array_equal(page[..., 3], DISC * np.uint8(255))
    palette.save(tmp_path / "x.png", transparency=0)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png", as_mask=True).pages[0], ~DISC)


@pytest.mark.parametrize("name", ["x.gif", "x.png", "x.webp"])
def test_frames_are_pages(tmp_path: Path, name: str) -> None:
    frames = [GREY // 2 + np.uint8(i) for i in range(3)]
    images = [Image.fromarray(frame) for frame in frames]
    options = {"lossless": True} if name == "x.webp" else {}
    images[0].save(tmp_path / name, save_all=True, append_images=images[1:], **options)
    pages, _ = grey_pages(tmp_path / name)
    np.testing.assert_allclose(np.stack(pages), np.stack(frames), rtol=1e-5)


def test_frames_of_other_palettes_are_colours(tmp_path: Path) -> None:
    frames = [palette_image((GREY + i) % 3, [0, 0, 0, 255, 0, 0, 0, 255, 0]) for i in range(2)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    expected = [np.asarray(frame.convert("RGB")) for frame in frames]
    for as_mask in (False, True):
        np.testing.assert_array_equal(read_image(tmp_path / "x.gif", as_mask).pages, expected)


def test_only_the_first_picture_of_a_jpeg_is_read(tmp_path: Path) -> None:
    """Cameras add previews, which Pillow reads as frames (MPO)."""
    images = [Image.fromarray(COLOUR), Image.fromarray(COLOUR[:20])]
    images[0].save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=images[1:])
    image = read_image(tmp_path / "x.jpg")
    assert image.pages.shape == (1, *COLOUR.shape)
    assert image.lossy


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["x.png", "deep.png", "x.jpg", "x.webp"])
def test_pages_are_turned_as_exif_says(tmp_path: Path, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = GREY.astype(np.uint16) * 200 if name == "deep.png" else GREY
    Image.fromarray(pixels).save(tmp_path / name, exif=exif)
    image = read_image(tmp_path / name)
    assert image.orientation == orientation
    assert image.pages.shape[1:3] == GREY.shape
    with Image.open(tmp_path / name) as file:
        expected = np.asarray(ImageOps.exif_transpose(file))
    np.testing.assert_array_equal(image.upright_pages()[0], expected)


def test_cmyk_photographs_have_the_right_brightness(tmp_path: Path) -> None:
    """JPEG files store CMYK inverted, as Adobe's programs do; they say so by a marker."""
    smooth = np.add.outer(np.arange(64), np.arange(64) * 2).astype(np.uint8)
    Image.fromarray(np.dstack([smooth] * 3)).convert("CMYK").save(tmp_path / "x.jpg", quality=95)
    (page,), decoded = grey_pages(tmp_path / "x.jpg")
    assert np.abs(page - smooth).max() <= 4
    assert decoded.lossy
    content = (tmp_path / "x.jpg").read_bytes()
    start = content.index(b"\xff\xee")  # the marker, with 14 bytes of content
    (tmp_path / "x.jpg").write_bytes(content[:start] + content[start + 16 :])
    with pytest.raises(InvalidImageError, match="without Adobe's marker"):
        grey_pages(tmp_path / "x.jpg")


def test_a_suffix_may_name_another_format_but_not_a_guess(tmp_path: Path) -> None:
    """A TGA file has no signature, so that any broken file could be read as one."""
    buffer = BytesIO()
    Image.fromarray(GREY).save(buffer, "PNG")
    (tmp_path / "x.jpg").write_bytes(buffer.getvalue())
    np.testing.assert_array_equal(grey_pages(tmp_path / "x.jpg")[0][0], GREY)
    Image.fromarray(GREY).save(tmp_path / "x.tga")
    (tmp_path / "x.tga").rename(tmp_path / "x.png")
    with pytest.raises(InvalidImageError, match="copy it again") as caught:
        grey_pages(tmp_path / "x.png")
    assert caught.value.kind == "unreadable"
