"""Write the analysis of a sweep: findings, tables, run times and the fitted surrogates."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import segsweep
from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.analysis.finding import Finding
from segsweep.analysis.findings import Analysis
from segsweep.analysis.importance import Effect
from segsweep.analysis.intervals import interval, share_interval
from segsweep.analysis.lr_scaling import BATCH_SIZE, rate_map
from segsweep.analysis.posterior import PosteriorSamples
from segsweep.analysis.runtime_findings import run_time_effects, runtime_findings, throughput
from segsweep.analysis.training_metric import find_pair, pair_of_values
from segsweep.config.search_space import Constant
from segsweep.core.errors import UserError
from segsweep.core.files import read_json, write_csv, write_json
from segsweep.search.gaussian_process import Fit

SURROGATE = "surrogate.json"
"""The fitted surrogates, which are used again to propose the next sweep."""

PACKAGES = ("torch", "numpy", "scipy", "wandb", "snakemake", "dvc")

Table = list[dict[str, Any]]


def write_analysis(out: Path, analysis: Analysis, origin: Mapping[str, Any]) -> None:
    """Write the analysis to the folder `out`.

    Args:
        out: Gets `findings.json`, the tables of the plots (empty ones have only a header), findings
            and tables about run time, `surrogate.json` and `origin.json`.
        analysis: The analysis of a sweep.
        origin: What is known of the sweep's data and device, for `origin.json`.
    """
    sweep = analysis.sweep
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    program = {"segsweep": segsweep.__version__, "versions": versions}
    write_json(out / "origin.json", program | dict(origin))
    for name, rows in tables(analysis).items():
        write_csv(out / f"{name}.csv", list(rows[0]) if rows else ["nothing"], rows)
    content = _findings_content(sweep, analysis.findings)
    best = {"verdict": analysis.verdict, "best_trial": analysis.samples.incumbent.name}
    write_json(out / "findings.json", content | best)
    write_json(out / SURROGATE, _surrogate_content(analysis))
    _write_run_time(out, sweep)


def read_analysis(folder: Path, sweep: CompletedSweep) -> Analysis:
    """Return the analysis of `sweep` from the fitted surrogates in `folder`.

    Raises:
        UserError: `surrogate.json` is missing, or belongs to other trials.
    """
    path = folder / SURROGATE
    content = read_json(path)
    if content["trials"] != _trial_values(sweep):
        raise UserError(
            f"{path}: found the surrogate of {len(content['trials'])} other trials, expected that "
            f"of the {len(sweep.trials)} trials of {sweep.source}; run snakemake again"
        )
    return Analysis.of(sweep, [Fit(**fit) for fit in content["fits"]])


def _surrogate_content(analysis: Analysis) -> dict[str, Any]:
    fits = [asdict(fit) for fit in analysis.fits]
    return {"trials": _trial_values(analysis.sweep), "fits": fits}


def _trial_values(sweep: CompletedSweep) -> list[Any]:
    """Return name, status and value of each trial, by which a sweep is recognised."""
    return [[trial.name, trial.status, trial.value] for trial in sweep.trials]


def _write_run_time(out: Path, sweep: CompletedSweep) -> None:
    """Write the findings and tables about run time, which differ between machines."""
    effects, rates = run_time_effects(sweep), throughput(sweep)
    findings = list(runtime_findings(sweep, effects, rates))
    write_json(out / "runtime.json", _findings_content(sweep, findings))
    seconds = [{"trial": t.name, "seconds": t.seconds} for t in sweep.trials if t.seconds]
    write_csv(out / "seconds.csv", ["trial", "seconds"], seconds)
    speed = [{BATCH_SIZE: s, "images_per_second": median(each)} for s, each in rates.items()]
    write_csv(out / "speed.csv", [BATCH_SIZE, "images_per_second"], speed)
    columns = ["target", "parameter", "share", "low", "high"]
    write_csv(out / "run_time.csv", columns, _importance(effects, "run_time"))


def tables(analysis: Analysis) -> dict[str, Table]:
    """Return the tables of the plots by file name; some may be empty."""
    return {
        "trials": analysis.sweep.rows(),
        "importance": _importance(analysis.effects, analysis.sweep.metric),
        "effects": _effects(analysis),
        "batch_size": _batch_sizes(analysis),
        "learning_rate": _learning_rates(analysis),
        "map": rate_map(analysis.samples),
        "gap": _gap(analysis.sweep),
    }


def _findings_content(sweep: CompletedSweep, findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "source": sweep.source,
        "metric": sweep.metric,
        "goal": sweep.goal,
        "parameters": list(sweep.varied),
        "constants": {n: p.value for n, p in sweep.space.items() if isinstance(p, Constant)},
        "left_out": dict(sweep.left_out),
        "notes": list(sweep.notes),
        "trials": len(sweep.trials),
        "findings": [finding.to_dict() for finding in findings],
    }


def _importance(effects: Sequence[Effect], target: str) -> Table:
    return [
        {
            "target": target,
            "parameter": effect.parameter,
            "share": float(effect.share.mean()),
            **_ends(share_interval(effect.share)),
        }
        for effect in effects
    ]


def _effects(analysis: Analysis) -> Table:
    samples = analysis.samples
    return [
        {
            "parameter": effect.parameter,
            "value": value,
            "mean": float(samples.sign * curve.mean()),
            **_bounds(samples, samples.sign * curve),
        }
        for effect in analysis.effects
        for value, curve in zip(effect.values, effect.curve.T, strict=True)
    ]


def _batch_sizes(analysis: Analysis) -> Table:
    samples, sign, rows = analysis.samples, analysis.samples.sign, []
    for effect in analysis.batch_sizes:
        observed = [
            sign * trial.value
            for trial in analysis.sweep.finished
            if trial.value is not None and trial.parameters.get(BATCH_SIZE) == effect.batch_size
        ]
        rows.append(
            {
                BATCH_SIZE: effect.batch_size,
                "best": float(sign * effect.best.mean()),
                **_bounds(samples, sign * effect.best, "best_"),
                "typical": float(sign * effect.typical.mean()),
                **_bounds(samples, sign * effect.typical, "typical_"),
                "seen_best": sign * max(observed) if observed else None,
                "seen_median": sign * float(np.median(observed)) if observed else None,
                "trials": len(observed),
            }
        )
    return rows


def _learning_rates(analysis: Analysis) -> Table:
    if analysis.scaling is None:
        return []
    return [
        {
            BATCH_SIZE: size,
            "best_learning_rate": float(np.exp(np.log(rates).mean())),
            **_ends(interval(rates, widening=1.0)),
        }
        for size, rates in zip(analysis.scaling.batch_sizes, analysis.scaling.rates.T, strict=True)
    ]


def _gap(sweep: CompletedSweep) -> Table:
    """Return the metric on training and on validation images."""
    pair = find_pair(sweep)
    if isinstance(pair, str):
        return []
    return [
        {"trial": trial.name, "train": values[0], "validation": values[1]}
        for trial in sweep.finished
        if (values := pair_of_values(sweep, trial, pair)) is not None
    ]


def _bounds(samples: PosteriorSamples, values: np.ndarray, prefix: str = "") -> dict[str, float]:
    """Return the bounds of the 95 % interval of values of the metric as two columns."""
    return _ends(samples.value_interval(values), prefix)


def _ends(bounds: tuple[float, float], prefix: str = "") -> dict[str, float]:
    """Return the ends of an interval as two columns."""
    return {f"{prefix}low": bounds[0], f"{prefix}high": bounds[1]}
