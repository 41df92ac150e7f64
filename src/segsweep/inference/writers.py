"""Write masks and probabilities at the size of their images."""

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from segsweep.core.errors import UserError
from segsweep.core.files import atomic_write
from segsweep.data.issues import InvalidImageError
from segsweep.inference.inputs import InputImage
from segsweep.inference.predict import Prediction

SUFFIXES = {"png": ".png", "tiff": ".tif"}


class Writer:
    """Writes masks, and probabilities if wanted.

    Args:
        images: All images that will be predicted.
        out: The folder for masks.
        file_format: The format of masks, png or tiff.
        threshold: The probability from which a pixel is foreground.
        probabilities: The folder for probabilities (TIFF); None writes none.

    Raises:
        UserError: A mask would overwrite an image or a file of probabilities.
    """

    def __init__(
        self,
        images: Sequence[InputImage],
        out: Path,
        file_format: str,
        threshold: float,
        probabilities: Path | None = None,
    ) -> None:
        self.out, self.file_format, self.threshold = out, file_format, threshold
        self.probabilities = probabilities
        same_folder = probabilities is not None and probabilities.resolve() == out.resolve()
        if file_format == "tiff" and same_folder:
            raise UserError(
                f"{out}: masks and probabilities would have the same file names (.tif) in it; "
                "choose two folders"
            )
        self._images = {image.path.resolve() for image in images}
        for image in images:
            self._path(out, image.name, SUFFIXES[file_format])
            if probabilities:
                self._path(probabilities, image.name, SUFFIXES["tiff"])

    def write(self, prediction: Prediction) -> None:
        """Write masks as uint8, 0 and 255; pages as one TIFF with pages, or one PNG each.

        Raises:
            InvalidImageError: The name of the image is too long for the file name of its mask.
        """
        try:
            self._write(prediction)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG or not os.path.isdir(self.out):
                raise
            raise InvalidImageError(
                "name",
                "has a name that is too long for the file with its mask",
                "give it a shorter name",
            ) from error

    def _write(self, prediction: Prediction) -> None:
        probabilities = [page.probabilities() for page in prediction.pages]
        white, black = np.uint8(255), np.uint8(0)
        masks = [np.where(p >= self.threshold, white, black) for p in probabilities]
        name = prediction.image.name
        if self.file_format == "tiff":
            _write_tiff(self._path(self.out, name, SUFFIXES["tiff"]), masks)
        else:
            for mask, suffix in zip(masks, _page_suffixes(len(masks)), strict=True):
                path = self._path(self.out, name + suffix, SUFFIXES["png"])
                with atomic_write(path, durable=False) as temporary:
                    Image.fromarray(mask).save(temporary, format="PNG")
        if self.probabilities:
            path = self._path(self.probabilities, name, SUFFIXES["tiff"])
            _write_tiff(path, probabilities)

    def _path(self, folder: Path, name: str, suffix: str) -> Path:
        path = folder / f"{name}{suffix}"
        if path.resolve() in self._images:
            raise UserError(
                f"{path}: is an image to predict, and its mask would overwrite it; choose another "
                "output folder"
            )
        return path


def _page_suffixes(count: int) -> Iterator[str]:
    """Yield the suffix of each page of a file, as in the processed set: #001, #002, ..."""
    yield from (f"#{page:03d}" for page in range(1, count + 1)) if count > 1 else ("",)


def _write_tiff(path: Path, pages: Sequence[np.ndarray]) -> None:
    with atomic_write(path, durable=False) as temporary:
        pixels = np.stack(pages) if len(pages) > 1 else pages[0]
        tifffile.imwrite(temporary, pixels, photometric="minisblack", compression="zlib")
