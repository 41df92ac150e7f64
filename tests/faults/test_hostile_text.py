"""Control characters in exports and studies: the real commands print and show none of them."""

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from project import ROOT, Project, environment, segsweep
from synthetic_sweeps import REPORTED, report_surface, searched
from terminal import ESCAPED, HOSTILE, controls


def test_an_evaluated_export_has_control_characters_in_its_data_only(tmp_path: Path) -> None:
    """Names of runs, columns and values, and states."""
    rows = [
        {
            f"val/dice{HOSTILE}": trial.value,
            "Name": f"run-{i}{HOSTILE}",
            "State": "finished" if i else f"odd{HOSTILE}",
            "learning_rate": trial.parameters["learning_rate"],
            f"drop{HOSTILE}out": trial.parameters["dropout"],
            "loss_name": f"l{i % 2}{HOSTILE}",
        }
        for i, trial in enumerate(searched(REPORTED, report_surface, 0.004, 20, 0))
    ]
    with (tmp_path / "export.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
    metric = ("--metric", f"val/dice{HOSTILE}", "--goal", "maximize")
    done = subprocess.run(
        segsweep("evaluate", "export.csv", "--out", "out", *metric),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"left out 1 with state odd{ESCAPED}".lower() in done.stdout.lower()
    assert controls(done.stdout) == []
    for path in (tmp_path / "out").rglob("*.*"):
        if path.suffix not in (".csv", ".yaml"):
            assert controls(path.read_text(encoding="utf-8")) == [], path
    for path in (tmp_path / "out/plots").iterdir():
        ElementTree.parse(path)
    assert ESCAPED in (tmp_path / "out/report.html").read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("batch_size:", r'"batch\e[31m\u202e\x9b": 3' + "\nbatch_size:"),
        ("mode: offline", r'mode: "off\e[31m\u2028line"'),
        ("method: bayes", r'prior_trials: "studies/prior/\e[31m.csv"' + "\n  method: bayes"),
        ("batch_size:", "\x1b[31m: 3\nbatch_size:"),
    ],
)
def test_control_characters_of_a_study_are_not_printed(
    clones: Callable[[str], Project], old: str, new: str
) -> None:
    project = clones("hostile study")
    study = (ROOT / "params.yaml").read_text()
    assert old in study
    (project.folder / "params.yaml").write_text(study.replace(old, new, 1))
    for command in (("snakemake", "-n"), ("segsweep", "explain", "results/train")):
        output = project.run(*command, check=False)
        assert "error: " in output
        assert "params.yaml: " in output
        assert "Traceback" not in output
        assert controls(output) == []
