"""Train one trial of a sweep through the real `wandb agent`.

The agent (`--count 1`) gets the parameters in OUT/suggestion.json from a sweep server in this
process, on a free loopback port and with a key of its own, and starts train.py with them. A trial
that fails a threshold in OUT/pruning.json is pruned there. OUT gets metrics.json, history.csv (one
row per epoch), images.csv, the model (model.safetensors, model.json) and the log of the W&B run in
OUT/wandb. With --wandb-online the run is also streamed to the server in WANDB_BASE_URL, or W&B's
default one, under the user's own key.

With --trials the leaderboard and the report of the trials before this one are written during the
training.

Example:
  python workflow/scripts/trial.py results/sweep/sweep.yaml data/processed results/trials/007
"""

import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segsweep.core.errors import command_line, parser
from segsweep.core.files import is_there, read_json, read_yaml
from segsweep.core.processes import dying_with_me
from segsweep.search.sweep_files import PROGRAM
from segsweep.wandb_backend.agent import run_trial
from segsweep.wandb_backend.settings import RunTarget, forward_variables


def main() -> None:
    options = _arguments()
    sweep = read_yaml(options.sweep)
    parameters = read_json(options.out / "suggestion.json")["parameters"]
    target = RunTarget(sweep["project"], options.wandb_entity, options.wandb_online)
    index = int(options.out.name)
    with _live_report(options.out.parent.parent, index, options.trials):
        run_trial(
            sweep,
            parameters,
            _training_command(options, target, index),
            options.out,
            options.key,
            _wandb_variables(target, sweep),
        )


def _training_command(options: Namespace, target: RunTarget, index: int) -> list[str]:
    """Return the command of the training, without the interpreter."""
    label = f"trial {options.out.name}"
    if options.trials:
        label += f" ({index + 1} of {options.trials})"
    command = [PROGRAM, str(options.out / "config.yaml"), options.data, str(options.out)]
    command += [*target.train_options(), "--wandb-job", "trial", "--sweep", options.sweep]
    command += ["--images", options.images, "--key", options.key, "--label", label]
    if options.wandb_model:
        command += ["--wandb-model"]
    if is_there(thresholds := options.out / "pruning.json"):
        command += ["--pruning", str(thresholds)]
    if options.final_marker:
        command += ["--final-marker", options.final_marker]
    if options.checkpoints:
        command += ["--checkpoints", options.checkpoints]
    if options.trials and index == 0:
        command += ["--announce", str(options.trials)]
    return command


def _wandb_variables(target: RunTarget, sweep: dict[str, Any]) -> dict[str, str]:
    """Return the variables that carry the user's W&B settings to an online run."""
    if not target.online:
        return {}
    from segsweep.wandb_backend.api import server_sweep_id  # imports wandb, which takes a second

    users = dict(os.environ)  # before the wandb client adds its own variables
    return forward_variables(users, target, server_sweep_id(target, sweep))


@contextmanager
def _live_report(results: Path, index: int, trials: int | None) -> Iterator[None]:
    """Write leaderboard and report of the trials before `index` in processes of their own."""
    if trials is None or index == 0:
        yield
        return
    inputs = [results / name for name in ("sweep/search.yaml", "baselines.csv", "trials")]
    processes = [
        _start("report.py", results, "--live", "--of", trials, "--until", index),
        _start("aggregate.py", *inputs, results, "--live", "--count", index),
    ]
    yield
    for process in processes:
        process.wait()


def _start(script: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name(script)), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=dying_with_me(),
    )


def _arguments() -> Namespace:
    arguments = parser(__doc__)
    arguments.add_argument("sweep", metavar="SWEEP", help="the W&B sweep configuration")
    arguments.add_argument("data", metavar="DATA", help="the folder that preprocess.py wrote")
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
    arguments.add_argument(
        "--wandb-model", action="store_true", help="also upload the weights at the end"
    )
    arguments.add_argument(
        "--key",
        default="by-hand",
        help="names the W&B run in its sweep (default: %(default)s)",
    )
    arguments.add_argument(
        "--checkpoints",
        metavar="DIR",
        help="save the state of each epoch there, and resume from it (default: neither)",
    )
    arguments.add_argument(
        "--final-marker", metavar="FILE", help="file to create if the result is final"
    )
    return arguments.parse_args()


if __name__ == "__main__":
    command_line(main)
