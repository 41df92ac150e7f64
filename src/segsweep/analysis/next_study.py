"""Write the next study: `params.yaml`, W&B's `sweep.yaml`, `rationale.md` and `changes.diff`."""

import copy
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segsweep.analysis.findings import Analysis
from segsweep.analysis.next_sweep import NextSweep, design_next_sweep
from segsweep.analysis.rationale import rationale, summarise
from segsweep.analysis.supported_space import is_supported_value, supported_space
from segsweep.analysis.target_device import (
    batch_size_fits,
    format_device,
    memory_of_largest_trial,
    target_device,
)
from segsweep.config.objective import METRICS
from segsweep.config.search_space import Categorical, Constant, Parameter, to_table, to_wandb
from segsweep.config.sections import HYPERPARAMETERS
from segsweep.config.study import Study
from segsweep.config.sweep import SECTION_OF
from segsweep.config.validation import limits
from segsweep.config.wandb_sweep import take_in_wandb_sweep
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
    out: Path,
    analysis: Analysis,
    base: dict[str, Any],
    selected: dict[str, Any] | None = None,
    source: str = "params.yaml",
) -> NextSweep:
    """Design the next sweep for the target device and write its files to `out`.

    Args:
        out: The folder to write to.
        analysis: The analysis of the finished sweep.
        base: The present study as it was read; missing keys have the study's defaults.
        selected: The configuration selected by confirmation, if there is one.
        source: The file of `base`, for messages.

    Raises:
        UserError: `base` is not a valid study, or asks for a device that is not there.
    """
    study = Study.parse(base, source)
    base = take_in_wandb_sweep(base)
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
    space = supported_space(proposal.space)
    others = {n: to_wandb(p) for n, p in proposal.space.items() if space.get(n) != p}
    others |= {n: {"value": v} for n, v in proposal.fixed.items() if not is_supported_value(n, v)}
    notes = []
    if others:
        listed = ", ".join(_unsupported(name, proposal, space) for name in others)
        notes.append(
            f"This project's trainer does not support {listed}; only sweep.yaml has what is not "
            "supported."
        )
    hardware = f"Designed for {format_device(device)}."
    if space:
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
        if not is_supported_value(name, value):
            continue
        if name in HYPERPARAMETERS:
            raw[name] = value
        elif name in SECTION_OF:
            raw.setdefault(SECTION_OF[name], {})[name] = value
    space = supported_space(proposal.space)
    sweep = raw.setdefault("sweep", {})
    sweep["parameters"] = {name: to_table(p) for name, p in space.items()}
    sweep["method"] = "bayes"
    sweep["trials"] = proposal.trials
    sweep["seed"] = int(sweep.get("seed", 0)) + 1
    sweep["enqueue"] = [
        {name: value for name, value in configuration.items() if name in space}
        for configuration in proposal.enqueue
        if _is_in_choices(configuration, space)
    ]
    sweep.pop("prior_trials", None)
    if analysis.sweep.metric in METRICS:
        sweep["metric"] = {"name": analysis.sweep.metric, "goal": analysis.sweep.goal}
        sweep["prior_trials"] = _prior_trials(analysis, space)
    return raw


def _unsupported(name: str, proposal: NextSweep, space: Mapping[str, Parameter]) -> str:
    """Return the name of a parameter, with its values that are not supported if others are."""
    parameter, supported = proposal.space.get(name), space.get(name)
    if isinstance(parameter, Categorical) and isinstance(supported, Categorical):
        rest = [str(value) for value in parameter.values if value not in supported.values]
        return f"{name} {' and '.join(rest)}"
    return name


def _prior_trials(analysis: Analysis, space: Mapping[str, Parameter]) -> list[dict[str, Any]]:
    """Return the finished trials, best first; an even selection where a study allows fewer."""
    direction = analysis.samples.sign
    usable = [t for t in analysis.sweep.finished if _is_in_choices(t.parameters, space)]
    finished = sorted(usable, key=lambda t: -direction * (t.value or 0.0))
    return [
        {"parameters": {n: t.parameters[n] for n in space}, "value": float(t.value or 0.0)}
        for t in evenly(finished, MAX_EARLIER_TRIALS)
    ]


def _is_in_choices(configuration: Mapping[str, Any], space: Mapping[str, Parameter]) -> bool:
    """Whether the trainer supports all values that a configuration has of choices."""
    choices = {name: p for name, p in space.items() if isinstance(p, Categorical)}
    return all(is_supported_value(name, configuration[name]) for name in choices)


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
