"""Turn folders of images and masks into arrays, splits and a manifest of content hashes.

Images (formats, depths and sizes: docs/data.md) are rescaled between two percentiles of their grey
values and brought to the study's preprocess.input_shape; masks become 0 and 1. Whole groups are
assigned to train, validation and test. All errors are reported at once, on the terminal and in
results/data_report.md, before anything is written. Processed images are cached in .store, so a run
that was killed continues where it stopped, and only new images are read.

Example:
  python workflow/scripts/preprocess.py params.yaml data/raw data/processed
"""

import os
from pathlib import Path

from segsweep.config.study import Study
from segsweep.core.errors import command_line, parser
from segsweep.data.image_cache import image_cache_folder
from segsweep.data.issues import DataIssuesError, write_issue_report
from segsweep.data.preprocess import image_settings, preprocess
from segsweep.data.raw_changes import describe_changes
from segsweep.data.raw_data import RAW
from segsweep.pipeline.fingerprint import FileHashes


def main() -> None:
    cores = len(os.sched_getaffinity(0))
    arguments = parser(__doc__)
    arguments.add_argument("study", metavar="STUDY", help="a study, such as params.yaml")
    arguments.add_argument("raw", type=Path, metavar="RAW", help="folder with images/ and masks/")
    arguments.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    arguments.add_argument(
        "--workers",
        type=int,
        default=cores,
        metavar="N",
        help="number of processes that read images (default: number of cores)",
    )
    args = arguments.parse_args()
    settings = Study.read(args.study).preprocess
    cache = image_cache_folder(image_settings(settings))
    workers = max(1, min(args.workers, cores))
    if args.raw == RAW and (changes := describe_changes(RAW)):
        print(f"warning: {changes}", flush=True)
    try:
        known_hash = FileHashes().known_of
        summary = preprocess(args.raw, args.out, settings, cache, workers, known_hash)
    except DataIssuesError as error:
        write_issue_report(error.issues)
        raise
    counts = ", ".join(f"{name} {split['images']}" for name, split in summary["splits"].items())
    dropped = f", {summary['dropped']} left out" if summary["dropped"] else ""
    print(f"preprocess: {summary['images']} images ({counts}{dropped}) in {args.out}")


if __name__ == "__main__":
    command_line(main)
