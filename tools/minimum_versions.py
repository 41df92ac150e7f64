"""Print requirements that hold every dependency at the lower bound that pyproject.toml names.

Example: python tools/minimum_versions.py pyproject.toml > requirements.txt

The packages of the group `dev` follow without versions. pip chooses all other versions.
"""

import argparse
import re
import tomllib
from pathlib import Path

BOUNDED = re.compile(r"(?P<name>[\w.-]+)(?:>=|==)(?P<version>[\w.]+)")
"""A package with one lower bound, or one exact version: the only forms in use here."""


def lowest(requirement: str) -> str:
    """Return `numpy==2.0` for `numpy>=2.0`; exit with an error where there is no lower bound."""
    match = BOUNDED.fullmatch(requirement)
    if not match:
        raise SystemExit(
            f"error: pyproject.toml: '{requirement}' has no plain lower bound, "
            "expected the form name>=version"
        )
    return f"{match['name']}=={match['version']}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pyproject", type=Path, help="the project's pyproject.toml")
    project = tomllib.loads(parser.parse_args().pyproject.read_text(encoding="utf-8"))
    lines = [lowest(each) for each in project["project"]["dependencies"]]
    print("\n".join(lines + project["dependency-groups"]["dev"]))


if __name__ == "__main__":
    main()
