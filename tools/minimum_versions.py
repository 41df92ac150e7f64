"""Print requirements that hold every dependency at the lower bound that pyproject.toml names.

Example: python tools/minimum_versions.py pyproject.toml > requirements.txt

The packages of the group `dev` follow without versions; what is not named there is pip's choice.
"""

import argparse
import re
import tomllib
from pathlib import Path

BOUNDED = re.compile(r"(?P<name>[\w.-]+)(?:>=|==)(?P<version>[\w.]+)")
"""A package with one lower bound, or one exact version: the only forms in use here."""


def lowest(requirement: str) -> str:
    """`numpy>=2.0` as `numpy==2.0`; ends the program where there is no lower bound."""
    found = BOUNDED.fullmatch(requirement)
    if not found:
        raise SystemExit(
            f"error: pyproject.toml: '{requirement}' has no plain lower bound, "
            "expected the form name>=version"
        )
    return f"{found['name']}=={found['version']}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pyproject", type=Path, help="the project's pyproject.toml")
    told = tomllib.loads(parser.parse_args().pyproject.read_text(encoding="utf-8"))
    lines = [lowest(each) for each in told["project"]["dependencies"]]
    print("\n".join(lines + told["dependency-groups"]["dev"]))


if __name__ == "__main__":
    main()
