"""`snakemake --sdm conda`, with a substitute for conda itself (tests/conda_stand_in.py).

What Snakemake gives to conda, and the Python that the jobs then use, are real. Creating the
environment from the file needs a network and is not tested here.
"""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from project import ROOT, Project, environment


def test_jobs_use_the_python_of_the_conda_environment(checkout: Path, tmp_path: Path) -> None:
    base = tmp_path / "conda"
    (base / "bin").mkdir(parents=True)
    (base / "bin/conda").write_text(
        f'#!/bin/sh\nexec "{sys.executable}" "{ROOT}/tests/conda_stand_in.py" "{base}" "$@"\n'
    )
    (base / "bin/conda").chmod(0o755)
    (base / "bin/activate").write_text('export PATH="$1/bin:$PATH"\n')
    # Snakemake's post-deploy script fails with a space in the path
    project = Project(tmp_path / "project")
    subprocess.run(["git", "clone", "--quiet", checkout, project.folder], check=True)
    (project.folder / "envs/segsweep.post-deploy.sh").write_text(
        "folder=\"$(python -c 'import sys; print(sys.prefix)')/share\"\n"
        f'mkdir -p "$folder" && cp -r "{sys.prefix}/share/segsweep" "$folder"\n'
    )
    path = f"{base / 'bin'}{os.pathsep}{environment()['PATH']}"
    made = "results/trials/000/metrics.json"
    project.snakemake("--sdm", "conda", "--", made, env={"PATH": path})

    asked = yaml.safe_load((base / "asked.yaml").read_text())
    assert asked == yaml.safe_load((ROOT / "envs/segsweep.yaml").read_text())
    ran = (base / "ran").read_text()
    for script in ("run_job", "sample", "preprocess", "sweep", "suggest", "trial", "train"):
        assert f"workflow/scripts/{script}.py" in ran
    before = project.read(made)
    assert "Nothing to be done" in project.snakemake("--dry-run", "--", made)
    assert project.read(made) == before
