"""Provenance records: what has another form is not one."""

import json
from pathlib import Path
from typing import Any

import pytest

from segsweep.pipeline.job_record import read_record

RECORD: dict[str, Any] = {
    "made_from": {"a": "0"},
    "made": {"b": "1"},
    "sources": {},
    "cache_tag": "training",
    "packages": [],
    "unkeyed_inputs": [],
    "accepted": [{"path": "a.py", "was": None, "reason": "renamed"}],
}


def test_a_record_is_read(tmp_path: Path) -> None:
    path = tmp_path / "provenance.json"
    path.write_text(json.dumps(RECORD))
    assert read_record(path) == RECORD


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        "[]",
        "{}",
        *(
            json.dumps(RECORD | change)
            for change in (
                {"made": []},
                {"made_from": {"a": 3}},
                {"sources": "x"},
                {"cache_tag": 3},
                {"packages": [[]]},
                {"unkeyed_inputs": {}},
                {"accepted": [3]},
                {"accepted": [{}]},
            )
        ),
    ],
)
def test_content_of_another_form_is_no_record(tmp_path: Path, content: str) -> None:
    path = tmp_path / "provenance.json"
    path.write_text(content)
    assert read_record(path) is None
