"""A substitute for `conda` that downloads nothing: its environments use this Python's packages.

It answers Snakemake's calls, copies the file of the environment to BASE/asked.yaml, and makes the
environment's Python write its command lines to BASE/ran.

Usage: python conda_stand_in.py BASE CONDA-ARGUMENTS...
"""

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path


def main() -> None:
    base, *arguments = sys.argv[1:]
    if arguments[0] == "info":
        print(json.dumps({"conda_prefix": base, "platform": "linux-64"}))
    elif arguments[0] == "--version":
        print("conda 25.1.0")
    elif arguments[0] == "config":
        print(json.dumps({"get": {"channel_priority": "strict"}}))
    elif arguments[:2] == ["env", "create"]:
        shutil.copy(arguments[arguments.index("--file") + 1], Path(base) / "asked.yaml")
        prefix = Path(arguments[arguments.index("--prefix") + 1])
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
        (packages,) = prefix.glob("lib/python3*/site-packages")
        note = f"import sys; open('{base}/ran', 'a').write(' '.join(sys.orig_argv) + chr(10))"
        (packages / "linked.pth").write_text(f"{sysconfig.get_path('purelib')}\n{note}\n")
    elif arguments[0] != "clean":
        sys.exit(f"error: conda {' '.join(arguments)}: not supported by this substitute")


if __name__ == "__main__":
    main()
