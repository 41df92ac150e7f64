"""Train one trial of a sweep through the real `wandb agent`.

The agent (`--count 1`) asks a sweep backend in this process, on a free loopback port and with a
key of its own, and starts train.py with what it is handed. A trial that misses one of the
bars in OUT/pruning.json is stopped there. OUT gets metrics.json, history.csv
(one row an epoch), images.csv, the model (model.safetensors, model.json) and the log of the W&B
run in OUT/wandb. With --wandb-online the run is also streamed to the server that WANDB_BASE_URL or
W&B's default names, under the user's own key.

With --trials the leaderboard and the report of the trials before this one are written beside the
training.

Example:
  python workflow/scripts/trial.py results/sweep/sweep.yaml data/processed results/trials/007
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_json, read_yaml
from segsweep.core.processes import dying_with_me
from segsweep.search.sweep_files import PROGRAM
from segsweep.wandb_backend.agent import run_trial
from segsweep.wandb_backend.settings import Destination, beside


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("sweep", metavar="SWEEP", help="the W&B sweep configuration")
    arguments.add_argument("data", metavar="DATA", help="the folder that preprocess wrote")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the trial's folder")
    arguments.add_argument(
        "--trials", type=int, metavar="N", help="trials in the sweep (default: no live report)"
    )
    arguments.add_argument(
        "--images", default="8", metavar="N", help="predictions shown in W&B (default: %(default)s)"
    )
    arguments.add_argument(
        "--wandb-entity", metavar="NAME", help="the user or team in W&B (default: your own)"
    )
    arguments.add_argument("--wandb-online", action="store_true", help="stream the W&B run")
    arguments.add_argument("--wandb-model", action="store_true", help="and its weights, at the end")
    arguments.add_argument(
        "--key", default="by-hand", help="names the W&B run within its sweep (default: %(default)s)"
    )
    arguments.add_argument(
        "--checkpoints", metavar="DIR", help="keep the state of each epoch here (default: nowhere)"
    )
    arguments.add_argument(
        "--final-marker", metavar="FILE", help="file to create if the result is final"
    )
    given = arguments.parse_args()
    sweep = read_yaml(given.sweep)
    parameters = read_json(given.out / "suggestion.json")["parameters"]
    command = [PROGRAM, str(given.out / "config.yaml"), given.data, str(given.out)]
    to = Destination(sweep["project"], given.wandb_entity, given.wandb_online)
    command += [*to.options(), "--wandb-job", "trial", "--sweep", given.sweep]
    command += ["--wandb-model"] * given.wandb_model + ["--images", given.images]
    index = int(given.out.name)
    label = f"trial {given.out.name}" + (
        f" ({index + 1} of {given.trials})" if given.trials else ""
    )
    command += ["--key", given.key, "--label", label]
    if (thresholds := given.out / "pruning.json").exists():
        command += ["--pruning", str(thresholds)]
    if given.final_marker:
        command += ["--final-marker", given.final_marker]
    if given.checkpoints:
        command += ["--checkpoints", given.checkpoints]
    if given.trials and index == 0:
        command += ["--announce", str(given.trials)]
    settings = _settings(to, sweep)
    with _sweep_so_far(given.out.parent.parent, index, given.trials):
        run_trial(sweep, parameters, command, given.out, given.key, settings)


def _settings(to: Destination, sweep: dict[str, Any]) -> dict[str, str]:
    """What the run is told of the user's W&B, if it goes there."""
    if not to.online:
        return {}
    from segsweep.wandb_backend.api import sweep_for_trial  # imports wandb, which takes a second

    users = dict(os.environ)  # before W&B's client adds what is its own
    return beside(users, to, sweep_for_trial(to, sweep))


@contextmanager
def _sweep_so_far(results: Path, index: int, trials: int | None) -> Iterator[None]:
    """Tell of the trials before this one meanwhile, in processes of their own."""
    if trials is None or index == 0:
        yield
        return
    inputs = [results / name for name in ("sweep/search.yaml", "baselines.csv", "trials")]
    writing = [
        _script("report.py", results, "--live", "--of", trials, "--until", index),
        _script("aggregate.py", *inputs, results, "--live", "--count", index),
    ]
    yield
    for process in writing:
        process.wait()


def _script(name: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name(name)), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=dying_with_me(),
    )


if __name__ == "__main__":
    command_line(main)
