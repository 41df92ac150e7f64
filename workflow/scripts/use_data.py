"""Put your own images and masks in the sample's place, under DVC; or go back to the sample.

Everything is read first: either all of it can be used, or you get one list of what is wrong
(results/data_report.md), and nothing else is changed. Masks have the names of their images, below a
folder of their own, or end in --mask-suffix beside them; several masks of one image lie in a folder
of its name, and are united. How masks and stacks are read is up to the study (preprocess).

What must not be split (a patient, an animal, a field of view) is a group: by default the first
folder below IMAGES_DIR in which images differ, and without folders each image.

Example:
  python workflow/scripts/use_data.py ~/scans/images ~/scans/masks
  python workflow/scripts/use_data.py frames labels --group-regex '(mouse\\d+)_'
  python workflow/scripts/use_data.py tiles --mask-suffix=-seg --groups groups.csv
  python workflow/scripts/use_data.py --sample
"""

import argparse
import os
from pathlib import Path

from segsweep.config.study import Study
from segsweep.core.errors import UserError, command_line, parser
from segsweep.data.data_report import write_faults
from segsweep.data.discovery import MASK_SUFFIX, find_pairs
from segsweep.data.image_cache import kept_folder
from segsweep.data.import_data import back_to_sample, check, place
from segsweep.data.issues import FaultsError, Problem, by_class
from segsweep.data.preprocess import assign_splits, examine, settings_of
from segsweep.data.raw_data import RAW
from segsweep.data.splits import by_folder, by_pattern, by_table
from segsweep.pipeline.staleness import take_lock


def main() -> None:
    given = _arguments()
    if not Path("params.yaml").exists():
        raise UserError("params.yaml: not here; run this in the project's folder")
    lock = take_lock()  # held until the process ends
    assert lock
    if given.sample:
        back_to_sample()
        print("the sample is in use again; next: git commit --all, then snakemake --cores all")
        return
    check(*filter(None, (given.images, given.masks)))
    study = Study.read().preprocess.model_dump()
    layout = find_pairs(given.images, given.masks, given.mask_suffix)
    groups, problems = by_folder(layout.pairs), list[Problem]()
    splits: dict[str, str] = {}
    if given.groups:
        groups, splits, problems = by_table(given.groups, layout)
    elif given.group_regex:
        groups, problems = by_pattern(layout.pairs, given.group_regex)
    found = examine(
        layout.pairs,
        groups,
        splits,
        [*layout.problems, *problems],
        study,
        kept_folder(settings_of(study)),
        len(os.sched_getaffinity(0)),
    )
    try:
        assign_splits(found, study)
    except FaultsError as error:
        write_faults(error.problems)
        raise
    place(found, given.images, given.masks)
    for kind, members in by_class(found.problems).items():
        print(f"{kind}: {members[0].sentence()}")
        if len(members) > 1:
            print(f"  ... and {len(members) - 1} more of this class")
    print(
        f"{len(found.pairs)} images in {len(set(found.groups))} groups are in {RAW}, tracked by "
        f"DVC ({RAW}.dvc); next: git commit --all, then snakemake --cores all"
    )


def _arguments() -> argparse.Namespace:
    arguments = parser(__doc__)
    arguments.add_argument(
        "images", type=Path, nargs="?", metavar="IMAGES_DIR", help="folder of images"
    )
    arguments.add_argument(
        "masks", type=Path, nargs="?", metavar="MASKS_DIR", help="folder of masks"
    )
    arguments.add_argument(
        "--mask-suffix",
        default=MASK_SUFFIX,
        metavar="TEXT",
        help="how the names of masks end where they lie beside their images (default: %(default)s)",
    )
    how = arguments.add_mutually_exclusive_group()
    how.add_argument(
        "--group-regex",
        metavar="REGEX",
        help="the group is what its first parenthesis finds in an image's place below IMAGES_DIR",
    )
    how.add_argument(
        "--groups",
        type=Path,
        metavar="CSV",
        help="a table with the columns image,group and, where the split is given, split",
    )
    how.add_argument("--sample", action="store_true", help="go back to the sample")
    given = arguments.parse_args()
    if given.sample == (given.images is not None):
        arguments.error("give IMAGES_DIR (and MASKS_DIR), or --sample")
    if not given.mask_suffix:
        arguments.error("--mask-suffix: found nothing, expected the end of a name")
    return given


if __name__ == "__main__":
    command_line(main)
