"""Compare the speed of preprocessing with plain loops over scikit-image and Pillow.

Images of 1024 x 1024 pixels (the nuclei sample, enlarged, with noise) become 256 x 256. The loops
read, rescale between percentiles and resize each image, in one process. segsweep uses all cores; it
also hashes the files, finds duplicates and writes the cache. The pixels of the Pillow loop differ
from segsweep's by at most one grey value; scikit-image smooths a little more. Each measurement is a
process of its own, so that its peak memory is measured as well.

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
SIDE = 1024
PROCESSED_SIZE = (256, 256)

MEASURE = """\
import json, resource, sys, time
sys.path[:0] = {paths!r}
from pathlib import Path
started = time.perf_counter()
{code}
seconds = time.perf_counter() - started
own, children = (resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF,
                                                           resource.RUSAGE_CHILDREN))
print(json.dumps([seconds, own, children]))
"""

SEGSWEEP = """\
from segsweep.data.preprocess import preprocess
from segsweep.config.sections import Preprocess
preprocess(Path({raw!r}), Path({out!r}), Preprocess(), Path({cache!r}), {workers})
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--images", type=int, default=800, metavar="N", help="number of images (default 800)"
    )
    parser.add_argument(
        "--times", type=int, default=3, metavar="N", help="number of repetitions (default 3)"
    )
    args = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder / "raw", args.images)
        write_images(folder / "few", args.images // 4)
        for i in range(args.times):
            programs = {
                "segsweep": segsweep_code(folder, "raw", f"{i}", cores),
                "segsweep, one process": segsweep_code(folder, "raw", f"{i}-one", 1),
                "Pillow loop": loop_code(folder, "pillow_loop"),
                "scikit-image loop": loop_code(folder, "skimage_loop"),
            }
            start = i % len(programs)  # another order in each repetition
            for program in list(programs)[start:] + list(programs)[:start]:
                seconds.setdefault(program, []).append(measure(programs[program])[0])
        _, main_memory, worker_memory = measure(segsweep_code(folder, "raw", "memory", cores))
        _, main_few, worker_few = measure(segsweep_code(folder, "few", "few", cores))
        compare_pixels(folder)
    medians = {program: float(np.median(values)) for program, values in seconds.items()}
    for program, median in medians.items():
        print(
            f"{program}: {args.images / median:.0f} images/s, "
            f"{median / medians['segsweep']:.2f} times the duration of segsweep"
        )
    print(
        f"peak memory with {args.images // 4} and {args.images} images: "
        f"{main_few / 1024:.0f} and {main_memory / 1024:.0f} MB, each worker "
        f"{worker_few / 1024:.0f} and {worker_memory / 1024:.0f} MB"
    )


def write_images(raw: Path, count: int) -> None:
    """Write images, masks and groups.csv to `raw`."""
    rng = np.random.default_rng(0)
    samples = list(nuclei())
    for folder in ("images", "masks"):
        (raw / folder).mkdir(parents=True)
    rows = ["image,group"]
    for i in range(count):
        sample = samples[i % len(samples)]
        size = (SIDE, SIDE)
        image = np.array(
            Image.fromarray(sample.image).resize(size, Image.Resampling.BICUBIC), float
        )
        noisy = (image + rng.normal(0, 4, image.shape)).clip(0, 255).astype(np.uint8)
        mask = Image.fromarray(sample.mask).resize(size, Image.Resampling.NEAREST)
        Image.fromarray(noisy).save(raw / f"images/{i:05d}.png")
        mask.save(raw / f"masks/{i:05d}.png")
        rows.append(f"{i:05d}.png,{i % len(samples)}")
    (raw / "groups.csv").write_text("\n".join(rows) + "\n")


def segsweep_code(folder: Path, raw: str, run: str, workers: int) -> str:
    return SEGSWEEP.format(
        raw=str(folder / raw),
        out=str(folder / f"out-{run}"),
        cache=str(folder / f"cache-{run}"),
        workers=workers,
    )


def loop_code(folder: Path, name: str) -> str:
    return f"from preprocess import {name}; {name}(Path({str(folder / 'raw')!r}))"


def measure(code: str) -> tuple[float, int, int]:
    """Return seconds, and peak memory (KiB) of the process and of its largest child."""
    paths = [str(ROOT / "src"), str(ROOT / "benchmarks")]
    program = MEASURE.format(paths=paths, code=code)
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
    )
    seconds, own, children = json.loads(done.stdout.splitlines()[-1])
    return seconds, own, children


def pillow_loop(raw: Path) -> None:
    images, masks = [], []
    for path in sorted((raw / "images").iterdir()):
        image = np.array(Image.open(path), np.float32)
        black, white = np.percentile(image, Preprocess().percentiles)
        image = np.clip((image - black) / (white - black), 0, 1)
        small = Image.fromarray(image).resize(PROCESSED_SIZE, Image.Resampling.BILINEAR)
        images.append(np.rint(np.asarray(small) * 255).astype(np.uint8))
        mask = np.array(Image.open(raw / "masks" / path.name)) > 0
        share = Image.fromarray(mask.astype(np.float32)).resize(
            PROCESSED_SIZE, Image.Resampling.BOX
        )
        masks.append((np.asarray(share) >= 0.5).astype(np.uint8))
    save(raw.parent / "pillow", images, masks)


def skimage_loop(raw: Path) -> None:
    images, masks = [], []
    for path in sorted((raw / "images").iterdir()):
        image = imread(path)
        black, white = np.percentile(image, Preprocess().percentiles)
        image = rescale_intensity(image, (black, white), (0.0, 1.0))
        small = resize(image, PROCESSED_SIZE, order=1, anti_aliasing=True)
        images.append(np.rint(small * 255).astype(np.uint8))
        mask = imread(raw / "masks" / path.name) > 0
        masks.append(resize(mask, PROCESSED_SIZE, order=0, anti_aliasing=False).astype(np.uint8))
    save(raw.parent / "skimage", images, masks)


def save(out: Path, images: list[np.ndarray], masks: list[np.ndarray]) -> None:
    out.mkdir(exist_ok=True)
    np.save(out / "images.npy", np.stack(images))
    np.save(out / "masks.npy", np.stack(masks))


def compare_pixels(folder: Path) -> None:
    """Print the differences between the pixels of the loops and of segsweep."""
    data = ProcessedSet.open(folder / "out-0")
    for library in ("pillow", "skimage"):
        images, masks = (np.load(folder / library / f"{n}.npy") for n in ("images", "masks"))
        difference = np.abs(images.astype(int) - data.images)
        print(
            f"{library}: grey values differ by at most {difference.max()} (mean "
            f"{difference.mean():.2f}), "
            f"masks in {(masks != data.masks).mean():.3%} of the pixels"
        )


if __name__ == "__main__":
    main()
