"""Compare the sampler with W&B's engine, Optuna and random search on surfaces with a known optimum.

Regret is the optimal value less the value, without noise, of the configuration that a method
returns. segsweep returns the trial with the best posterior mean, the others the best observed one.
All methods get the same surfaces and the same noise; differences to segsweep are paired. The
settings of the surrogate model were chosen on surfaces from 100 on; those reported start at 0.

Methods with `ranges only` get the search space of the original report (`min` and `max`), those with
`log scales` the same with logarithmic distributions.

Example:
  python benchmarks/search.py --families report rugged --surfaces 24 --trials 40
  python benchmarks/search.py --families --curves benchmarks/data/regret.csv --plot docs/search.svg
"""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from samplers import IN_PARALLEL, METHODS, MISLEADING, PARALLEL, RELATED, SEGSWEEP, WANDB, State
from segsweep.config.search_space import Constant, read_space
from segsweep.core.files import read_csv, write_csv
from segsweep.search.sampler import incumbent, suggest
from segsweep.search.trial_result import TrialResult
from surfaces import FAMILIES, Problem

EARLIER_TRIALS = 30
"""Trials of the earlier study."""


COLORS = plt.get_cmap("tab20").colors  # type: ignore[attr-defined]


def returned_values(method: str, family: str, number: int, trials: int) -> list[float]:
    """Return the noise-free value of what a method returns after 1, 2, ... trials."""
    warnings.simplefilter("ignore")
    problem = FAMILIES[family](number)
    choose, version = METHODS[method]
    spec = problem.log_scales if version == "log scales" else problem.ranges_only
    noise = np.random.default_rng([3, number]).normal(0, problem.noise, trials)
    earlier: list[TrialResult] = []
    if method in (RELATED, MISLEADING):
        earlier = earlier_study(problem, number, method == MISLEADING)
    observed: list[TrialResult] = []
    values = []
    for i in range(trials):
        ended = max(0, i + 1 - (IN_PARALLEL if method == PARALLEL else 1))
        in_flight = [trial.parameters for trial in observed[ended:]]
        parameters = choose(State(spec, observed[:ended], number, in_flight, earlier))
        observed.append(TrialResult(parameters, problem.value(parameters) + noise[i]))
        if method.startswith(SEGSWEEP):
            best = incumbent(read_space(spec), observed, earlier=earlier)[0]
        else:
            best = int(np.argmax([trial.value for trial in observed]))
        values.append(problem.value(observed[best].parameters))
    return values


def earlier_study(problem: Problem, number: int, misleading: bool) -> list[TrialResult]:
    """Run an earlier study on a related task with other values, a ripple and its own noise.

    A misleading study reports the value of the configuration at the opposite end of every range.
    """
    space = read_space(problem.ranges_only)
    varied = {name: p for name, p in space.items() if not isinstance(p, Constant)}
    rng = np.random.default_rng([4, number])
    ripple = _smooth(rng, len(varied))
    trials: list[TrialResult] = []
    for i in range(EARLIER_TRIALS):
        chosen = suggest(space, trials, [], index=i, seed=number + 500).parameters
        position = np.array([p.to_unit(chosen[name]) for name, p in varied.items()])
        pairs = zip(varied.items(), position, strict=True)
        opposite = {name: p.from_unit(1 - u) for (name, p), u in pairs}
        value = problem.value(opposite if misleading else chosen)
        value += 0.6 * problem.noise * ripple(position) + rng.normal(0, problem.noise)
        trials.append(TrialResult(chosen, 0.1 + 0.9 * value))
    return trials


def _smooth(rng: np.random.Generator, columns: int) -> Callable[[np.ndarray], float]:
    """Return a random function with standard deviation 1 (random Fourier features)."""
    rate, phase = rng.normal(0, 1.5, (24, columns)), rng.uniform(0, 2 * np.pi, 24)
    height = rng.normal(0, 12**-0.5, 24)
    return lambda position: float(height @ np.cos(rate @ position + phase))


def best_value(family: str, number: int) -> float:
    return FAMILIES[family](number).best


def measure(
    family: str, methods: Iterable[str], surfaces: Sequence[int], trials: int
) -> dict[str, np.ndarray]:
    """Return the regrets of each method, (surfaces, trials)."""
    results: dict[str, np.ndarray] = {}
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        best = np.array(list(pool.map(best_value, [family] * len(surfaces), surfaces)))[:, None]
        for method in methods:
            started = time.perf_counter()
            jobs = [pool.submit(returned_values, method, family, n, trials) for n in surfaces]
            results[method] = best - np.array([job.result() for job in jobs])
            print(f"{family}: {method}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return results


def table(results: dict[str, np.ndarray], shown: Sequence[int]) -> str:
    """Return a Markdown table: mean regret x 1000, and the paired difference to segsweep."""
    heads = " | ".join(f"after {n}" for n in shown)
    lines = [f"| method | {heads} |", "| --- |" + " ---: |" * len(shown)]
    for method, regrets in results.items():
        cells = []
        for n in shown:
            difference = regrets[:, n - 1] - results[SEGSWEEP][:, n - 1]
            error = difference.std(ddof=1) / len(difference) ** 0.5
            suffix = f" ({1000 * difference.mean():+.1f} ± {1000 * error:.1f})"
            cells.append(f"{1000 * regrets[:, n - 1].mean():.1f}" + suffix * (method != SEGSWEEP))
        lines.append(f"| {method} | {' | '.join(cells)} |")
    if WANDB in results:
        ratios = [
            results[SEGSWEEP][:, n - 1].mean() / results[WANDB][:, n - 1].mean() for n in shown
        ]
        values = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        lines.append(f"\nRegret of segsweep divided by that of {WANDB}: {values}.")
    return "\n".join(lines)


def save_curves(family: str, results: dict[str, np.ndarray], path: Path) -> None:
    """Replace the mean regrets of one family in a CSV file."""
    before = read_csv(path) if path.exists() else []
    rows: list[dict[str, Any]] = [row for row in before if row["family"] != family]
    for method, regrets in results.items():
        means = {f"after_{i}": f"{v:.6f}" for i, v in enumerate(regrets.mean(0), start=1)}
        rows.append({"family": family, "method": method, **means})
    write_csv(path, list(rows[-1]), rows)


def draw(curves: Path, path: Path) -> None:
    """Plot mean regret against the number of trials, one panel for each family of the CSV file."""
    rows = read_csv(curves)
    families = [name for name in FAMILIES if name in {row["family"] for row in rows}]
    figure, panels = plt.subplots(1, len(families), figsize=(4 * len(families), 4), squeeze=False)
    for panel, family in zip(panels[0], families, strict=True):
        for row in (row for row in rows if row["family"] == family):
            values = [float(v) for name, v in row.items() if name.startswith("after_")]
            width = 2.5 if row["method"] == SEGSWEEP else 1.2
            color = COLORS[list(METHODS).index(row["method"])]
            panel.plot(range(1, len(values) + 1), values, label=row["method"], lw=width, c=color)
        panel.set(title=family, xlabel="trials", yscale="log")
        panel.legend(fontsize=6)
    panels[0][0].set_ylabel("mean regret")
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--families", nargs="*", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--surfaces", type=int, default=24, metavar="N")
    parser.add_argument("--first", type=int, default=0, metavar="NUMBER")
    parser.add_argument("--trials", type=int, default=40, metavar="N")
    parser.add_argument("--curves", type=Path, metavar="CSV", help="save mean regrets to this file")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="plot the curves of the CSV file")
    options = parser.parse_args()
    shown = [n for n in (5, 10, 20, 40) if n <= options.trials]
    numbers = range(options.first, options.first + options.surfaces)
    for family in options.families:
        results = measure(
            family, dict.fromkeys([SEGSWEEP, *options.methods]), numbers, options.trials
        )
        print(f"\n## {family}: regret x 1000, {len(numbers)} surfaces\n")
        print(table(results, shown), flush=True)
        if options.curves:
            save_curves(family, results, options.curves)
    if options.plot:
        draw(options.curves, options.plot)


if __name__ == "__main__":
    main()
