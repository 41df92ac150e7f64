"""The file with which DVC tracks the user's own images, damaged."""

from pathlib import Path

import pytest

from segsweep.core.errors import UserError
from segsweep.data.raw_data import check_raw_data


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 90,
        b"\xff",
        b"outs:\n- md5: a.dir\n",
        b"outs: []\n",
        b"outs: 3\n",
        b"outs:\n- {path: raw, nfiles: two, size: 9}\n",
    ],
)
def test_a_damaged_file_of_dvc_gives_one_sentence(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    raw = Path("data/raw")
    raw.mkdir(parents=True)
    Path("data/raw.dvc").write_bytes(content)
    with pytest.raises(UserError, match=r"git checkout -- data/raw\.dvc") as caught:
        check_raw_data(raw)
    assert str(caught.value).startswith("data/raw.dvc: ")
    assert "\n" not in str(caught.value)
