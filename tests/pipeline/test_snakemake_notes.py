"""Snakemake's notes on jobs, damaged."""

from pathlib import Path

import pytest

from segsweep.pipeline.snakemake_notes import remove_damaged_notes

NOTE = b'{"rule": "all", "input": []}'
CONTENTS = {
    "empty": b"",
    "zeros": bytes(100),
    "not ASCII": NOTE.replace(b"all", b"al\xec"),
    "half": NOTE[:15],
}


@pytest.mark.parametrize("name", CONTENTS)
def test_damaged_notes_are_removed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path(".snakemake/metadata/@long")
    folder.mkdir(parents=True)
    (folder / "intact").write_bytes(NOTE)
    (folder / "damaged").write_bytes(CONTENTS[name])
    remove_damaged_notes(only_reading=True)
    # an unfinished note may be one that another process is writing
    assert (folder / "damaged").exists() == (name != "not ASCII")
    remove_damaged_notes(only_reading=False)
    assert [path.name for path in folder.iterdir()] == ["intact"]
