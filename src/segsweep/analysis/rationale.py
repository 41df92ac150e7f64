"""The text of `rationale.md`: the expected gain of the next sweep, and the reasons for changes."""

from collections.abc import Sequence
from typing import Any

from segsweep.analysis.batch_findings import LARGE
from segsweep.analysis.findings import Analysis
from segsweep.analysis.lr_scaling import BATCH_SIZE
from segsweep.analysis.next_gain import ExpectedGain
from segsweep.analysis.next_sweep import NextSweep
from segsweep.config.search_space import Categorical
from segsweep.core.formatting import format_interval, format_metric, format_value


def summarise(proposal: NextSweep, noise_sd: float) -> str:
    """Return the expected gain of the next sweep in one or two sentences."""
    if not proposal.is_significant:
        return (
            "The effects in the finished sweep are not significant, so no gain is predicted for "
            f"{proposal.trials} trials in the same space."
        )
    gain = (
        f"an expected gain of {format_metric(proposal.gain.mean)} over the best trial (95 % "
        f"interval {format_interval(*proposal.gain.interval())})"
    )
    extrapolated = _extrapolated(proposal.gain)
    if proposal.stop:
        return (
            f"Stop here: another sweep has {gain}, less than the noise of one training (sd "
            f"{format_metric(noise_sd)}).{extrapolated}"
        )
    return f"The next sweep of {proposal.trials} trials has {gain}.{extrapolated}"


def _extrapolated(gain: ExpectedGain) -> str:
    """Return how much of the gain is extrapolated, as a sentence after others; or nothing."""
    if not gain.outside:
        return ""
    return (
        f" {format_metric(gain.by_extrapolation)} of it is extrapolation: no trial had "
        f"{' or '.join(gain.outside)}."
    )


def rationale(
    analysis: Analysis, proposal: NextSweep, hardware: str, notes: Sequence[str] = ()
) -> str:
    """Return Markdown that lists each change with its reason.

    Args:
        analysis: The analysis of the finished sweep.
        proposal: The next sweep.
        hardware: The device that it is designed for, and its memory, in sentences.
        notes: Sentences for the end.
    """
    rows = [
        f"| `{change.key}` | {_cell(change.before)} | {_cell(change.after)} | {change.reason} "
        f"| {change.finding} |"
        for change in proposal.changes
    ]
    header = "| key | from | to | reason | finding |\n| --- | --- | --- | --- | --- |\n"
    parts = [
        "# The next sweep",
        summarise(proposal, analysis.samples.noise_sd),
        hardware,
        *_advice_on_batch_sizes(analysis, proposal),
        header + "\n".join(rows) if rows else "No key changes.",
    ]
    unchanged = [
        name
        for name, parameter in proposal.space.items()
        if parameter == analysis.sweep.varied.get(name)
    ]
    if unchanged:
        parts.append(f"Unchanged: {', '.join(unchanged)}.")
    if not analysis.samples.is_significant:
        parts.append(
            f"The effects of the parameters {analysis.samples.significance}, so no range is "
            "changed. More trials, wider ranges or less noise (more validation images, more "
            "epochs) may make them significant."
        )
    return "\n\n".join([*parts, *notes]) + "\n"


def _advice_on_batch_sizes(analysis: Analysis, proposal: NextSweep) -> list[str]:
    """Return what to do if larger batch sizes than those tried are no better; empty without any."""
    parameter = proposal.space.get(BATCH_SIZE)
    if not isinstance(parameter, Categorical) or not analysis.batch_sizes:
        return []
    proposed = sorted(size for size in parameter.values if isinstance(size, int))
    tried = max(effect.batch_size for effect in analysis.batch_sizes)
    if not proposed or proposed[-1] <= tried:
        return []
    limit = max(LARGE, tried) if proposed[-1] > LARGE else tried
    smaller = [size for size in proposed if size <= limit][-2:]
    if not smaller:
        smaller = [tried]
    worse = "falls" if analysis.sweep.goal == "maximize" else "rises"
    return [
        f"Watch for diminishing returns beyond batch size {limit}: if {analysis.sweep.metric} "
        f"{worse} there, go back to {' or '.join(map(str, smaller))}."
    ]


def _cell(value: Any) -> str:
    """Return a parameter's specification or value for a cell of a Markdown table."""
    if isinstance(value, dict):
        inner = ", ".join(
            f"{key} {_cell(each)}" for key, each in value.items() if key != "distribution"
        )
        return f"{inner} (log)" if "log" in str(value.get("distribution")) else inner
    if isinstance(value, list):
        return ", ".join(format_value(each) for each in value)
    return format_value(value)
