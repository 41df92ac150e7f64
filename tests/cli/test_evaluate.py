"""`segsweep evaluate`: a W&B export becomes findings, the next study and a report."""

import csv
import json
import subprocess
from pathlib import Path

import pytest
import yaml

from project import ROOT, environment
from segsweep.config.study import Study
from synthetic_sweeps import REPORTED, report_surface, searched


def evaluate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["segsweep", "evaluate", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an export with other parameter names, a crashed run and a running one."""
    path = tmp_path_factory.mktemp("export") / "wandb_export.csv"
    rows = [
        {
            "Name": f"run-{i}",
            "State": "finished",
            "Runtime": 100 + i,
            "lr": trial.parameters["learning_rate"],
            "batch": trial.parameters["batch_size"],
            "dropout": trial.parameters["dropout"],
            "weight_decay": trial.parameters["l2_reg"],
            "epochs": 40,
            "val/dice": trial.value,
            "val/loss": 1 - (trial.value or 0),
        }
        for i, trial in enumerate(searched(REPORTED, report_surface, 0.004, 30, 0))
    ]
    rows += [
        rows[0] | {"Name": "run-30", "State": "crashed", "val/dice": "", "val/loss": ""},
        rows[1] | {"Name": "run-31", "State": "running", "val/dice": "", "val/loss": ""},
    ]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def evaluated(export: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("evaluated")
    done = evaluate(export, "--out", out, "--memory", "48")
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def test_used_and_left_out_runs_are_printed(evaluated: tuple[Path, str]) -> None:
    out, output = evaluated
    assert "31 trials (30 finished) over " in output
    assert "left out 1 with state running" in output
    rows = list(csv.DictReader((out / "analysis/trials.csv").open()))
    assert len(rows) == 31
    assert {"batch_size", "learning_rate", "dropout", "l2_reg", "val/dice"} <= set(rows[0])


def test_findings_have_a_number_an_interval_and_a_confidence(
    evaluated: tuple[Path, str],
) -> None:
    content = json.loads((evaluated[0] / "analysis/findings.json").read_text())
    findings = {finding["id"]: finding for finding in content["findings"]}
    assert {"best", "importance", "batch size", "learning rate with batch", "edges"} <= set(
        findings
    )
    for finding in findings.values():
        assert finding["sentence"].endswith(".")
        assert finding["confidence"] in ("high", "likely", "inconclusive")
        if finding["interval"] and finding["id"] != "best":
            low, high = finding["interval"]
            assert low <= finding["number"] <= high
    times = json.loads((evaluated[0] / "analysis/runtime.json").read_text())
    assert times["findings"][0]["id"] == "run time"


def test_the_next_study_is_complete_and_designed_for_the_gpu(evaluated: tuple[Path, str]) -> None:
    out = evaluated[0] / "next"
    study = Study.read(str(out / "params.yaml"))
    assert study.hardware.target == 48
    assert study.sweep.parameters["batch_size"].values[-1] == 128  # type: ignore[union-attr]
    sweep = yaml.safe_load((out / "sweep.yaml").read_text())
    assert sweep["parameters"]["batch_size"] == {"values": [16, 32, 64, 128]}
    assert "| `sweep.parameters.learning_rate` |" in (out / "rationale.md").read_text()
    assert (out / "changes.diff").read_text().startswith("--- params.yaml")


def test_the_report_is_one_file(evaluated: tuple[Path, str]) -> None:
    page = (evaluated[0] / "report.html").read_text()
    assert "<html" in page
    assert len(page) < 6_000_000


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("Name,State\na,finished\n", [], "--metric"),
        (
            "Name,State,lr,val_dice\na,failed,0.1,\n",
            ["--metric", "val_dice"],
            "no value of the metric val_dice in any of 1 runs",
        ),
        ("Name,State,lr,val_dice\na,finished,0.1,0.5\nb,finished,0.1,0.6\n", [], "varies"),
    ],
)
def test_invalid_input_is_one_sentence(
    text: str, arguments: list[str], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    path.write_text(text)
    done = evaluate(path, "--out", tmp_path / "out", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out/analysis").exists()
