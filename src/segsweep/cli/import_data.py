"""`segsweep import-data`: replace the sample by your own images and masks, or go back to it."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from segsweep.cli.options import Flag, require_project
from segsweep.core.errors import UserError


def import_data(
    images: Annotated[Path | None, Parameter(name="IMAGES_DIR", help="Folder of images.")] = None,
    masks: Annotated[
        Path | None,
        Parameter(name="MASKS_DIR", help="Folder of masks, or of annotations, or a file of them."),
    ] = None,
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
    label: Annotated[
        list[str] | None,
        Parameter(
            metavar="NAME",
            negative=(),
            help="Class of LabelMe, COCO or VGG VIA annotations that is foreground; repeat it for "
            "several.",
        ),
    ] = None,
    sample: Annotated[Flag, Parameter(help="Go back to the sample images.")] = False,
) -> None:
    """Copy your images and masks into the project, tracked by DVC.

    Everything is checked first. If something cannot be used, you get one list of
    all errors (results/data_report.md) and nothing is changed.

    A mask has the name of its image, in a folder of its own (MASKS_DIR), or is next
    to its image and ends in --mask-suffix. Several masks of one image, in a folder
    of the image's name, are merged. How masks and image stacks are read is set
    under `preprocess` in params.yaml.

    Without masks, they are drawn from the polygons in JSON files of LabelMe, COCO
    or VGG VIA. MASKS_DIR is the file or its folder; it may be left out if they are
    in IMAGES_DIR.

    Images of one group (a patient, an animal, a field of view) stay in one split.
    By default the first folder level below IMAGES_DIR at which images differ is the
    group; without such folders each image is a group.

    Example:
        segsweep import-data ~/scans/images ~/scans/masks
        segsweep import-data frames labels --group-regex '(mouse\\d+)_'
        segsweep import-data tiles --mask-suffix=-seg --groups groups.csv
        segsweep import-data photos instances.json --label cell
        segsweep import-data --sample
    """
    from segsweep.config.study import Study
    from segsweep.data.import_data import import_data, restore_sample
    from segsweep.data.issues import ISSUE_KINDS, group_by_kind
    from segsweep.data.raw_data import RAW
    from segsweep.pipeline.project_lock import lock_project

    if sample == (images is not None):
        raise UserError("import-data: give IMAGES_DIR (and MASKS_DIR), or --sample")
    if sum((group_regex is not None, groups is not None, sample)) > 1:
        raise UserError("import-data: give only one of --group-regex, --groups and --sample")
    if label and sample:
        raise UserError("import-data: give only one of --label and --sample")
    if not mask_suffix:
        raise UserError("--mask-suffix: found an empty text, expected the end of a name")
    require_project()
    lock = lock_project()
    if images is None:
        restore_sample()
        print("the sample is in use again; next: git commit --all, then snakemake --cores all")
    else:
        settings = Study.read().preprocess
        dataset = import_data(
            images, masks, settings, mask_suffix, group_regex, groups, labels=label or ()
        )
        for kind, issues in group_by_kind(dataset.issues).items():
            print(f"{issues[0].label} ({ISSUE_KINDS[kind][0]}): {issues[0]}")
            if len(issues) > 1:
                print(f"  ... and {len(issues) - 1} more of this kind")
        groups_used = {group for page_groups in dataset.groups for group in page_groups}
        print(
            f"{len(dataset.pairs)} images in {len(groups_used)} groups are in {RAW}, "
            f"tracked by DVC ({RAW}.dvc); next: git commit --all, then snakemake --cores all"
        )
    lock.close()
