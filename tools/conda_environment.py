"""Write the conda environment with the versions of requirements.lock.

Example: python tools/conda_environment.py requirements.lock envs/segsweep.yaml

The versions are listed in the file itself, because `snakemake --sdm conda` copies the file to
another folder before conda reads it, and makes a new environment only when the file changes.
"""

import argparse
from pathlib import Path

HEAD = """\
# The versions of requirements.lock for `snakemake --sdm conda`, written by `make envs`.
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
