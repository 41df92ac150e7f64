"""Check that each split has foreground, without which it has no meaningful score."""

from collections import Counter
from collections.abc import Mapping, Sequence

from segsweep.data.dataset import SPLITS
from segsweep.data.issues import DataIssue


def foreground_by_group(groups: Sequence[str], foreground: Sequence[float]) -> dict[str, float]:
    """Return the mean share of foreground of each group.

    Args:
        groups: Group of each image.
        foreground: Share of foreground of each image.
    """
    counts = Counter(groups)
    shares = dict.fromkeys(counts, 0.0)
    for group, share in zip(groups, foreground, strict=True):
        shares[group] += share / counts[group]
    return {group: round(share, 9) for group, share in shares.items()}


def find_splits_without_foreground(
    split_of: Mapping[str, str], shares: Mapping[str, float], given: Mapping[str, str]
) -> list[DataIssue]:
    """Return an issue for each split whose masks are all background.

    Args:
        split_of: Split of each group.
        shares: Share of foreground (0 to 1) of each group.
        given: Split of the groups that had one before the others were drawn.
    """
    with_foreground = [group for group in split_of if shares[group] > 0]
    to_draw = [group for group in with_foreground if group not in given]
    drawn = [split for split in SPLITS if split not in given.values()]
    has_foreground = {split_of[group] for group in with_foreground}
    issues = []
    for split in SPLITS:
        if split in has_foreground:
            continue
        found = f"all masks of the {split} split are background"
        if not with_foreground:
            todo = "give masks in which objects have another value than the background"
        elif split not in drawn:
            todo = (
                "add images with foreground to it, or draw the splits: segsweep import-data "
                "--group-regex (with '.+' if the images are independent)"
            )
        elif len(to_draw) < len(drawn):
            found += f"; only {len(with_foreground)} of {len(split_of)} groups have foreground"
            todo = (
                "give smaller groups: segsweep import-data --group-regex (with '.+' if the images "
                "are independent), or --groups"
            )
        else:
            todo = (
                "choose another preprocess.seed or larger fractions, or import the images with "
                "their splits (segsweep import-data --groups with a column split)"
            )
        issues.append(DataIssue("no_foreground", "masks", found, todo))
    return issues
