"""From an analysis and the present study to the files of the next one, for the hardware at hand."""

from pathlib import Path
from typing import Any

from segsweep.analysis.findings import Analysis
from segsweep.analysis.next_study import write_next
from segsweep.analysis.next_sweep import Design, design
from segsweep.analysis.target_hardware import fitting, in_words, target_of
from segsweep.config.search_space import Constant
from segsweep.config.study import Study


def _epochs_seen(analysis: Analysis, default: int) -> int | None:
    """How long the trials of a sweep made elsewhere were, as far as that is known."""
    told = analysis.sweep.space.get("epochs")
    if isinstance(told, Constant) and isinstance(told.value, int | float):
        return int(told.value)
    seen = [t.outcomes.get("epochs") for t in analysis.sweep.finished]
    return max((int(e) for e in seen if e), default=default)


def design_next(
    out: Path, analysis: Analysis, base: dict[str, Any], winner: dict[str, Any] | None = None
) -> Design:
    """Design the next sweep and write it to `out`; `base` is the present study as it was read,
    `winner` the confirmed configuration.

    What `base` does not say is as in the study's defaults. Raises `UserError` where it is no study.
    """
    study = Study.parse(base)
    device = target_of(study)
    epochs = study.epochs if "epochs" in base else _epochs_seen(analysis, study.epochs)
    if "epochs" in analysis.sweep.varied:
        epochs = None
    found = design(analysis, fitting(study, device), epochs, len(analysis.sweep.trials), winner)
    write_next(out, analysis, found, base, in_words(device))
    print(f"redesign: {found.verdict(analysis.worlds.noise)}")
    return found
