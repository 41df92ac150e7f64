"""The text about the next sweep: its expected gain in one sentence, and `rationale.md`."""

from typing import Any

from segsweep.analysis.findings import Analysis
from segsweep.analysis.next_sweep import NextSweep
from segsweep.core.formatting import format_interval, format_metric, format_value


def summarise(proposal: NextSweep, noise_sd: float) -> str:
    """Return the expected gain of the next sweep as a sentence."""
    if not proposal.is_significant:
        return (
            "The effects in the finished sweep are not significant, so no gain is predicted for "
            f"{proposal.trials} trials in the same space."
        )
    gain = (
        f"an expected gain of {format_metric(proposal.gain)} over the best trial (95 % interval "
        f"{format_interval(*proposal.gain_interval)})"
    )
    if proposal.stop:
        return (
            f"Stop here: another sweep has {gain}, less than the noise of one training (sd "
            f"{format_metric(noise_sd)})."
        )
    return f"The next sweep of {proposal.trials} trials has {gain}."


def rationale(analysis: Analysis, proposal: NextSweep, hardware: str) -> str:
    """Return Markdown that lists each change with its reason; `hardware` names the device."""
    rows = [
        f"| `{change.key}` | {_cell(change.before)} | {_cell(change.after)} | {change.reason} "
        f"| {change.finding} |"
        for change in proposal.changes
    ]
    header = "| key | from | to | reason | finding |\n| --- | --- | --- | --- | --- |\n"
    parts = [
        "# The next sweep",
        summarise(proposal, analysis.samples.noise_sd),
        f"Designed for {hardware}.",
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
    return "\n\n".join(parts) + "\n"


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
