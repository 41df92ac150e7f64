"""Measure the cost of provenance records: `snakemake -n` over many trials, with and without them.

Measured in a temporary clone, first without any results, then with all of them. The results are
dummies with valid records, since checking a record does not look inside a result. The peer is a
Snakefile with the same chain of jobs, decided by time alone. Ratios are from one run.

Example:
  python benchmarks/orchestration.py --trials 1000
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from segsweep.core.files import content_hash
from segsweep.pipeline.job_record import write_record
from segsweep.pipeline.staleness import JOBS

ROOT = Path(__file__).parents[1]

PLAIN = """\
N = {trials}
def name(i, what): return f"made/{{i}}/{{what}}"
rule all:
    input: [name(i, "metrics.json") for i in range(N)]
rule suggest:
    input: lambda w: [name(int(w.i) - 1, "metrics.json")] if int(w.i) else []
    output: name("{{i}}", "config.yaml")
    shell: "touch {{output}}"
rule trial:
    input: name("{{i}}", "config.yaml")
    output: name("{{i}}", "metrics.json")
    shell: "touch {{output}}"
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1000, metavar="N")
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as folder:
        ours, plain = Path(folder, "ours"), Path(folder, "plain")
        subprocess.run(["git", "clone", "--quiet", ROOT, ours], check=True)
        study = (ours / "params.yaml").read_text()
        (ours / "params.yaml").write_text(study.replace("  trials: 10\n", f"  trials: {trials}\n"))
        plain.mkdir()
        (plain / "Snakefile").write_text(PLAIN.format(trials=trials))
        before = {name: dry_run(path) for name, path in (("ours", ours), ("plain", plain))}
        make_all(ours)
        for i in range(trials):
            for what in ("config.yaml", "metrics.json"):
                path = plain / f"made/{i}/{what}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("x")
        after = {name: dry_run(path) for name, path in (("ours", ours), ("plain", plain))}
    for moment, seconds in (("nothing made", before), ("all made", after)):
        ratio = seconds["ours"] / seconds["plain"]
        print(
            f"{trials} trials, {moment}: ours {seconds['ours']:.1f} s, "
            f"plain {seconds['plain']:.1f} s, ours / plain {ratio:.2f}"
        )


def dry_run(folder: Path) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run", "--quiet", "all"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - started


def make_all(folder: Path) -> None:
    """Write dummy results with the records that real ones would have."""
    os.chdir(folder)
    jobs = json.loads(JOBS.read_text())
    for job in jobs:
        for path in map(Path, job["outputs"][:-1]):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{path}\n")
        write_record(job["outputs"], {path: content_hash(path) for path in job["inputs"]})


if __name__ == "__main__":
    main()
