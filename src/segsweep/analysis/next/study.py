"""The next study as files: a whole params.yaml, W&B's sweep.yaml, the reasons and the changes."""

import copy
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segsweep.analysis.findings import Analysis
from segsweep.analysis.redesign import Design, rationale
from segsweep.files import dump_yaml, write_text, write_yaml
from segsweep.study import HYPERPARAMETERS, Study
from segsweep.study.searching import METRICS, SECTION_OF
from segsweep.sweep import plan
from segsweep.sweep.space import to_table, to_wandb
from segsweep.unet.config import SEARCHABLE

HEADER = """\
# The next study, designed from a finished sweep: rationale.md beside it gives the reason of each
# changed line. Run it with
#   cp results/next/params.yaml params.yaml && snakemake --cores 8 --resources gpu=1
"""

PRIORS = 50
"""Earlier trials that the next study begins with."""


def write_next(
    out: Path, analysis: Analysis, found: Design, base: dict[str, Any], hardware: str
) -> Study:
    """Write params.yaml, sweep.yaml, rationale.md and changes.diff to `out`.

    `base` is the present study as it was read. Parameters that no study of this project has stand
    in sweep.yaml alone.
    """
    raw = next_study(analysis, found, base)
    study = Study.parse(raw, str(out / "params.yaml"))
    foreign = [name for name in found.space if name not in SEARCHABLE]
    sweep = plan.wandb_sweep(study)
    sweep["parameters"] |= {name: to_wandb(found.space[name]) for name in foreign}
    write_yaml(out / "params.yaml", raw, HEADER)
    write_yaml(out / "sweep.yaml", sweep)
    text = rationale(analysis, found, hardware)
    if foreign:
        text += (
            f"\nThis project's trainer does not know {', '.join(foreign)}: they stand in "
            "sweep.yaml alone.\n"
        )
    write_text(out / "rationale.md", text)
    write_text(out / "changes.diff", _difference(base, raw))
    return study


def next_study(analysis: Analysis, found: Design, base: dict[str, Any]) -> dict[str, Any]:
    """The study `base` with the design in it, the best trial on top, the trials as its prior."""
    raw = copy.deepcopy(base)
    best = dict(analysis.worlds.incumbent.parameters) | found.fixed
    for name, value in best.items():
        if name in HYPERPARAMETERS:
            raw[name] = value
        elif name in SECTION_OF:
            raw.setdefault(SECTION_OF[name], {})[name] = value
    if found.epochs:
        raw["epochs"] = found.epochs
    known = {name: p for name, p in found.space.items() if name in SEARCHABLE}
    sweep = raw.setdefault("sweep", {})
    if not known:  # a sweep made elsewhere, of parameters that are all unknown here
        return raw
    sweep["parameters"] = {name: to_table(p) for name, p in known.items()}
    sweep["method"] = "bayes"
    if analysis.sweep.metric in METRICS:
        sweep["metric"] = {"name": analysis.sweep.metric, "goal": analysis.sweep.goal}
    sweep["trials"] = found.trials
    sweep["seed"] = int(sweep.get("seed", 0)) + 1
    sweep["enqueue"] = [
        {name: value for name, value in one.items() if name in known} for one in found.enqueue
    ]
    sweep["prior_trials"] = _priors(analysis, known)
    return raw


def _priors(analysis: Analysis, known: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The finished trials, of which many the best and an even choice of the others."""
    upwards = analysis.worlds.sign
    finished = [t for t in analysis.sweep.finished if t.value is not None]
    finished.sort(key=lambda t: -upwards * (t.value or 0.0))
    if len(finished) > PRIORS:
        finished = [finished[i * (len(finished) - 1) // (PRIORS - 1)] for i in range(PRIORS)]
    return [
        {"parameters": {n: t.parameters[n] for n in known}, "value": float(t.value or 0.0)}
        for t in finished
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
