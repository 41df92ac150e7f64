"""Turn folders of images and masks into arrays, splits and a manifest of content hashes.

Images (any format, depth and size that docs/data.md lists) are stretched between two percentiles of
their own grey values and brought to the study's preprocess.input_shape; masks stay 0 and 1. The
split into training, validation and test is by group. Faults are told all at once, before anything
is written, on the terminal and in results/data_report.md. Images that are ready are kept in .store,
so a run that was killed goes on, and new images are the only ones read.

Example:
  python workflow/scripts/preprocess.py params.yaml data/raw data/processed
"""

import os
from pathlib import Path

from segsweep.config.study import Study
from segsweep.core.errors import command_line, parser
from segsweep.data.data_report import write_faults
from segsweep.data.image_cache import kept_folder
from segsweep.data.issues import FaultsError
from segsweep.data.preprocess import preprocess, settings_of
from segsweep.pipeline.fingerprint import Hashes


def main() -> None:
    cores = len(os.sched_getaffinity(0))
    arguments = parser(__doc__)
    arguments.add_argument("study", metavar="STUDY", help="a study, such as params.yaml")
    arguments.add_argument("raw", type=Path, metavar="RAW", help="folder with images/ and masks/")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    arguments.add_argument(
        "--workers",
        type=int,
        default=cores,
        metavar="N",
        help="how many processes read images (default: the machine's cores)",
    )
    given = arguments.parse_args()
    settings = Study.read(given.study).preprocess.model_dump()
    kept = kept_folder(settings_of(settings))
    workers = max(1, min(given.workers, cores))
    try:
        known = Hashes().known_of
        summary = preprocess(given.raw, given.out, settings, kept, workers, known)
    except FaultsError as error:
        write_faults(error.problems)
        raise
    counts = ", ".join(f"{name} {split['images']}" for name, split in summary["splits"].items())
    dropped = f", {summary['dropped']} left out" if summary["dropped"] else ""
    print(f"preprocess: {summary['images']} images ({counts}{dropped}) in {given.out}")


if __name__ == "__main__":
    command_line(main)
