"""`segsweep import-data`: replace the sample by your own images and masks, or go back to it."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from segsweep.cli.options import Flag, require_project
from segsweep.core.errors import UserError


def import_data(
    images: Annotated[Path | None, Parameter(name="IMAGES_DIR", help="Folder of images.")] = None,
    masks: Annotated[Path | None, Parameter(name="MASKS_DIR", help="Folder of masks.")] = None,
    /,
    *,
    mask_suffix: Annotated[
        str,
        Parameter(
            metavar="TEXT",
            help="End of a mask's name where masks and images are in one folder.",
            allow_leading_hyphen=True,
        ),
    ] = "_mask",
    group_regex: Annotated[
        str | None,
        Parameter(
            metavar="REGEX",
            help="An image's group is what the first parentheses match in its path below "
            "IMAGES_DIR.",
        ),
    ] = None,
    groups: Annotated[
        Path | None,
        Parameter(
            metavar="CSV",
            help="Table with the columns image, group and, to give the splits yourself, split.",
        ),
    ] = None,
    sample: Annotated[Flag, Parameter(help="Go back to the sample images.")] = False,
) -> None:
    """Copy your images and masks into the project, tracked by DVC.

    Everything is checked first. If something cannot be used, you get one list of
    all problems (results/data_report.md) and nothing is changed.

    A mask has the name of its image, in a folder of its own (MASKS_DIR), or is next
    to its image and ends in --mask-suffix. Several masks of one image, in a folder
    of the image's name, are merged. How masks and image stacks are read is set
    under `preprocess` in params.yaml.

    Images of one group (a patient, an animal, a field of view) stay in one split.
    By default the first folder level below IMAGES_DIR at which images differ is the
    group; without such folders each image is a group.

    Example:
        segsweep import-data ~/scans/images ~/scans/masks
        segsweep import-data frames labels --group-regex '(mouse\\d+)_'
        segsweep import-data tiles --mask-suffix=-seg --groups groups.csv
        segsweep import-data --sample
    """
    from segsweep.data.import_data import restore_sample
    from segsweep.pipeline.staleness import lock_project

    if sample == (images is not None):
        raise UserError("import-data: give IMAGES_DIR (and MASKS_DIR), or --sample")
    if sum((group_regex is not None, groups is not None, sample)) > 1:
        raise UserError("import-data: give only one of --group-regex, --groups and --sample")
    if not mask_suffix:
        raise UserError("--mask-suffix: found an empty text, expected the end of a name")
    require_project()
    lock = lock_project()
    if images is None:
        restore_sample()
        print("the sample is in use again; next: git commit --all, then snakemake --cores all")
    else:
        _import(images, masks, mask_suffix, group_regex, groups)
    lock.close()


def _import(
    images: Path, masks: Path | None, mask_suffix: str, regex: str | None, table: Path | None
) -> None:
    import os

    from segsweep.config.study import Study
    from segsweep.data.data_report import write_issue_report
    from segsweep.data.discovery import find_pairs
    from segsweep.data.image_cache import image_cache_folder
    from segsweep.data.import_data import check, place
    from segsweep.data.issues import DataIssuesError, group_by_kind
    from segsweep.data.preprocess import assign_splits, image_settings, prepare_dataset
    from segsweep.data.raw_data import RAW
    from segsweep.data.splits import groups_from_folders, groups_from_regex, read_groups

    check(*filter(None, (images, masks)))
    settings = Study.read().preprocess.model_dump()
    layout = find_pairs(images, masks, mask_suffix)
    problems = layout.problems
    splits: dict[str, str] = {}
    if table:
        groups, splits, of_groups = read_groups(table, layout)
        problems = [*problems, *of_groups]
    elif regex:
        groups, of_groups = groups_from_regex(layout.pairs, regex)
        problems = [*problems, *of_groups]
    else:
        groups = groups_from_folders(layout.pairs)
    cache, workers = image_cache_folder(image_settings(settings)), len(os.sched_getaffinity(0))
    examined = prepare_dataset(layout.pairs, groups, splits, problems, settings, cache, workers)
    try:
        assign_splits(examined, settings)
    except DataIssuesError as error:
        write_issue_report(error.problems)
        raise
    place(examined, images, masks)
    for kind, members in group_by_kind(examined.problems).items():
        print(f"{kind}: {members[0].sentence()}")
        if len(members) > 1:
            print(f"  ... and {len(members) - 1} more of this kind")
    print(
        f"{len(examined.pairs)} images in {len(set(examined.groups))} groups are in {RAW}, tracked "
        f"by DVC ({RAW}.dvc); next: git commit --all, then snakemake --cores all"
    )
