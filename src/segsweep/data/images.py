"""One image or mask: read, normalise, resize."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from skimage.transform import resize

SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg")


class ImageError(ValueError):
    """Why one file cannot be used, as the end of a sentence that begins with its name."""


def read_grey(path: Path) -> np.ndarray:
    """The image as a 2-D float64 array in its own grey values; colour is weighted to luminance.

    Raises `ImageError` when the file cannot be decoded or all its pixels are equal.
    """
    pixels = _decode(path)
    if pixels.ndim == 3:
        pixels = pixels[..., :3] @ np.array([0.2126, 0.7152, 0.0722])  # Rec. 709, as scikit-image
    if not np.isfinite(pixels).all():
        raise ImageError("holds NaN or infinity; expected finite grey values")
    if pixels.min() == pixels.max():
        raise ImageError("is one constant grey value; expected an image with content")
    return pixels.astype(np.float64)


def read_mask(path: Path) -> np.ndarray:
    """The mask as a 2-D uint8 array of 0 and 1; every value above zero is foreground."""
    pixels = _decode(path, palette_as_index=True)
    if pixels.ndim == 3:
        pixels = pixels[..., :3].max(axis=2)
    return (pixels > 0).astype(np.uint8)


def normalise(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Stretch grey values so that the percentiles `low` and `high` (0 to 100) become 0 and 1."""
    black, white = np.percentile(image, [low, high])
    if white <= black:
        black, white = image.min(), image.max()
    return np.clip((image - black) / (white - black), 0.0, 1.0)


def resize_image(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bilinear, anti-aliased where it shrinks; values in 0 to 1 become uint8 in 0 to 255."""
    if image.shape != shape:
        image = resize(image, shape, order=1, anti_aliasing=True)
    return np.rint(np.clip(image, 0.0, 1.0) * 255).astype(np.uint8)


def resize_mask(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Nearest neighbour: a mask is never interpolated, so it stays 0 and 1."""
    if mask.shape == shape:
        return mask
    return resize(mask, shape, order=0, anti_aliasing=False, preserve_range=True).astype(np.uint8)


def _decode(path: Path, palette_as_index: bool = False) -> np.ndarray:
    try:
        with Image.open(path) as file:
            image: Image.Image = file
            if image.mode == "P" and not palette_as_index:
                image = image.convert("RGB")
            elif image.mode in ("1", "LA", "CMYK"):
                image = image.convert("L" if image.mode != "CMYK" else "RGB")
            return np.asarray(image)
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        ValueError,
        SyntaxError,
    ) as error:
        raise ImageError(f"cannot be read as an image ({error})") from error
