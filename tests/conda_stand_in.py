"""A stand-in for `conda` that downloads nothing: its environments have this Python's packages.

It answers what Snakemake asks, keeps the file that it was to make an environment from
(BASE/asked.yaml), and has the environment's Python note what it runs (BASE/ran).

Usage: python conda_stand_in.py BASE CONDA-ARGUMENTS...
"""

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path


def main() -> None:
    base, *told = sys.argv[1:]
    if told[0] == "info":
        print(json.dumps({"conda_prefix": base, "platform": "linux-64"}))
    elif told[0] == "--version":
        print("conda 25.1.0")
    elif told[0] == "config":
        print(json.dumps({"get": {"channel_priority": "strict"}}))
    elif told[:2] == ["env", "create"]:
        shutil.copy(told[told.index("--file") + 1], Path(base) / "asked.yaml")
        prefix = Path(told[told.index("--prefix") + 1])
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
        (packages,) = prefix.glob("lib/python3*/site-packages")
        note = f"import sys; open('{base}/ran', 'a').write(' '.join(sys.orig_argv) + chr(10))"
        (packages / "linked.pth").write_text(f"{sysconfig.get_path('purelib')}\n{note}\n")
    elif told[0] != "clean":
        sys.exit(f"error: conda {' '.join(told)}: the stand-in does not know this")


if __name__ == "__main__":
    main()
