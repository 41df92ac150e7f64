"""Damaged files of Snakemake's metadata."""

from pathlib import Path

import pytest

from segsweep.pipeline.snakemake_metadata import remove_damaged_metadata

METADATA = b'{"rule": "all", "input": []}'
CONTENTS = {
    "empty": b"",
    "zeros": bytes(100),
    "not ASCII": METADATA.replace(b"all", b"al\xec"),
    "half": METADATA[:15],
}


@pytest.mark.parametrize("name", CONTENTS)
def test_damaged_metadata_is_removed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path(".snakemake/metadata/@long")
    folder.mkdir(parents=True)
    (folder / "intact").write_bytes(METADATA)
    (folder / "damaged").write_bytes(CONTENTS[name])
    remove_damaged_metadata(dry=True)
    # an unfinished file may be one that another process is writing
    assert (folder / "damaged").exists() == (name != "not ASCII")
    remove_damaged_metadata(dry=False)
    assert [path.name for path in folder.iterdir()] == ["intact"]
