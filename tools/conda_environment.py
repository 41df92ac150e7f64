"""Write the conda environment that holds the pins of requirements.lock.

Example: python tools/conda_environment.py requirements.lock envs/segsweep.yaml

The pins are listed in the file itself: `snakemake --sdm conda` copies the file away before conda
reads it, so a path to the lock would lead nowhere, and a new lock would not make a new environment.
"""

import argparse
from pathlib import Path

HEAD = """\
# The pins of requirements.lock for conda, written by `make envs`: snakemake --sdm conda
name: segsweep
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lock", type=Path, help="requirements.lock")
    parser.add_argument("environment", type=Path, help="the file to write")
    arguments = parser.parse_args()
    lines = arguments.lock.read_text(encoding="utf-8").splitlines()
    pins = [f"      - {line}\n" for line in lines if line and not line.startswith("#")]
    arguments.environment.write_text(HEAD + "".join(pins), encoding="utf-8")


if __name__ == "__main__":
    main()
