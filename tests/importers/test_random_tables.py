"""Tables with random edits end with the right values, or with one sentence.

Nothing is left out without being counted, and no searched parameter is missing without a note.
"""

import math
import os
from pathlib import Path

from random_tables import METRIC, PARAMETERS, Table, damaged, edited_table
from segsweep.analysis.completed_sweep import CompletedSweep
from segsweep.config.metric_names import is_dice, is_validation
from segsweep.core.errors import UserError
from segsweep.importers.aliases import with_standard_names
from segsweep.importers.csv_export import read_export

DRAWS = int(os.environ.get("DRAWS", "300"))
"""2,000 with `make check`; 5,000 were tried."""


def errors_of(table: Table, sweep: CompletedSweep) -> list[str]:
    """Return what is wrong with a sweep that was read from a table."""
    wrong = []
    if not (is_dice(sweep.metric) and is_validation(sweep.metric) and sweep.goal == "maximize"):
        wrong.append(f"{sweep.goal} {sweep.metric}")
    counted = len(sweep.trials) + sum(sweep.left_out.values())
    if counted != len(table.rows):
        wrong.append(f"{counted} of {len(table.rows)} rows")
    notes = " ".join(sweep.notes)
    for name in PARAMETERS:
        if name not in sweep.varied and name not in notes and table.name(name) not in notes:
            wrong.append(f"{name} is missing")
    for trial in sweep.trials:
        truth = table.truth[int(trial.seconds or 0)]
        if trial.seconds in table.unfinished and trial.value is not None:
            wrong.append(f"{trial.name} has a value")
        if trial.value is not None and not math.isclose(trial.value, truth[METRIC], rel_tol=1e-9):
            wrong.append(f"{trial.name}: {trial.value} for {truth[METRIC]}")
        for name in set(PARAMETERS) & set(sweep.varied):
            value = trial.parameters[name]
            is_number = isinstance(value, int | float)
            if not is_number or not math.isclose(value, truth[name], rel_tol=table.tolerance):
                wrong.append(f"{trial.name}: {name} {value} for {truth[name]}")
    return wrong


def read(path: Path, content: bytes) -> CompletedSweep | str:
    """Return the sweep in a file, or the sentence that says why there is none."""
    path.write_bytes(content)
    try:
        return with_standard_names(read_export(path))
    except UserError as error:
        return str(error)


def test_edited_tables_are_read_right_or_refused(tmp_path: Path) -> None:
    path, wrong, refused = tmp_path / "export.csv", [], 0
    for seed in range(DRAWS):
        table = edited_table(seed)
        answer = read(path, table.content())
        if isinstance(answer, str):
            refused += 1
            assert answer.startswith(f"{path}: ")
            assert "\n" not in answer
        else:
            wrong += [f"{seed} {table.edits}: {text}" for text in errors_of(table, answer)[:2]]
    assert wrong == []
    assert refused < 0.3 * DRAWS


def test_damaged_tables_end_with_an_answer_or_one_sentence(tmp_path: Path) -> None:
    for seed in range(DRAWS):
        answer = read(tmp_path / "export.csv", damaged(edited_table(seed).content(), seed))
        assert "\n" not in answer if isinstance(answer, str) else answer.trials
