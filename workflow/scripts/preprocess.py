"""Turn folders of images and masks into arrays, splits and a manifest of content hashes.

Images are stretched between two percentiles of their own grey values and resized (pixels) to the
study's preprocess.input_shape; masks are resized by nearest neighbour and stay 0 and 1. The split
into training, validation and test is by group. Faults are named, all of them, before anything is
written.

Example:
  python workflow/scripts/preprocess.py params.yaml data/raw data/processed
"""

from pathlib import Path

from segsweep.data.dataset import preprocess
from segsweep.errors import command_line, parser
from segsweep.study import Study


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("study", metavar="STUDY", help="a study, such as params.yaml")
    arguments.add_argument("raw", type=Path, metavar="RAW", help="folder with images/ and masks/")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    given = arguments.parse_args()
    settings = Study.read(given.study).preprocess
    summary = preprocess(given.raw, given.out, **settings.model_dump())
    counts = ", ".join(f"{name} {split['images']}" for name, split in summary["splits"].items())
    print(f"preprocess: {summary['images']} images ({counts}) in {given.out}")


if __name__ == "__main__":
    command_line(main)
