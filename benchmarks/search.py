"""Compare the search with W&B's engine, Optuna and chance, on surfaces whose best is known.

Regret is the value, without noise, that the configuration which a method would hand out falls
short of the best: ours hands out the one with the best posterior mean, all others the one with the
best observation. Every method meets the same surfaces and the same noise; differences to ours are
paired. The settings of our model were chosen on surfaces from 100 on; those reported start at 0.

`plain` methods read the space as the user's report wrote it (`min` and `max`), `told` ones the same
with logarithmic distributions.

Example:
  python benchmarks/search.py --families report rugged --surfaces 24 --trials 40
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

from surfaces import FAMILIES, Spec

from segsweep.sweep.search import Observation, incumbent, suggest
from segsweep.sweep.space import Categorical, read_space

Ask = Callable[[Spec, Sequence[Observation], int], dict[str, Any]]
OURS, WANDB = "ours", "W&B bayes, plain"


def ours(spec: Spec, seen: Sequence[Observation], seed: int) -> dict[str, Any]:
    return suggest(read_space(spec), seen, [], index=len(seen), seed=seed).parameters


def by_chance(spec: Spec, seen: Sequence[Observation], seed: int) -> dict[str, Any]:
    space = read_space(spec)
    return suggest(space, seen, [], index=len(seen), seed=seed, method="random").parameters


def wandbs(spec: Spec, seen: Sequence[Observation], seed: int) -> dict[str, Any]:
    import sweeps

    np.random.seed([seed, len(seen)])
    config = {
        "method": "bayes",
        "metric": {"name": "value", "goal": "maximize"},
        "parameters": spec,
    }
    runs = [
        sweeps.SweepRun(
            name=str(i),
            state="finished",
            config={name: {"value": value} for name, value in one.parameters.items()},
            summaryMetrics={"value": one.value},
            history=[{"value": one.value}],
        )
        for i, one in enumerate(seen)
    ]
    found = sweeps.next_run(config, runs)
    return {name: entry["value"] for name, entry in found.config.items()}


def optunas(sampler: str) -> Ask:
    """Optuna as shipped; a told space also gives it ordered batches."""

    def ask(spec: Spec, seen: Sequence[Observation], seed: int) -> dict[str, Any]:
        import optuna

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
                log = "distribution" in spec[name]
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
        asked = dict(study.ask(laws).params)
        for name in ordered:
            asked[name] = space[name].ordered[asked[name]]  # type: ignore[union-attr]
        return asked

    return ask


METHODS: dict[str, tuple[Ask, str]] = {
    OURS: (ours, "plain"),
    WANDB: (wandbs, "plain"),
    "W&B bayes, told": (wandbs, "told"),
    "Optuna GP, plain": (optunas("GPSampler"), "plain"),
    "Optuna GP, told": (optunas("GPSampler"), "told"),
    "Optuna TPE, told": (optunas("TPESampler"), "told"),
    "random, plain": (by_chance, "plain"),
    "random, told": (by_chance, "told"),
}


def handed_out(method: str, family: str, number: int, trials: int) -> list[float]:
    """The value, without noise, of what would be handed out after 1, 2, ... trials."""
    warnings.simplefilter("ignore")
    problem = FAMILIES[family](number)
    ask, kind = METHODS[method]
    spec = problem.told if kind == "told" else problem.plain
    noise = np.random.default_rng([3, number]).normal(0, problem.noise, trials)
    seen: list[Observation] = []
    found = []
    for i in range(trials):
        parameters = ask(spec, seen, number)
        seen.append(Observation(parameters, problem.value(parameters) + noise[i]))
        if method == OURS:
            picked = incumbent(read_space(spec), seen)[0]
        else:
            picked = int(np.argmax([one.value for one in seen]))
        found.append(problem.value(seen[picked].parameters))
    return found


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


def draw(results: dict[str, dict[str, np.ndarray]], path: Path) -> None:
    figure, panels = plt.subplots(1, len(results), figsize=(5 * len(results), 4), squeeze=False)
    for panel, (family, found) in zip(panels[0], results.items(), strict=True):
        for method, values in found.items():
            width = 2.5 if method == OURS else 1.2
            panel.plot(range(1, values.shape[1] + 1), values.mean(0), label=method, lw=width)
        panel.set(title=family, xlabel="trials", yscale="log")
    panels[0][0].set_ylabel("mean regret of what is handed out")
    panels[0][0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--surfaces", type=int, default=24, metavar="N")
    parser.add_argument("--first", type=int, default=0, metavar="NUMBER")
    parser.add_argument("--trials", type=int, default=40, metavar="N")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw regret against trials")
    given = parser.parse_args()
    shown = [n for n in (5, 10, 20, 40) if n <= given.trials]
    numbers = range(given.first, given.first + given.surfaces)
    results = {}
    for family in given.families:
        methods = dict.fromkeys([OURS, *given.methods])
        results[family] = measure(family, methods, numbers, given.trials)
        print(f"\n## {family}: regret x 1000, {len(numbers)} surfaces\n")
        print(table(results[family], shown), flush=True)
    if given.plot:
        draw(results, given.plot)


if __name__ == "__main__":
    main()
