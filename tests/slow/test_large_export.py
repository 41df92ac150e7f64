"""An export of thousands of runs: the report stays small and says which trials the models use."""

import csv
import subprocess
from pathlib import Path

import numpy as np

from project import environment, segsweep

RUNS = 6000


def test_a_large_export_is_analysed_with_a_stated_selection_of_trials(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with (tmp_path / "export.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ("Name", "State", "Runtime", "batch_size", "learning_rate", "dropout", "val_dice")
        )
        for i in range(RUNS):
            rate, dropout = 10 ** rng.uniform(-4, -2), rng.uniform(0, 0.5)
            dice = 0.9 - 0.05 * abs(np.log10(rate) + 3) - 0.1 * dropout + rng.normal(0, 0.01)
            size = rng.choice([8, 16, 32])
            writer.writerow((f"run-{i}", "finished", 100, size, rate, dropout, dice))
    command = segsweep(
        *("evaluate", tmp_path / "export.csv", "--out", tmp_path / "out", "--memory", "48")
    )
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"The surrogate model is fitted to 400 of {RUNS} trials" in done.stdout
    report = (tmp_path / "out/report.html").read_text()
    assert len(report) < 6_000_000
    assert "Dots are an even selection of 2000 trials." in report
    with (tmp_path / "out/analysis/trials.csv").open() as file:
        assert sum(1 for _ in file) == 1 + RUNS
