"""`run_job.py`: two copies of one job, and the log of two output streams."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from project import ROOT, heed_interrupts
from terminal import ESCAPED, HOSTILE, controls, on_terminal

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


def test_an_interrupt_ends_a_job_without_a_traceback(tmp_path: Path) -> None:
    """Ctrl-C reaches the job and its command, which may still write to both streams."""
    (tmp_path / "in").write_text("1")
    write = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "while True:\n"
        "    print('o' * 300, flush=True)\n"
        "    print('e' * 300, file=sys.stderr, flush=True)\n"
    )
    job = [*RUN_JOB, "--outputs", "out", "out.json", "--inputs", "in", "--", sys.executable, "-c"]
    for _ in range(10):
        with subprocess.Popen(
            [*job, write],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=heed_interrupts,
        ) as running:
            while not (tmp_path / "log").exists() or not (tmp_path / "log").stat().st_size:
                time.sleep(0.01)
            os.killpg(running.pid, signal.SIGINT)
            errors = running.communicate(timeout=60)[1]
        assert running.returncode == -signal.SIGINT
        assert set(errors.splitlines()) <= {"o" * 300, ""}
        (tmp_path / "log").unlink()
    assert not (tmp_path / "out").exists()


def test_what_a_command_prints_cannot_control_the_terminal(tmp_path: Path) -> None:
    """The line of progress on a terminal is the only text with control characters."""
    (tmp_path / "in").write_text("1")
    job = [*RUN_JOB, "--outputs", "out", "out.json", "--inputs", "in", "--", sys.executable, "-c"]
    write = f"print({HOSTILE!r}); open('out', 'w').write('2')"
    status, output = on_terminal([*job, write], tmp_path)
    assert (status, output) == (0, f"\r\x1b[K{ESCAPED}\n")
    write = f"print('shown'); import sys; sys.exit('error: ' + {HOSTILE!r})"
    (tmp_path / "in").write_text("2")
    status, output = on_terminal([*job, write], tmp_path)
    assert status == 1
    assert controls(output.removeprefix("\r\x1b[Kshown")) == []
    assert r"error: out was not made, see log: \x1b[2J\x1b]0;title\x07" in output
