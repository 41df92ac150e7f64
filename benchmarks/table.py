"""Train many configurations of the search space of params.yaml, for `benchmarks/replay.py`.

The table has one row per training, with the validation Dice of every epoch. All configurations are
trained under seed 0, those close to the best also under seed 1, which shows the noise. Trainings
run on one thread each, as many at a time as there are cores. Trainings that OUT already holds are
not repeated.

Example:
  snakemake --cores 2 -- data/processed/manifest.csv
  python benchmarks/table.py data/processed benchmarks/data/nuclei.csv
"""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import qmc

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from segsweep.config.search_space import Constant
from segsweep.config.study import Study
from segsweep.core.files import read_csv, write_csv
from segsweep.data.dataset import ProcessedSet
from segsweep.training.fit import fit

ROOT = Path(__file__).parents[1]
CLOSE = 0.02
"""Maximum difference from the best value of a configuration that is trained again."""

Table = dict[tuple[int, int], dict[str, Any]]


def configurations(count: int) -> list[dict[str, Any]]:
    """Return configurations spread evenly over the space, on the scales of the model."""
    space = Study.read(str(ROOT / "params.yaml")).sweep.parameters
    varied = {name: p for name, p in space.items() if not isinstance(p, Constant)}
    sequence = qmc.Sobol(len(varied), rng=np.random.default_rng(0))
    positions = sequence.random_base2((count - 1).bit_length())[:count].tolist()
    return [
        {name: p.from_unit(u) for (name, p), u in zip(varied.items(), row, strict=True)}
        for row in positions
    ]


def train(folder: str, parameters: dict[str, Any], seed: int, epochs: int) -> dict[str, Any]:
    study = Study.read(str(ROOT / "params.yaml"))
    values = {**parameters, "seed": seed, "threads": 1, "epochs": epochs}
    outcome = fit(study.training_config(values), ProcessedSet.open(folder))
    by_epoch = [f"{row['val_dice_coefficient']:.6f}" for row in outcome.history]
    by_epoch += [""] * (epochs - len(by_epoch))
    epochs_by_name = {f"epoch_{i}": value for i, value in enumerate(by_epoch, start=1)}
    return {"seed": seed, **parameters, "status": outcome.metrics["status"], **epochs_by_name}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", metavar="DATA", help="the folder that preprocess wrote")
    parser.add_argument("out", type=Path, metavar="OUT", help="the CSV file to write")
    parser.add_argument("--configurations", type=int, default=150, metavar="N")
    parser.add_argument("--epochs", type=int, default=12, metavar="N")
    options = parser.parse_args()
    rows: Table = {}
    if options.out.exists():
        rows = {
            (int(row["seed"]), int(row["configuration"])): dict(row)
            for row in read_csv(options.out)
        }
    selected = dict(enumerate(configurations(options.configurations)))
    complete(rows, selected, 0, options)
    values = {number: best_of(row) for (seed, number), row in rows.items() if seed == 0}
    close = [n for n, value in values.items() if value > max(values.values()) - CLOSE]
    complete(rows, {n: selected[n] for n in close}, 1, options)


def complete(
    rows: Table, selected: dict[int, dict[str, Any]], seed: int, options: argparse.Namespace
) -> None:
    """Train the configurations that are missing under a seed; write the table after each."""
    cores, started, done = len(os.sched_getaffinity(0)), time.monotonic(), 0
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        jobs = {
            pool.submit(train, options.data, parameters, seed, options.epochs): number
            for number, parameters in selected.items()
            if (seed, number) not in rows
        }
        for job in as_completed(jobs):
            number = jobs[job]
            rows[seed, number] = {"configuration": number, **job.result()}
            write_csv(options.out, list(rows[seed, number]), [rows[k] for k in sorted(rows)])
            done += 1
            left = (time.monotonic() - started) / done * (len(jobs) - done)
            print(
                f"seed {seed}: {done} of {len(jobs)} trained, {left / 60:.0f} min left", flush=True
            )


def best_of(row: dict[str, Any]) -> float:
    return max(float(v or 0) for name, v in row.items() if name.startswith("epoch_"))


if __name__ == "__main__":
    main()
