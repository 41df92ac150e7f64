"""Tables with random edits go through the whole command: findings, next sweep and report."""

import os
from pathlib import Path

import pytest

from random_tables import damaged, edited_table
from segsweep.cli.evaluate import evaluate
from segsweep.core.errors import UserError
from segsweep.core.files import read_json

TABLES = int(os.environ.get("EVALUATED_TABLES", "16"))


@pytest.mark.parametrize("seed", range(TABLES))
def test_a_table_is_evaluated_or_refused(tmp_path: Path, seed: int) -> None:
    """Every second file is also damaged. The report lists what was left out."""
    content = edited_table(seed).content()
    path, out = tmp_path / "export.csv", tmp_path / "out"
    path.write_bytes(damaged(content, seed) if seed % 2 else content)
    refused = _evaluate(path, out)
    if refused:
        assert "\n" not in refused
        return
    findings = read_json(out / "analysis/findings.json")
    page = (out / "report.md").read_text()
    section = page.partition("## How the runs were read\n")[2].partition("\n## ")[0]
    assert section.count("\n- ") == len(findings["left_out"]) + len(findings["notes"])
    assert (out / "next/sweep.yaml").exists()


def _evaluate(path: Path, out: Path) -> str:
    """Return the sentence that refuses the table; empty if it was evaluated."""
    try:
        evaluate(str(path), out=out, memory=24)
    except UserError as error:
        return str(error)
    return ""
