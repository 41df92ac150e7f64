"""A full disk: one sentence, and nothing half-written stays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from project import NAMESPACES, ROOT, needs_namespaces

FILL = """
import sys
from pathlib import Path
import numpy as np
from segsweep.core.errors import command_line
from segsweep.core.files import atomic_write, write_text
from segsweep.pipeline.cache import CacheEntry

def write_array():
    with atomic_write("x.npy") as path, path.open("wb") as file:
        np.save(file, np.zeros(1 << 20, np.uint8))

def write_long_text():
    write_text("x.txt", "1" * (1 << 20))

def save_in_cache():
    CacheEntry("k").save([Path(sys.argv[2]) / "big"])

def save_folder_in_cache():
    CacheEntry("k").save([Path(sys.argv[2]) / "big"], [Path(sys.argv[2])])

command_line(globals()[sys.argv[1]])
"""


@needs_namespaces
@pytest.mark.parametrize(
    ("write", "name"),
    [
        ("write_array", "x.npy"),
        ("write_long_text", "x.txt"),
        ("save_in_cache", "big"),
        ("save_folder_in_cache", "big"),
    ],
)
def test_a_full_disk_gives_one_sentence_and_nothing_half_written_stays(
    tmp_path: Path, write: str, name: str
) -> None:
    disk, source = tmp_path / "disk", tmp_path / "source"
    disk.mkdir()
    source.mkdir()
    (source / "big").write_bytes(bytes(1 << 20))
    script = f"mount -t tmpfs -o size=64k none '{disk}'; cd '{disk}'; "
    script += '"$@" || status=$?; find . -type f; exit $status'
    done = subprocess.run(
        [*NAMESPACES, "sh", "-c", script, "sh", sys.executable, "-c", FILL, write, str(source)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert name in done.stderr
    assert "free" in done.stderr
    assert len(done.stderr.splitlines()) == 1
