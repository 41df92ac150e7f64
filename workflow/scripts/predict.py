"""Predict the masks of images, of any size, with a trained model.

IMAGES are files, folders (with all below them) or patterns. OUT gets a mask for each, 0 and 255,
of the image's own height and width. An image that cannot be used stops no other: all faults are
told at the end.

Foreground is p >= 0.5, as in every number of the reports. `--threshold chosen` takes the one that
would have been best for the validation images; model.json and results/test/summary.json say what it
is and what it would have been worth.

Example:
  python workflow/scripts/predict.py --model results/train data/raw/images -o /tmp/masks
"""

import argparse
import sys
from contextlib import suppress
from pathlib import Path

import torch

from segsweep.core.errors import UserError, command_line, parser
from segsweep.data.issues import Problem, for_terminal
from segsweep.data.preprocess import settings_of
from segsweep.inference.inputs import find
from segsweep.inference.predict import predict, read_all
from segsweep.inference.saved_model import Model
from segsweep.inference.writers import SUFFIXES, Writer
from segsweep.training.engine import EVALUATION_BATCH, THRESHOLD


def main() -> None:
    given = _arguments()
    model = Model.read(given.model)
    threshold = model.threshold["chosen"] if given.threshold == "chosen" else given.threshold
    outs = [given.out, *([given.probabilities] if given.probabilities else [])]
    sources, problems = find(given.images, outs)
    writer = Writer(sources, given.out, given.format, threshold, given.probabilities)
    settings = settings_of(model.preprocessing.model_dump())
    progress = Progress(len(sources))
    with model.ready(given.device, torch.get_num_threads()) as engine:
        pictures = read_all(sources, settings, problems)
        for picture in predict(engine, pictures, given.batch_size, given.flips, progress.add):
            writer.write(picture)
            progress.written()
    progress.end()
    print(f"predict: {progress.done} images in {given.out}, foreground from p = {threshold:g} on")
    if problems:
        raise UserError(f"{_count(problems)} could not be used:\n{for_terminal(problems)}")


def _count(problems: list[Problem]) -> str:
    files = len({problem.file for problem in problems})
    return "1 file" if files == 1 else f"{files} files"


class Progress:
    """How far it is: on a terminal one line that changes, in a log a line at every tenth."""

    def __init__(self, images: int) -> None:
        self.images, self.done, self.seen, self.tenths = images, 0, 0, 0

    def add(self, arrays: int) -> None:
        """The network has seen so many more images, or tiles of them."""
        self.seen += arrays
        if sys.stdout.isatty():
            self._show()

    def written(self) -> None:
        self.done += 1
        if sys.stdout.isatty():
            self._show()
        elif 10 * self.done // self.images > self.tenths:
            self.tenths = 10 * self.done // self.images
            print(f"predict: {self.done} of {self.images} images", flush=True)

    def _show(self) -> None:
        told = f"{self.done} of {self.images} images, {self.seen} seen by the network"
        print(f"\r\033[Kpredict: {told} (whole or as tiles)", end="", flush=True)

    def end(self) -> None:
        if sys.stdout.isatty():
            print("\r\033[K", end="")


def _arguments() -> argparse.Namespace:
    arguments = parser(__doc__)
    arguments.add_argument("images", nargs="+", metavar="IMAGES", help="files, folders, patterns")
    arguments.add_argument(
        "--model", type=Path, required=True, metavar="DIR", help="a folder with model.json"
    )
    arguments.add_argument(
        "-o", "--out", type=Path, required=True, metavar="OUT", help="where the masks go"
    )
    arguments.add_argument(
        "--format", choices=tuple(SUFFIXES), default="png", help="of the masks (default: png)"
    )
    arguments.add_argument(
        "--threshold",
        type=_threshold,
        default=THRESHOLD,
        metavar="P",
        help="foreground from this probability on: 0.5 (the default), another, or chosen",
    )
    arguments.add_argument(
        "--probabilities",
        type=Path,
        metavar="DIR",
        help="also write the probabilities there, as float32 TIFF",
    )
    arguments.add_argument(
        "--flips",
        action="store_true",
        help="the mean over all flips and quarter turns; takes 8 times as long (4 times, and no "
        "quarter turns, where the network's images are not square)",
    )
    arguments.add_argument(
        "--batch-size",
        type=_whole,
        default=EVALUATION_BATCH,
        metavar="N",
        help=f"images or tiles at a time (default: {EVALUATION_BATCH})",
    )
    arguments.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda", "mps"),
        default="auto",
        help="default: a CUDA GPU if there is one",
    )
    return arguments.parse_args()


def _threshold(text: str) -> float | str:
    if text == "chosen":
        return text
    with suppress(ValueError):
        if 0 < float(text) <= 1:
            return float(text)
    raise argparse.ArgumentTypeError(f"found {text}, expected chosen, or above 0 and up to 1")


def _whole(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"found {text}, expected a whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    command_line(main)
