"""Train one trial of a sweep through the real `wandb agent`, offline.

The agent (`--count 1`) asks a sweep backend in this process, on a free loopback port and with a
key of its own, and starts train.py with what it is handed. A trial that misses one of the
bars in OUT/bars.json is stopped there. OUT gets metrics.json, history.csv
(one row an epoch), images.csv, the model (model.safetensors, model.json) and the offline W&B run in
OUT/wandb.

With --trials the report of the trials before this one is written beside the training.

Example:
  python workflow/scripts/trial.py results/sweep/sweep.yaml data/processed results/trials/007
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segsweep.errors import command_line, parser
from segsweep.files import read_json, read_yaml
from segsweep.processes import dying_with_me
from segsweep.sweep.agent import run_trial
from segsweep.sweep.plan import PROGRAM


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("sweep", metavar="SWEEP", help="the W&B sweep configuration")
    arguments.add_argument("data", metavar="DATA", help="the folder that preprocess wrote")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the trial's folder")
    arguments.add_argument("--trials", type=int, metavar="N", help="trials in the sweep")
    arguments.add_argument("--images", default="8", metavar="N", help="predictions shown in W&B")
    arguments.add_argument("--key", default="by-hand", help="names the W&B run within its sweep")
    arguments.add_argument("--checkpoints", metavar="DIR", help="keep the state of each epoch here")
    given = arguments.parse_args()
    sweep = read_yaml(given.sweep)
    parameters = read_json(given.out / "suggestion.json")["parameters"]
    command = [PROGRAM, str(given.out / "config.yaml"), given.data, str(given.out)]
    command += ["--wandb-project", sweep["project"], "--images", given.images]
    index = int(given.out.name)
    label = f"trial {given.out.name}" + (
        f" ({index + 1} of {given.trials})" if given.trials else ""
    )
    command += ["--key", given.key, "--label", label]
    if (bars := given.out / "bars.json").exists():
        command += ["--bars", str(bars)]
    if given.checkpoints:
        command += ["--checkpoints", given.checkpoints]
    if given.trials and index == 0:
        command += ["--announce", str(given.trials), "--sweep", given.sweep]
    with _report_so_far(given.out.parent.parent, index, given.trials):
        run_trial(sweep, parameters, command, given.out, given.key)


@contextmanager
def _report_so_far(results: Path, index: int, trials: int | None) -> Iterator[None]:
    """Write the report of the trials before this one meanwhile, in a process of its own."""
    if trials is None or index == 0:
        yield
        return
    script = str(Path(__file__).with_name("report.py"))
    writing = subprocess.Popen(
        [
            *(sys.executable, script, str(results), "--live"),
            *("--of", str(trials), "--until", str(index)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=dying_with_me(),
    )
    yield
    writing.wait()


if __name__ == "__main__":
    command_line(main)
