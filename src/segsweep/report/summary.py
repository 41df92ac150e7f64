"""The headline, the key numbers and the findings, for both formats of the report."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from segsweep.core.formatting import format_interval, format_metric
from segsweep.report.results import Results
from segsweep.report.tables import status_label
from segsweep.report.values import format_cell, parse_number, trial_name
from segsweep.selection.labels import BASELINE_LABELS, WITH_IGNORED

DICE = "val_dice_coefficient"
DECIMALS = 3
"""Decimals of the headline and the key numbers."""


@dataclass(frozen=True)
class Headline:
    """The result in one line, and more sentences on it."""

    sentence: str
    details: str


@dataclass(frozen=True)
class KeyNumber:
    """A number with its label and a note."""

    label: str
    value: str
    note: str


def headline(results: Results, of: int | None = None) -> Headline:
    """Return the headline; `of` is the planned number of trials of a running sweep."""
    if results.live:
        ended = f"{len(results.trials)} of {of}" if of else str(len(results.trials))
        return Headline(f"Sweep running: {ended} trials so far.", _best_observed(results))
    if sentence := results.verdict.get("verdict"):
        return Headline(str(sentence), str(results.verdict.get("details", "")))
    if sentence := results.findings.get("verdict"):
        first, *rest = re.split(r"(?<=\.)\s+(?=[A-Z])", str(sentence), maxsplit=1)
        return Headline(first, " ".join(rest))
    return Headline(_best_observed(results), "")


def key_numbers(results: Results) -> Iterator[KeyNumber]:
    """Return the selected configuration's Dice, the test Dice, the baseline, trials and time."""
    yield from _of_selected(results)
    if not results.live:
        yield from _of_test_split(results)
        yield from _of_baselines(results)
    statuses = dict.fromkeys(["finished", *(trial.status for trial in results.trials)])
    counts = {status: sum(t.status == status for t in results.trials) for status in statuses}
    note = ", ".join(f"{count} {status_label(s)}" for s, count in counts.items() if count)
    yield KeyNumber("trials", str(len(results.trials)), note)
    if seconds := sum(trial.seconds or 0 for trial in results.trials):
        yield KeyNumber("run time", _format_duration(seconds), "sum of all trials")


def configuration(results: Results) -> str:
    """Return the selected configuration as YAML."""
    if results.best and trial_name(results.best["evidence"]["trial"]) == results.selected:
        lines = results.text("best_config.yaml").partition("\nevidence:")[0].splitlines()
        return "".join(f"{line}\n" for line in lines if not line.startswith("#"))
    trial = results.trial(results.highlighted)
    parameters = trial.parameters if trial else {}
    return "".join(f"{name}: {text}\n" for name, text in parameters.items() if text != "")


def findings(results: Results) -> list[dict[str, Any]]:
    """Return all findings, those about run time last.

    The finding about the best trial is left out after a confirmation: it is based on the sweep
    alone, and would compete with the selected configuration.
    """
    runtime = {} if results.live else results.document("analysis/runtime.json")
    of_sweep = results.findings.get("findings", [])
    if results.verdict:
        of_sweep = [finding for finding in of_sweep if finding["id"] != "best"]
    return [*of_sweep, *runtime.get("findings", [])]


def reading(results: Results) -> list[str]:
    """Return which runs were left out of the analysis, and how the others were read."""
    left_out = results.findings.get("left_out", {})
    counts = [f"Left out: {count} with {reason}." for reason, count in left_out.items()]
    return [*counts, *results.findings.get("notes", [])]


def _of_selected(results: Results) -> Iterator[KeyNumber]:
    rows = results.verdict.get("candidates", [])
    row = next((r for r in rows if trial_name(r["trial"]) == results.selected), None)
    trial = results.trial(results.highlighted)
    if row and row["estimated_mean"] is not None:
        interval = format_interval(row["low"], row["high"], DECIMALS)
        note = f"95 % interval {interval}; trial {results.selected}, {row['seeds']} new seeds"
        yield KeyNumber(results.label, format_metric(row["estimated_mean"], DECIMALS), note)
    elif trial and trial.value is not None:
        note = f"trial {trial.name}, a single training"
        yield KeyNumber(results.label, format_metric(trial.value, DECIMALS), note)


def _of_test_split(results: Results) -> Iterator[KeyNumber]:
    summary = results.document("test/summary.json")
    if summary and summary["dice"]["mean"] is not None:
        interval = summary["dice"]["interval"]
        if not isinstance(interval, str):
            low, high = interval
            interval = f"95 % interval {format_interval(low, high, DECIMALS)}"
        note = f"{interval}; {summary['images']} images that were not used in the sweep"
        if WITH_IGNORED in summary:
            note += f", {summary[WITH_IGNORED]} of them without their ignored pixels"
        yield KeyNumber("test Dice", format_metric(summary["dice"]["mean"], DECIMALS), note)


def _of_baselines(results: Results) -> Iterator[KeyNumber]:
    rows = results.table("baselines.csv")
    dice = {row["method"]: parse_number(row[DICE]) for row in rows}
    known = {method: value for method, value in dice.items() if value is not None}
    if known and results.metric == DICE:
        best = max(known, key=lambda method: known[method])
        note = f"{BASELINE_LABELS.get(best, best)}, validation images"
        yield KeyNumber("Dice without a network", format_metric(known[best], DECIMALS), note)


def _best_observed(results: Results) -> str:
    if not results.finished:
        return "No trial has finished yet." if results.live else "No trial finished."
    best, so_far = results.finished[0], " so far" if results.live else ""
    return (
        f"Best observed {results.label}{so_far}: {format_cell(best.value)} (trial {best.name}); "
        "the best observed score is optimistically biased."
    )


def _format_duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
