"""Masks and probabilities as files, in the geometry of their images."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from segsweep.core.errors import UserError
from segsweep.core.files import atomic_write
from segsweep.inference.inputs import Source
from segsweep.inference.predict import Picture

SUFFIXES = {"png": ".png", "tiff": ".tif"}


class Writer:
    """Writes the masks of `sources` below `out`, and their probabilities below `probabilities`.

    Raises `UserError` when a mask would take the place of an image, or of probabilities.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        out: Path,
        kind: str,
        threshold: float,
        probabilities: Path | None = None,
    ) -> None:
        self.out, self.kind, self.threshold = out, kind, threshold
        self.probabilities = probabilities
        if kind == "tiff" and probabilities and probabilities.resolve() == out.resolve():
            raise UserError(
                f"{out}: is for masks and for probabilities, which as TIFF would have the same "
                "names; choose two folders"
            )
        self._images = {source.path.resolve() for source in sources}
        for source in sources:
            self._place(out, source.name, SUFFIXES[kind])
            if probabilities:
                self._place(probabilities, source.name, SUFFIXES["tiff"])

    def write(self, picture: Picture) -> None:
        """Masks are 0 and 255, uint8; of several pages a TIFF of as many, or a PNG each."""
        found = [page.probabilities() for page in picture.pages]
        masks = [np.where(p >= self.threshold, np.uint8(255), np.uint8(0)) for p in found]
        name = picture.source.name
        if self.kind == "tiff":
            _write_tiff(self._place(self.out, name, SUFFIXES["tiff"]), masks)
        else:
            for mask, part in zip(masks, _parts(len(masks)), strict=True):
                path = self._place(self.out, name + part, SUFFIXES["png"])
                with atomic_write(path) as aside:
                    Image.fromarray(mask).save(aside, format="PNG")
        if self.probabilities:
            _write_tiff(self._place(self.probabilities, name, SUFFIXES["tiff"]), found)

    def _place(self, folder: Path, name: str, suffix: str) -> Path:
        path = folder / f"{name}{suffix}"
        if path.resolve() in self._images:
            raise UserError(
                f"{path}: is an image to be predicted, and its mask would take its place; "
                "choose another folder"
            )
        return path


def _parts(count: int) -> Iterator[str]:
    """What names the pages of one file, as in the processed set."""
    yield from (f"#{page:03d}" for page in range(1, count + 1)) if count > 1 else ("",)


def _write_tiff(path: Path, pages: Sequence[np.ndarray]) -> None:
    with atomic_write(path) as aside:
        pixels = np.stack(pages) if len(pages) > 1 else pages[0]
        tifffile.imwrite(aside, pixels, photometric="minisblack", compression="zlib")
