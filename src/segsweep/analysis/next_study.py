"""The next study as files: a whole params.yaml, W&B's sweep.yaml, the reasons and the changes."""

import copy
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segsweep.analysis.findings import Analysis
from segsweep.analysis.next_sweep import Design, rationale
from segsweep.config.objective import METRICS
from segsweep.config.search_space import to_table, to_wandb
from segsweep.config.sections import HYPERPARAMETERS
from segsweep.config.study import Study
from segsweep.config.sweep import SECTION_OF
from segsweep.config.training_config import SEARCHABLE
from segsweep.core.errors import UserError
from segsweep.core.files import dump_yaml, write_text, write_yaml
from segsweep.core.thinning import evenly
from segsweep.search import sweep_files
from segsweep.search.warm_start import MOST

HEADER = """\
# The next study, designed from a finished sweep: rationale.md beside it gives the reason of each
# changed line. Run it with
#   cp results/next/params.yaml params.yaml && snakemake --cores 8 --resources gpu=1
"""


def write_next(
    out: Path, analysis: Analysis, found: Design, base: dict[str, Any], hardware: str
) -> None:
    """Write params.yaml, sweep.yaml, rationale.md and changes.diff to `out`.

    `base` is the present study as it was read. Parameters that no study of this project has, or
    takes with such values, stand in sweep.yaml alone; where all are such, that is all there is.
    """
    text = rationale(analysis, found, hardware)
    foreign = [n for n, p in found.space.items() if not _accepts(n, to_table(p))]
    others = {n: to_wandb(found.space[n]) for n in foreign}
    others |= {n: {"value": v} for n, v in found.fixed.items() if not _accepts(n, {"value": v})}
    if others:
        text += (
            f"\nThis project's trainer does not take {', '.join(others)}: they stand in sweep.yaml "
            "alone.\n"
        )
    if len(foreign) < len(found.space):
        raw = next_study(analysis, found, base)
        sweep = sweep_files.wandb_sweep(Study.parse(raw, str(out / "params.yaml")))
        sweep["parameters"] |= others
        write_yaml(out / "params.yaml", raw, HEADER)
        write_text(out / "changes.diff", _difference(base, raw))
    else:
        metric = {"name": analysis.sweep.metric, "goal": analysis.sweep.goal}
        sweep = {"method": "bayes", "metric": metric, "parameters": others}
        text += "Add your program to it.\n"
    write_yaml(out / "sweep.yaml", sweep)
    write_text(out / "rationale.md", text)


def next_study(analysis: Analysis, found: Design, base: dict[str, Any]) -> dict[str, Any]:
    """The study `base` with the design in it, the best trial on top, the trials as its prior."""
    raw = copy.deepcopy(base)
    if found.epochs and "epochs" not in found.space:
        raw["epochs"] = found.epochs
    best = found.best | found.fixed
    for name, value in best.items():
        if not _accepts(name, {"value": value}):
            continue
        if name in HYPERPARAMETERS:
            raw[name] = value
        elif name in SECTION_OF:
            raw.setdefault(SECTION_OF[name], {})[name] = value
    known = {name: p for name, p in found.space.items() if _accepts(name, to_table(p))}
    sweep = raw.setdefault("sweep", {})
    sweep["parameters"] = {name: to_table(p) for name, p in known.items()}
    sweep["method"] = "bayes"
    sweep["trials"] = found.trials
    sweep["seed"] = int(sweep.get("seed", 0)) + 1
    sweep["enqueue"] = [
        {name: value for name, value in one.items() if name in known} for one in found.enqueue
    ]
    sweep.pop("prior_trials", None)
    if analysis.sweep.metric in METRICS:
        sweep["metric"] = {"name": analysis.sweep.metric, "goal": analysis.sweep.goal}
        sweep["prior_trials"] = _priors(analysis, known)
    return raw


def _accepts(name: str, table: dict[str, Any]) -> bool:
    """Whether a study may search a parameter in this way."""
    if name not in SEARCHABLE:
        return False
    try:
        Study.parse({"sweep": {"parameters": {name: table}}})
    except UserError:
        return False
    return True


def _priors(analysis: Analysis, known: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The finished trials, best first; of more than a sweep begins with, an even choice."""
    upwards = analysis.worlds.sign
    finished = sorted(analysis.sweep.finished, key=lambda t: -upwards * (t.value or 0.0))
    return [
        {"parameters": {n: t.parameters[n] for n in known}, "value": float(t.value or 0.0)}
        for t in evenly(finished, MOST)
    ]


def _difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    def shown(raw: dict[str, Any]) -> list[str]:
        told = copy.deepcopy(raw)
        if priors := told.get("sweep", {}).get("prior_trials"):
            told["sweep"]["prior_trials"] = (
                f"{len(priors)} trials of the sweep before" if isinstance(priors, list) else priors
            )
        return dump_yaml(told).splitlines(keepends=True)

    lines = difflib.unified_diff(shown(old), shown(new), "params.yaml", "results/next/params.yaml")
    return "".join(lines)
