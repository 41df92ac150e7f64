"""Fixtures of the tests of `segsweep import-data`: data sets of three layouts, and fresh clones."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.measure import label

from project import Project

IMPORT_DATA = ("segsweep", "import-data")
PROCESSED = ("--", "data/processed/provenance.json", "results/data_report.md")


@pytest.fixture(scope="module")
def clone(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    def make() -> Project:
        folder = tmp_path_factory.mktemp("import") / "a clone"
        subprocess.run(["git", "clone", "--quiet", str(checkout), str(folder)], check=True)
        return Project(folder)

    return make


@pytest.fixture(scope="module")
def data_sets(nuclei_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the sample in three layouts: folder per patient, 16-bit labels, mask per object."""
    out = tmp_path_factory.mktemp("data_sets")
    for file in sorted((nuclei_raw / "images").iterdir()):
        field, tile = file.stem.rsplit("_", 1)
        image = np.array(Image.open(file))
        mask = np.array(Image.open(nuclei_raw / "masks" / file.name))
        objects = label(mask > 0).astype(np.uint16)
        for kind, array in (("images", image), ("masks", mask)):
            path = out / "patients" / kind / field / f"{tile}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)
        for kind, array in (("scans", image.astype(np.uint16) * 200 + 37), ("labels", objects)):
            path = out / kind / f"{file.stem}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, array, compression="zlib")
        colours = np.stack([255 - image // 3, 255 - image // 2, 255 - image], -1)
        for kind in ("images", "masks"):
            (out / "histology" / file.stem / kind).mkdir(parents=True)
        Image.fromarray(colours).save(out / "histology" / file.stem / "images" / file.name)
        for number in range(1, objects.max() + 1):
            path = out / "histology" / file.stem / "masks" / f"{number:03d}.png"
            Image.fromarray(np.where(objects == number, 255, 0).astype(np.uint8)).save(path)
    return out
