"""Compare the stated certainty of findings with how often they are right, on simulated sweeps.

Each sweep has a known true surface (`simulated_sweeps.py`), so each statement of its analysis, and
the expected gain of the next sweep, can be compared with the truth (`statements.py`). The settings
of the findings were chosen on other sweeps of the same families (--first 1000).

Example:
  python benchmarks/calibration.py
  python benchmarks/calibration.py --sweeps 40 --jobs 2
"""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from segsweep.analysis.findings import Analysis
from segsweep.analysis.next_sweep import design_next_sweep
from simulated_sweeps import FAMILIES, simulate
from statements import Statement, gain_kind, gain_statements, statements
from truth import Truth

LARGEST_BATCH = 128
"""The largest batch size that fits in the memory of the next sweep's device."""


class Result(NamedTuple):
    """The statements about one sweep; the kind of its gain, and the stated less the true gain."""

    statements: list[Statement]
    gain: tuple[str, float] | None


def check_sweep(index: int) -> Result:
    """Simulate a sweep, analyse it, and compare the statements with the truth."""
    names = list(FAMILIES)
    sweep = simulate(names[index % len(names)], index // len(names))
    if not sweep.completed.finished:
        return Result([], None)
    analysis = Analysis.of(sweep.completed)
    truth = Truth(sweep, analysis.samples)
    found = list(statements(analysis, truth))
    if not analysis.samples.is_significant:
        return Result(found, None)
    trials = len(sweep.completed.trials)
    proposal = design_next_sweep(analysis, lambda size: size <= LARGEST_BATCH, None, trials)
    of_gain, error = gain_statements(analysis, proposal, truth)
    return Result(found + of_gain, (gain_kind(proposal), error))


def check_sweeps(first: int, count: int, jobs: int) -> list[Result]:
    """Check `count` sweeps from number `first` on, and print the progress."""
    started, results = time.perf_counter(), []
    with ProcessPoolExecutor(jobs) as pool:
        for done, result in enumerate(pool.map(check_sweep, range(first, first + count)), start=1):
            results.append(result)
            if done % 10 == 0 or done == count:
                seconds = time.perf_counter() - started
                print(f"{done} of {count} sweeps, {seconds:.0f} s", file=sys.stderr, flush=True)
    return results


def certainty_table(found: Sequence[Statement]) -> str:
    """Return a Markdown table: how often statements of each kind and certainty are true."""
    lines = ["| statement | stated certainty | true | number |", "| --- | --- | ---: | ---: |"]
    for kind in dict.fromkeys(sorted(statement.kind for statement in found)):
        for certainty in ("high", "likely", "80 %", "95 %"):
            of_kind = [s.is_true for s in found if (s.kind, s.certainty) == (kind, certainty)]
            if of_kind:
                stated = f"{certainty} interval" if "%" in certainty else certainty
                lines.append(f"| {kind} | {stated} | {_share(of_kind)} | {len(of_kind)} |")
    for certainty in ("high", "likely"):
        of_all = [s.is_true for s in found if s.certainty == certainty]
        if of_all:
            lines.append(f"| *all* | {certainty} | {_share(of_all)} | {len(of_all)} |")
    return "\n".join(lines)


def _share(is_true: Sequence[bool]) -> str:
    """Return the share of true statements with its binomial standard error."""
    share, count = float(np.mean(is_true)), len(is_true)
    smoothed = (sum(is_true) + 1) / (count + 2)  # so that a share of 100 % has an error
    error = (smoothed * (1 - smoothed) / count) ** 0.5
    return f"{100 * share:.0f} ± {100 * error:.0f} %"


def bias_lines(gains: Iterable[tuple[str, float]]) -> list[str]:
    """Return for each kind of gain the mean difference between stated and true gain."""
    by_kind: dict[str, list[float]] = {}
    for kind, error in gains:
        by_kind.setdefault(kind, []).append(error)
    return [
        f"{kind}: stated mean less true gain {np.mean(errors):+.4f} ± "
        f"{np.std(errors) / len(errors) ** 0.5:.4f} ({len(errors)} sweeps)"
        for kind, errors in sorted(by_kind.items())
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sweeps", type=int, default=304, help="number of sweeps (default: 304)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (default: 0)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    args = parser.parse_args()
    results = check_sweeps(args.first, args.sweeps, args.jobs)
    print(certainty_table([statement for result in results for statement in result.statements]))
    print()
    print("\n".join(bias_lines(result.gain for result in results if result.gain)))


if __name__ == "__main__":
    main()
