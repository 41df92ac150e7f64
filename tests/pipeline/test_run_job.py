"""`run_job.py`: two copies of one job, and the log of two output streams."""

import os
import subprocess
import sys
from pathlib import Path

from project import ROOT

RUN_JOB = [sys.executable, str(ROOT / "workflow/scripts/run_job.py"), "--log", "log"]


def test_the_second_copy_of_a_job_uses_the_result_of_the_first(tmp_path: Path) -> None:
    """On a cluster, a new run may start while jobs of a killed run still work."""
    (tmp_path / "in").write_text("1")
    make = "import time; open('made', 'a').write('.'); time.sleep(1); open('out', 'w').write('2')"
    job = [
        *RUN_JOB,
        "--outputs",
        "out",
        "out.json",
        "--inputs",
        "in",
        "--",
        sys.executable,
        "-c",
        make,
    ]
    copies = [
        subprocess.Popen(job, cwd=tmp_path, env=os.environ, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    messages = [copy.communicate(timeout=60)[1] for copy in copies]
    assert [copy.returncode for copy in copies] == [0, 0]
    assert (tmp_path / "made").read_text() == "."
    assert sorted(messages) == ["", "out: made by another copy of this job\n"]


def test_lines_of_two_streams_never_mix_in_the_log(tmp_path: Path) -> None:
    """Standard output and standard error are written by the job at the same time."""
    (tmp_path / "in").write_text("1")
    write = (
        "import sys, threading\n"
        "def lines(stream, letter):\n"
        "    for _ in range(2000): stream.write(letter * 300 + '\\n'); stream.flush()\n"
        "threads = [threading.Thread(target=lines, args=a)"
        " for a in ((sys.stdout, 'o'), (sys.stderr, 'e'))]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "open('out', 'w').write('2')\n"
    )
    job = [*RUN_JOB, "--outputs", "out", "out.json", "--inputs", "in", "--", sys.executable, "-c"]
    subprocess.run([*job, write], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    lines = (tmp_path / "log").read_text().splitlines()
    assert sorted(lines) == ["e" * 300] * 2000 + ["o" * 300] * 2000
