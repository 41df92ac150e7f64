"""From folders of images and masks to arrays and splits, or to a list of all that is wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.core.files import read_csv
from segsweep.data.dataset import SPLITS
from segsweep.data.discovery import Pair, find_pairs
from segsweep.data.issues import FaultsError, Problem
from segsweep.data.prepare import Prepared, Settings
from segsweep.data.processed_files import write_set
from segsweep.data.splits import by_folder, by_table, group_shares, split_groups, too_few
from segsweep.data.validation import find_faults_of_set
from segsweep.data.workers import prepare_all

LEFT_OUT = "excluded.csv"
"""In `data/raw`: the faults of images that were left out when the user's folders were taken."""


@dataclass
class Examined:
    """All that was found in a folder: usable sources, their groups, and every fault."""

    pairs: list[Pair] = field(default_factory=list)
    prepared: list[Prepared] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    given_splits: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def settings_of(preprocess: dict[str, Any]) -> Settings:
    """The part of the study's `preprocess` that decides the pixels of an image."""
    height, width, _ = preprocess["input_shape"]
    low, high = preprocess["percentiles"]
    masks = preprocess["masks"]
    return Settings(
        (height, width),
        (low, high),
        preprocess["mode"],
        masks if isinstance(masks, str) else tuple(masks),
        preprocess["stacks"],
    )


def preprocess(
    raw: Path,
    out: Path,
    study: dict[str, Any],
    kept: Path,
    workers: int = 1,
    known: Callable[[Path], str | None] = lambda path: None,
) -> dict[str, Any]:
    """Write `images.npy`, `masks.npy` and the tables to `out`; returns the summary.

    `raw` holds `images/`, `masks/` and, if images belong together, `groups.csv`; `study` is the
    study's `preprocess`, `kept` a folder for sources that are ready. The files do not depend on the
    number of `workers`. Raises `FaultsError` with every fault unless `on_bad` is `drop`.
    """
    found = examine_raw(raw, study, kept, workers, known)
    splits = assign_splits(found, study)
    rows = [
        row | {"group": group, "split": split}
        for prepared, group, split in zip(found.prepared, found.groups, splits, strict=True)
        for row in prepared.rows
    ]
    return write_set(out, rows, found.prepared, found.problems, study)


def assign_splits(found: Examined, study: dict[str, Any]) -> list[str]:
    """The split of each usable source. Raises `FaultsError` with every fault that ends the run."""
    refuse(found.problems, study["on_bad"])
    shares = group_shares(found.groups, [_share(p) for p in found.prepared])
    split_of = found.given_splits or split_groups(
        shares, study["validation_fraction"], study["test_fraction"], study["seed"]
    )
    splits = [split_of[group] for group in found.groups]
    without = [
        Problem(
            "no_foreground",
            "masks",
            f"all masks of the {split} split are background",
            "choose another preprocess.seed, larger fractions, or give the splits in groups.csv",
        )
        for split in SPLITS
        if not any(_share(p) for p, s in zip(found.prepared, splits, strict=True) if s == split)
    ]
    if without:
        raise FaultsError([*found.problems, *without])
    return splits


def refuse(problems: Sequence[Problem], on_bad: str) -> None:
    """Raise `FaultsError` if one of the problems must end the run."""
    fatal = {"set"} if on_bad == "drop" else {"set", "image"}
    if any(problem.severity in fatal for problem in problems):
        raise FaultsError(problems)


def examine_raw(
    raw: Path,
    study: dict[str, Any],
    kept: Path,
    workers: int = 1,
    known: Callable[[Path], str | None] = lambda path: None,
) -> Examined:
    """Read everything in `raw` and tell what can be used and what cannot."""
    layout = find_pairs(raw / "images", raw / "masks")
    table = raw / "groups.csv"
    if table.exists():
        groups, splits, problems = by_table(table, layout)
    else:
        groups, splits, problems = by_folder(layout.pairs), {}, []
    before = read_csv(raw / LEFT_OUT) if (raw / LEFT_OUT).exists() else []
    problems = [*layout.problems, *problems, *(Problem(**row) for row in before)]
    return examine(layout.pairs, groups, splits, problems, study, kept, workers, known)


def examine(
    pairs: Sequence[Pair],
    groups: dict[str, str],
    splits: dict[str, str],
    problems: Sequence[Problem],
    study: dict[str, Any],
    kept: Path,
    workers: int = 1,
    known: Callable[[Path], str | None] = lambda path: None,
) -> Examined:
    """Read these pairs; `groups` by name and `splits` by group, `problems` found so far."""
    found = Examined(given_splits=splits, problems=list(problems))
    results = prepare_all(pairs, settings_of(study), kept, workers, known)
    for pair, result in zip(pairs, results, strict=True):
        if isinstance(result, Problem):
            found.problems.append(result)
        elif pair.name in groups:
            found.pairs.append(pair)
            found.prepared.append(result)
            found.groups.append(groups[pair.name])
    images = [str(pair.image) for pair in found.pairs]
    of_set = find_faults_of_set(images, found.prepared, found.groups)
    found.problems += of_set
    faulty = {problem.file for problem in of_set if problem.severity == "image"}
    usable = [i for i, image in enumerate(images) if image not in faulty]
    found.pairs = [found.pairs[i] for i in usable]
    found.prepared = [found.prepared[i] for i in usable]
    found.groups = [found.groups[i] for i in usable]
    # where a fault ends the run anyway, images with a fault still count for their groups
    found.problems += too_few(found.groups if study["on_bad"] == "drop" else list(groups.values()))
    return found


def _share(prepared: Prepared) -> float:
    return float(np.mean([row["foreground"] for row in prepared.rows]))
