"""Time preprocessing against plain loops over scikit-image and Pillow, and watch its memory.

Real images (the nuclei, enlarged, with noise) of 1024 x 1024 pixels become 256 x 256. The loops do
for each image what a first script does: read, stretch between percentiles, resize; theirs is one
process, ours as many as there are cores, and ours also hashes, looks for copies and keeps what is
ready. The Pillow loop's pixels must be ours to the last grey value but one; scikit-image smooths a
little more. Ratios are from one run; every run is a process of its own, so peak memory is too.

Example:
  python benchmarks/preprocess.py --images 800
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.exposure import rescale_intensity
from skimage.io import imread
from skimage.transform import resize

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from segsweep.config.sections import Preprocess
from segsweep.data.dataset import ProcessedSet
from segsweep.data.sample import nuclei

ROOT = Path(__file__).parents[1]
SIDE, SMALL = 1024, 256

MEASURED = """\
import json, resource, sys, time
sys.path[:0] = {paths!r}
from pathlib import Path
started = time.perf_counter()
{work}
seconds = time.perf_counter() - started
own, children = (resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF,
                                                           resource.RUSAGE_CHILDREN))
print(json.dumps([seconds, own, children]))
"""

OURS = """\
from segsweep.data.preprocess import preprocess
from segsweep.config.sections import Preprocess
preprocess(Path({raw!r}), Path({out!r}), Preprocess().model_dump(), Path({kept!r}), {workers})
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=800, metavar="N")
    parser.add_argument("--times", type=int, default=3, metavar="N", help="repetitions (default 3)")
    given = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder / "raw", given.images)
        write_images(folder / "few", given.images // 4)
        for i in range(given.times):
            works = {
                "ours": ours(folder, "raw", f"{i}", cores),
                "ours, one process": ours(folder, "raw", f"{i}-one", 1),
                "Pillow loop": loop(folder, "pillow_loop"),
                "scikit-image loop": loop(folder, "skimage_loop"),
            }
            for kind in list(works)[i % len(works) :] + list(works)[: i % len(works)]:
                seconds.setdefault(kind, []).append(measured(works[kind])[0])
        _, own, child = measured(ours(folder, "raw", "memory", cores))
        _, own_few, child_few = measured(ours(folder, "few", "few", cores))
        compare(folder)
    best = {kind: float(np.median(values)) for kind, values in seconds.items()}
    for kind, value in best.items():
        print(
            f"{kind}: {given.images / value:.0f} images a second, "
            f"{value / best['ours']:.2f} times as long as ours"
        )
    print(
        f"peak memory of {given.images // 4} and {given.images} images: "
        f"{own_few / 1024:.0f} and {own / 1024:.0f} MB, each worker {child_few / 1024:.0f} and "
        f"{child / 1024:.0f} MB"
    )


def write_images(raw: Path, count: int) -> None:
    chance = np.random.default_rng(0)
    pairs = list(nuclei())
    for folder in ("images", "masks"):
        (raw / folder).mkdir(parents=True)
    rows = ["image,group"]
    for i in range(count):
        pair = pairs[i % len(pairs)]
        size = (SIDE, SIDE)
        image = np.array(Image.fromarray(pair.image).resize(size, Image.Resampling.BICUBIC), float)
        noisy = (image + chance.normal(0, 4, image.shape)).clip(0, 255).astype(np.uint8)
        mask = Image.fromarray(pair.mask).resize(size, Image.Resampling.NEAREST)
        Image.fromarray(noisy).save(raw / f"images/{i:05d}.png")
        mask.save(raw / f"masks/{i:05d}.png")
        rows.append(f"{i:05d}.png,{i % len(pairs)}")
    (raw / "groups.csv").write_text("\n".join(rows) + "\n")


def ours(folder: Path, raw: str, run: str, workers: int) -> str:
    return OURS.format(
        raw=str(folder / raw),
        out=str(folder / f"out-{run}"),
        kept=str(folder / f"kept-{run}"),
        workers=workers,
    )


def loop(folder: Path, name: str) -> str:
    return f"from preprocess import {name}; {name}(Path({str(folder / 'raw')!r}))"


def measured(work: str) -> tuple[float, int, int]:
    """Seconds, and the peak memory (KiB) of the process and of its largest child."""
    code = MEASURED.format(paths=[str(ROOT / "src"), str(ROOT / "benchmarks")], work=work)
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    )
    seconds, own, children = json.loads(done.stdout.splitlines()[-1])
    return seconds, own, children


def pillow_loop(raw: Path) -> None:
    images, masks = [], []
    for path in sorted((raw / "images").iterdir()):
        image = np.array(Image.open(path), np.float32)
        black, white = np.percentile(image, Preprocess().percentiles)
        image = np.clip((image - black) / (white - black), 0, 1)
        small = Image.fromarray(image).resize((SMALL, SMALL), Image.Resampling.BILINEAR)
        images.append(np.rint(np.asarray(small) * 255).astype(np.uint8))
        mask = np.array(Image.open(raw / "masks" / path.name)) > 0
        share = Image.fromarray(mask.astype(np.float32)).resize(
            (SMALL, SMALL), Image.Resampling.BOX
        )
        masks.append((np.asarray(share) >= 0.5).astype(np.uint8))
    save(raw.parent / "pillow", images, masks)


def skimage_loop(raw: Path) -> None:
    images, masks = [], []
    for path in sorted((raw / "images").iterdir()):
        image = imread(path)
        black, white = np.percentile(image, Preprocess().percentiles)
        image = rescale_intensity(image, (black, white), (0.0, 1.0))
        small = resize(image, (SMALL, SMALL), order=1, anti_aliasing=True)
        images.append(np.rint(small * 255).astype(np.uint8))
        mask = imread(raw / "masks" / path.name) > 0
        masks.append(resize(mask, (SMALL, SMALL), order=0, anti_aliasing=False).astype(np.uint8))
    save(raw.parent / "skimage", images, masks)


def save(out: Path, images: list[np.ndarray], masks: list[np.ndarray]) -> None:
    out.mkdir(exist_ok=True)
    np.save(out / "images.npy", np.stack(images))
    np.save(out / "masks.npy", np.stack(masks))


def compare(folder: Path) -> None:
    """How far the loops' pixels are from ours."""
    data = ProcessedSet.open(folder / "out-0")
    for peer in ("pillow", "skimage"):
        images, masks = (np.load(folder / peer / f"{name}.npy") for name in ("images", "masks"))
        off = np.abs(images.astype(int) - data.images)
        print(
            f"{peer}: grey values differ by at most {off.max()} ({off.mean():.2f} on average), "
            f"masks in {(masks != data.masks).mean():.3%} of the pixels"
        )


if __name__ == "__main__":
    main()
