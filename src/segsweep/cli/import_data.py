"""`segsweep import-data`: replace the sample by your own images and masks, or go back to it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from segsweep.cli.options import Flag, require_project
from segsweep.core.errors import UserError

if TYPE_CHECKING:
    from segsweep.data.user_folders import NameRules


def import_data(
    images: Annotated[
        Path | None, Parameter(name="IMAGES_DIR", help="Folder of images, or a stack.")
    ] = None,
    masks: Annotated[
        Path | None,
        Parameter(
            name="MASKS_DIR", help="Folder of masks or annotations, a stack, or an annotation file."
        ),
    ] = None,
    /,
    *,
    mask_suffix: Annotated[
        str | None,
        Parameter(
            metavar="TEXT",
            help="End of a mask's name that its image does not have, in one or two folders, with "
            "or without a number after it (default: _mask).",
            allow_leading_hyphen=True,
        ),
    ] = None,
    image_pattern: Annotated[
        str | None,
        Parameter(
            metavar="NAME",
            help="Name of an image without suffix, with {} in place of what it shares with its "
            "mask.",
            allow_leading_hyphen=True,
        ),
    ] = None,
    mask_pattern: Annotated[
        str | None,
        Parameter(metavar="NAME", help="The same for masks.", allow_leading_hyphen=True),
    ] = None,
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
    to its image and ends in --mask-suffix. Several masks of one image are united.
    If names differ otherwise, give --image-pattern and --mask-pattern; files that
    match neither are left out. Without them a constant difference is guessed, and
    the guess is printed. How masks and image stacks are read is set under
    `preprocess` in params.yaml.

    Without masks, they are drawn from the polygons in JSON files of LabelMe, COCO
    or VGG VIA. MASKS_DIR is the file or its folder; it may be left out if they are
    in IMAGES_DIR.

    Images of one group (a patient, an animal, a field of view) stay in one split.
    By default the first folder level below IMAGES_DIR at which images differ is the
    group; without such folders each image is a group. Folders named train, val and
    test are the splits.

    Example:
        segsweep import-data ~/scans/images ~/scans/masks
        segsweep import-data frames labels --group-regex '(mouse\\d+)_'
        segsweep import-data tiles --mask-suffix=-seg --groups groups.csv
        segsweep import-data photos instances.json --label cell
        segsweep import-data i m --image-pattern '{}_training' --mask-pattern '{}_gt'
        segsweep import-data --sample
    """
    from segsweep.config.study import Study
    from segsweep.data.import_data import import_data, restore_sample
    from segsweep.data.issues import ISSUE_KINDS, MAX_SHOWN, group_by_kind
    from segsweep.data.own_images import Source
    from segsweep.data.raw_data import RAW
    from segsweep.pipeline.project_lock import lock_project

    if sample == (images is not None):
        raise UserError("import-data: give IMAGES_DIR (and MASKS_DIR), or --sample")
    if sum((group_regex is not None, groups is not None, sample)) > 1:
        raise UserError("import-data: give only one of --group-regex, --groups and --sample")
    if label and sample:
        raise UserError("import-data: give only one of --label and --sample")
    require_project()
    lock = lock_project()
    if images is None:
        restore_sample()
        print("the sample is in use again; next: git commit --all, then snakemake --cores all")
    else:
        settings = Study.read().preprocess
        rules = _name_rules(mask_suffix, image_pattern, mask_pattern)
        source = Source(images, masks, rules, group_regex, groups, label or ())
        dataset = import_data(source, settings)
        for kind, issues in group_by_kind(dataset.issues).items():
            shown = issues[: MAX_SHOWN if issues[0].severity == "assumption" else 1]
            for issue in shown:
                print(f"{issue.label} ({ISSUE_KINDS[kind][0]}): {issue}")
            if len(issues) > len(shown):
                print(f"  ... and {len(issues) - len(shown)} more of this kind")
        count = len(set(dataset.groups_of_pages))
        print(
            f"{len(dataset.pairs)} images in {count} groups are in {RAW}, "
            f"tracked by DVC ({RAW}.dvc); next: git commit --all, then snakemake --cores all"
        )
    lock.close()


def _name_rules(
    mask_suffix: str | None, image_pattern: str | None, mask_pattern: str | None
) -> "NameRules":
    """Return what the options say about names."""
    from segsweep.data.name_patterns import parse_pattern
    from segsweep.data.user_folders import NameRules

    if mask_suffix == "":
        raise UserError("--mask-suffix: found an empty text, expected the end of a name")
    if mask_suffix is not None and mask_pattern is not None:
        raise UserError("import-data: give only one of --mask-suffix and --mask-pattern")
    return NameRules(
        mask_suffix,
        None if image_pattern is None else parse_pattern("--image-pattern", image_pattern),
        None if mask_pattern is None else parse_pattern("--mask-pattern", mask_pattern),
    )
