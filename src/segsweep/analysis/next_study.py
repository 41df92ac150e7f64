"""Write the next study: `params.yaml`, W&B's `sweep.yaml`, `rationale.md` and `changes.diff`."""

import copy
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segsweep.analysis.findings import Analysis
from segsweep.analysis.next_sweep import NextSweep, design_next_sweep
from segsweep.analysis.rationale import rationale, summarise
from segsweep.analysis.target_device import (
    batch_size_fits,
    format_device,
    memory_of_largest_trial,
    target_device,
)
from segsweep.config.objective import METRICS
from segsweep.config.search_space import Constant, to_table, to_wandb
from segsweep.config.sections import HYPERPARAMETERS
from segsweep.config.study import Study
from segsweep.config.sweep import SECTION_OF
from segsweep.config.training_config import SEARCHABLE
from segsweep.config.validation import limits
from segsweep.core.errors import UserError
from segsweep.core.files import write_text, write_yaml
from segsweep.core.printable import escape_controls
from segsweep.core.thinning import evenly
from segsweep.core.yaml_format import dump_yaml
from segsweep.pipeline.environment import Device
from segsweep.search import sweep_files
from segsweep.search.warm_start import MAX_EARLIER_TRIALS

HEADER = """\
# The next study, proposed from a finished sweep. rationale.md in this folder gives the reason for
# each change. Run it with
#   cp results/next/params.yaml params.yaml && snakemake --cores 8 --resources gpu=1
"""


def propose_next_study(
    out: Path, analysis: Analysis, base: dict[str, Any], selected: dict[str, Any] | None = None
) -> NextSweep:
    """Design the next sweep for the target device and write its files to `out`.

    Args:
        out: The folder to write to.
        analysis: The analysis of the finished sweep.
        base: The present study as it was read; missing keys have the study's defaults.
        selected: The configuration selected by confirmation, if there is one.

    Raises:
        UserError: `base` is not a valid study, or asks for a device that is not there.
    """
    study = Study.parse(base)
    device = target_device(study)
    epochs = study.epochs if "epochs" in base else _epochs_of(analysis, study.epochs)
    if "epochs" in analysis.sweep.varied:
        epochs = None
    fits = batch_size_fits(study, device)
    trials = len(analysis.sweep.trials)
    proposal = design_next_sweep(analysis, fits, epochs, trials, selected)
    write_next_study(out, analysis, proposal, base, device)
    print(f"next sweep: {summarise(proposal, analysis.samples.noise_sd)}")
    return proposal


def _epochs_of(analysis: Analysis, default: int) -> int | None:
    """Return the epochs of the trials of a sweep made elsewhere, as far as they are known."""
    epochs = analysis.sweep.space.get("epochs")
    known = [trial.outcomes.get("epochs") for trial in analysis.sweep.finished]
    if isinstance(epochs, Constant) and isinstance(epochs.value, int | float):
        known = [epochs.value]
    least, most = limits("epochs")
    possible = [int(count) for count in known if count is not None and least <= count <= most]
    return max(possible, default=default)


def write_next_study(
    out: Path, analysis: Analysis, proposal: NextSweep, base: dict[str, Any], device: Device
) -> None:
    """Write the files of the next study to `out`.

    Parameters that this project's trainer does not have are written to `sweep.yaml` only. Where
    all of them are such, there is no `params.yaml`.
    """
    foreign = [n for n, p in proposal.space.items() if not _is_accepted(n, to_table(p))]
    others = {n: to_wandb(proposal.space[n]) for n in foreign}
    others |= {n: {"value": v} for n, v in proposal.fixed.items() if not _is_accepted_value(n, v)}
    notes = []
    if others:
        notes.append(
            f"This project's trainer does not support {', '.join(others)}; only sweep.yaml has "
            "these parameters."
        )
    hardware = f"Designed for {format_device(device)}."
    if len(foreign) < len(proposal.space):
        raw = next_study(analysis, proposal, base)
        study = Study.parse(raw, str(out / "params.yaml"))
        hardware += f" {memory_of_largest_trial(study, device)}"
        sweep = sweep_files.wandb_sweep(study)
        sweep["parameters"] |= others
        write_yaml(out / "params.yaml", raw, HEADER)
        write_text(out / "changes.diff", _diff(base, raw))
    else:
        metric = {"name": analysis.sweep.metric, "goal": analysis.sweep.goal}
        sweep = {"method": "bayes", "metric": metric, "parameters": others}
        notes.append("Add the key `program` to sweep.yaml before you use it.")
    write_yaml(out / "sweep.yaml", sweep)
    text = rationale(analysis, proposal, hardware, notes)
    write_text(out / "rationale.md", escape_controls(text))


def next_study(analysis: Analysis, proposal: NextSweep, base: dict[str, Any]) -> dict[str, Any]:
    """Return the study `base` with the proposal in it and the finished trials as prior trials."""
    raw = copy.deepcopy(base)
    if proposal.epochs and "epochs" not in proposal.space:
        raw["epochs"] = proposal.epochs
    for name, value in (proposal.start | proposal.fixed).items():
        if not _is_accepted_value(name, value):
            continue
        if name in HYPERPARAMETERS:
            raw[name] = value
        elif name in SECTION_OF:
            raw.setdefault(SECTION_OF[name], {})[name] = value
    space = {name: p for name, p in proposal.space.items() if _is_accepted(name, to_table(p))}
    sweep = raw.setdefault("sweep", {})
    sweep["parameters"] = {name: to_table(p) for name, p in space.items()}
    sweep["method"] = "bayes"
    sweep["trials"] = proposal.trials
    sweep["seed"] = int(sweep.get("seed", 0)) + 1
    sweep["enqueue"] = [
        {name: value for name, value in configuration.items() if name in space}
        for configuration in proposal.enqueue
    ]
    sweep.pop("prior_trials", None)
    if analysis.sweep.metric in METRICS:
        sweep["metric"] = {"name": analysis.sweep.metric, "goal": analysis.sweep.goal}
        sweep["prior_trials"] = _prior_trials(analysis, space)
    return raw


def _is_accepted(name: str, table: dict[str, Any]) -> bool:
    """Whether a study may search a parameter in this way."""
    if name not in SEARCHABLE:
        return False
    try:
        Study.parse({"sweep": {"parameters": {name: table}}})
    except UserError:
        return False
    return True


def _is_accepted_value(name: str, value: Any) -> bool:
    return _is_accepted(name, {"value": value})


def _prior_trials(analysis: Analysis, space: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the finished trials, best first; an even selection where a study allows fewer."""
    direction = analysis.samples.sign
    finished = sorted(analysis.sweep.finished, key=lambda t: -direction * (t.value or 0.0))
    return [
        {"parameters": {n: t.parameters[n] for n in space}, "value": float(t.value or 0.0)}
        for t in evenly(finished, MAX_EARLIER_TRIALS)
    ]


def _diff(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Return a unified diff of two studies, with lists of prior trials reduced to a count."""

    def lines(raw: dict[str, Any]) -> list[str]:
        shortened = copy.deepcopy(raw)
        trials = shortened.get("sweep", {}).get("prior_trials")
        if isinstance(trials, list) and trials:
            shortened["sweep"]["prior_trials"] = f"{len(trials)} trials of the previous sweep"
        return dump_yaml(shortened).splitlines(keepends=True)

    pair = lines(old), lines(new)
    return "".join(difflib.unified_diff(*pair, "params.yaml", "results/next/params.yaml"))
