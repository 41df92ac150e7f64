"""Compare the search with W&B's engine, Optuna and chance, on surfaces whose best is known.

Regret is the value, without noise, that the configuration which a method would hand out falls
short of the best: ours hands out the one with the best posterior mean, all others the one with the
best observation. Every method meets the same surfaces and the same noise; differences to ours are
paired. The settings of our model were chosen on surfaces from 100 on; those reported start at 0.

`plain` methods read the space as the user's report wrote it (`min` and `max`), `told` ones the same
with logarithmic distributions.

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from segsweep.config.search_space import Categorical, Constant, read_space
from segsweep.core.files import read_csv, write_csv
from segsweep.search.sampler import TrialResult, incumbent, suggest
from surfaces import FAMILIES, Problem, Spec, Values

OURS, WANDB = "ours", "W&B bayes, plain"
PARALLEL, IN_FLIGHT = "ours, 4 in flight", 4
RELATED, MISLED = "ours, after a related study", "ours, after a misleading study"
EARLIER = 30
"""Trials of an earlier study."""


@dataclass(frozen=True)
class Asked:
    """What is known when a method is asked for its next configuration."""

    spec: Spec
    seen: Sequence[TrialResult]
    seed: int
    flying: Sequence[Values] = ()
    earlier: Sequence[TrialResult] = ()


Ask = Callable[[Asked], dict[str, Any]]


def ours(asked: Asked) -> dict[str, Any]:
    return suggest(
        read_space(asked.spec),
        asked.seen,
        asked.flying,
        index=len(asked.seen) + len(asked.flying),
        seed=asked.seed,
        earlier=asked.earlier,
    ).parameters


def by_chance(asked: Asked) -> dict[str, Any]:
    space, index = read_space(asked.spec), len(asked.seen)
    return suggest(space, [], [], index=index, seed=asked.seed, method="random").parameters


def wandbs(asked: Asked) -> dict[str, Any]:
    import sweeps

    np.random.seed([asked.seed, len(asked.seen)])
    config = {
        "method": "bayes",
        "metric": {"name": "value", "goal": "maximize"},
        "parameters": asked.spec,
    }
    runs = [
        sweeps.SweepRun(
            name=str(i),
            state="finished",
            config={name: {"value": value} for name, value in one.parameters.items()},
            summaryMetrics={"value": one.value},
            history=[{"value": one.value}],
        )
        for i, one in enumerate(asked.seen)
    ]
    found = sweeps.next_run(config, runs)
    return {name: entry["value"] for name, entry in found.config.items()}


def optunas(sampler: str) -> Ask:
    """Optuna as shipped; a told space also gives it ordered batches."""

    def ask(asked: Asked) -> dict[str, Any]:
        import optuna

        spec, seen, seed = asked.spec, asked.seen, asked.seed
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        told = any("distribution" in table for table in spec.values())
        space = read_space(spec)
        laws: dict[str, Any] = {}
        for name, p in space.items():
            if isinstance(p, Categorical):
                laws[name] = (
                    optuna.distributions.IntDistribution(0, len(p.values) - 1)
                    if told and p.is_numeric
                    else optuna.distributions.CategoricalDistribution(p.values)
                )
            elif isinstance(spec[name].get("min"), int):
                laws[name] = optuna.distributions.IntDistribution(int(p.low), int(p.high))  # type: ignore[union-attr]
            else:
                log = "log" in spec[name].get("distribution", "")
                laws[name] = optuna.distributions.FloatDistribution(p.low, p.high, log=log)  # type: ignore[union-attr]
        ordered = [
            name for name, law in laws.items()
            if isinstance(law, optuna.distributions.IntDistribution)
            and isinstance(space[name], Categorical)
        ]  # fmt: skip
        kind = getattr(optuna.samplers, sampler)
        study = optuna.create_study(
            direction="maximize", sampler=kind(seed=seed * 1000 + len(seen))
        )
        for one in seen:
            inner = dict(one.parameters)
            for name in ordered:
                inner[name] = space[name].ordered.index(inner[name])  # type: ignore[union-attr]
            study.add_trial(optuna.create_trial(params=inner, distributions=laws, value=one.value))
        found = dict(study.ask(laws).params)
        for name in ordered:
            found[name] = space[name].ordered[found[name]]  # type: ignore[union-attr]
        return found

    return ask


METHODS: dict[str, tuple[Ask, str]] = {
    OURS: (ours, "plain"),
    PARALLEL: (ours, "plain"),
    RELATED: (ours, "plain"),
    MISLED: (ours, "plain"),
    WANDB: (wandbs, "plain"),
    "W&B bayes, told": (wandbs, "told"),
    "Optuna GP, plain": (optunas("GPSampler"), "plain"),
    "Optuna GP, told": (optunas("GPSampler"), "told"),
    "Optuna TPE, told": (optunas("TPESampler"), "told"),
    "random, plain": (by_chance, "plain"),
    "random, told": (by_chance, "told"),
}

COLORS = plt.get_cmap("tab20").colors  # type: ignore[attr-defined]


def handed_out(method: str, family: str, number: int, trials: int) -> list[float]:
    """The value, without noise, of what would be handed out after 1, 2, ... trials."""
    warnings.simplefilter("ignore")
    problem = FAMILIES[family](number)
    ask, kind = METHODS[method]
    spec = problem.told if kind == "told" else problem.plain
    noise = np.random.default_rng([3, number]).normal(0, problem.noise, trials)
    known = earlier(problem, number, method == MISLED) if method in (RELATED, MISLED) else []
    seen: list[TrialResult] = []
    found = []
    for i in range(trials):
        ended = max(0, i + 1 - (IN_FLIGHT if method == PARALLEL else 1))
        flying = [one.parameters for one in seen[ended:]]
        parameters = ask(Asked(spec, seen[:ended], number, flying, known))
        seen.append(TrialResult(parameters, problem.value(parameters) + noise[i]))
        if method.startswith(OURS):
            picked = incumbent(read_space(spec), seen, earlier=known)[0]
        else:
            picked = int(np.argmax([one.value for one in seen]))
        found.append(problem.value(seen[picked].parameters))
    return found


def earlier(problem: Problem, number: int, mirrored: bool) -> list[TrialResult]:
    """Our search on a related task: nine tenths of the value, an offset, a ripple, its own noise.

    Or on a misleading one: what is true at one end of every range is told of the other.
    """
    space = read_space(problem.plain)
    varied = {name: p for name, p in space.items() if not isinstance(p, Constant)}
    rng = np.random.default_rng([4, number])
    ripple = _smooth(rng, len(varied))
    told: list[TrialResult] = []
    for i in range(EARLIER):
        drawn = suggest(space, told, [], index=i, seed=number + 500).parameters
        shares = np.array([p.to_unit(drawn[name]) for name, p in varied.items()])
        there = {n: p.from_unit(1 - s) for (n, p), s in zip(varied.items(), shares, strict=True)}
        value = problem.value(there if mirrored else drawn)
        value += 0.6 * problem.noise * ripple(shares) + rng.normal(0, problem.noise)
        told.append(TrialResult(drawn, 0.1 + 0.9 * value))
    return told


def _smooth(rng: np.random.Generator, columns: int) -> Callable[[np.ndarray], float]:
    """A random function of sd 1 (random Fourier features)."""
    rate, phase = rng.normal(0, 1.5, (24, columns)), rng.uniform(0, 2 * np.pi, 24)
    height = rng.normal(0, 12**-0.5, 24)
    return lambda where: float(height @ np.cos(rate @ where + phase))


def best_value(family: str, number: int) -> float:
    return FAMILIES[family](number).best


def measure(
    family: str, methods: Iterable[str], surfaces: Sequence[int], trials: int
) -> dict[str, np.ndarray]:
    """By method: (surfaces, trials) regrets."""
    results: dict[str, np.ndarray] = {}
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        best = np.array(list(pool.map(best_value, [family] * len(surfaces), surfaces)))[:, None]
        for method in methods:
            started = time.perf_counter()
            jobs = [pool.submit(handed_out, method, family, n, trials) for n in surfaces]
            results[method] = best - np.array([job.result() for job in jobs])
            print(f"{family}: {method}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return results


def table(results: dict[str, np.ndarray], shown: Sequence[int]) -> str:
    """Markdown: mean regret x 1000, and behind the peers the standard error of their difference."""
    heads = " | ".join(f"after {n}" for n in shown)
    lines = [f"| method | {heads} |", "| --- |" + " ---: |" * len(shown)]
    for method, found in results.items():
        cells = []
        for n in shown:
            apart = found[:, n - 1] - results[OURS][:, n - 1]
            error = apart.std(ddof=1) / len(apart) ** 0.5
            more = f" (difference {1000 * apart.mean():+.1f} ± {1000 * error:.1f})"
            cells.append(f"{1000 * found[:, n - 1].mean():.1f}" + more * (method != OURS))
        lines.append(f"| {method} | {' | '.join(cells)} |")
    if WANDB in results:
        ratios = [results[OURS][:, n - 1].mean() / results[WANDB][:, n - 1].mean() for n in shown]
        lines.append(f"\nOurs by {WANDB}: " + ", ".join(f"{r:.2f}" for r in ratios) + ".")
    return "\n".join(lines)


def keep(family: str, results: dict[str, np.ndarray], path: Path) -> None:
    """Put the mean regrets in the place of this family's in a CSV."""
    before = read_csv(path) if path.exists() else []
    rows: list[dict[str, Any]] = [row for row in before if row["family"] != family]
    for method, found in results.items():
        regrets = {f"after_{i}": f"{v:.6f}" for i, v in enumerate(found.mean(0), start=1)}
        rows.append({"family": family, "method": method, **regrets})
    write_csv(path, list(rows[-1]), rows)


def draw(curves: Path, path: Path) -> None:
    """Regret against trials, a panel for each family of the CSV."""
    rows = read_csv(curves)
    families = [name for name in FAMILIES if name in {row["family"] for row in rows}]
    figure, panels = plt.subplots(1, len(families), figsize=(4 * len(families), 4), squeeze=False)
    for panel, family in zip(panels[0], families, strict=True):
        for row in (row for row in rows if row["family"] == family):
            values = [float(v) for name, v in row.items() if name.startswith("after_")]
            width = 2.5 if row["method"] == OURS else 1.2
            color = COLORS[list(METHODS).index(row["method"])]
            panel.plot(range(1, len(values) + 1), values, label=row["method"], lw=width, c=color)
        panel.set(title=family, xlabel="trials", yscale="log")
        panel.legend(fontsize=6)
    panels[0][0].set_ylabel("mean regret of what is handed out")
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
    parser.add_argument(
        "--curves", type=Path, metavar="CSV", help="keep mean regrets here, family by family"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw what the CSV holds")
    given = parser.parse_args()
    shown = [n for n in (5, 10, 20, 40) if n <= given.trials]
    numbers = range(given.first, given.first + given.surfaces)
    for family in given.families:
        results = measure(family, dict.fromkeys([OURS, *given.methods]), numbers, given.trials)
        print(f"\n## {family}: regret x 1000, {len(numbers)} surfaces\n")
        print(table(results, shown), flush=True)
        if given.curves:
            keep(family, results, given.curves)
    if given.plot:
        draw(given.curves, given.plot)


if __name__ == "__main__":
    main()
