"""Train configurations of the shipped study's space to the end, under several seeds.

The table is what searches and stopping rules are replayed on (`benchmarks/replay.py`): one row a
training, with the validation Dice of every epoch. Trainings run on one thread each, as many at a
time as there are cores; those that OUT holds already are not repeated.

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

from segsweep.data.arrays import ProcessedSet
from segsweep.files import read_csv, write_csv
from segsweep.study import Study
from segsweep.sweep.space import Constant
from segsweep.unet.training import fit

ROOT = Path(__file__).parents[1]


def configurations(count: int) -> list[dict[str, Any]]:
    """Spread over the space of the shipped study on the scales that the search sees."""
    space = Study.read(str(ROOT / "params.yaml")).sweep.parameters
    varied = {name: p for name, p in space.items() if not isinstance(p, Constant)}
    sequence = qmc.Sobol(len(varied), rng=np.random.default_rng(0))
    shares = sequence.random_base2((count - 1).bit_length())[:count].tolist()
    return [
        {name: p.place(u) for (name, p), u in zip(varied.items(), row, strict=True)}
        for row in shares
    ]


def trained(folder: str, parameters: dict[str, Any], seed: int, epochs: int) -> dict[str, Any]:
    study = Study.read(str(ROOT / "params.yaml"))
    chosen = {**parameters, "seed": seed, "threads": 1, "epochs": epochs}
    outcome = fit(study.training_config(chosen), ProcessedSet.open(folder))
    by_epoch = [f"{row['val_dice_coefficient']:.6f}" for row in outcome.history]
    by_epoch += [""] * (epochs - len(by_epoch))
    named = {f"epoch_{i}": value for i, value in enumerate(by_epoch, start=1)}
    return {"seed": seed, **parameters, "status": outcome.metrics["status"], **named}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", metavar="DATA", help="the folder that preprocess wrote")
    parser.add_argument("out", type=Path, metavar="OUT", help="the CSV to write, or go on with")
    parser.add_argument("--configurations", type=int, default=160, metavar="N")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], metavar="SEED")
    parser.add_argument("--epochs", type=int, default=12, metavar="N")
    given = parser.parse_args()
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    if given.out.exists():
        rows = {
            (int(row["seed"]), int(row["configuration"])): dict(row) for row in read_csv(given.out)
        }
    wanted = list(enumerate(configurations(given.configurations)))
    cores, started, done = len(os.sched_getaffinity(0)), time.monotonic(), 0
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        jobs = {
            pool.submit(trained, given.data, parameters, seed, given.epochs): (seed, number)
            for seed in given.seeds
            for number, parameters in wanted
            if (seed, number) not in rows
        }
        for job in as_completed(jobs):
            seed, number = jobs[job]
            rows[seed, number] = {"configuration": number, **job.result()}
            write_csv(given.out, list(rows[seed, number]), [rows[k] for k in sorted(rows)])
            done += 1
            left = (time.monotonic() - started) / done * (len(jobs) - done)
            print(f"{done} of {len(jobs)} trained, {left / 60:.0f} min left", flush=True)


if __name__ == "__main__":
    main()
