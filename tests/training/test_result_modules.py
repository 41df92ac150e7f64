"""The lists of modules that make a training stale, or not, when they change."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from project import ROOT
from segsweep.pipeline.fingerprint import imported_modules
from segsweep.training import OTHER_MODULES, RESULT_MODULES

SOURCES = "src/segsweep/"


def test_the_lists_are_all_modules_that_a_training_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    imported = imported_modules(f"{SOURCES}training/fit.py")
    listed = sorted(f"{SOURCES}{module}" for module in (*RESULT_MODULES, *OTHER_MODULES))
    assert listed == imported


def test_importing_the_lists_is_fast() -> None:
    """The Snakefile imports them each time it is read."""
    code = "import sys, segsweep.training; print('torch' in sys.modules, 'numpy' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(Path(ROOT, "src"))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]
