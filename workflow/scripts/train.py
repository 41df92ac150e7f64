"""Train one U-Net and write its metrics, history, per-image Dice and weights to a folder.

CONFIG is a config.yaml of a trial, or a whole study, whose top-level hyperparameters are then
trained: batch_size (images per step), learning_rate, dropout (0 to 1), l2_reg (factor of
the sum of squared kernels), epochs (passes over the training split).

With --wandb-project a W&B run is written to OUT/wandb, and with --wandb-online streamed as well, to
the server that WANDB_BASE_URL or W&B's default names. With --agent the script is run by
`wandb agent` on a sweep from results/sweep/sweep.yaml: the searched hyperparameters come from the
W&B run, and its results go to OUT/RUN_ID.

Example:
  python workflow/scripts/train.py params.yaml data/processed /tmp/run
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from segsweep.core.processes import die_with_parent, keep_freed_memory

if "--key" in sys.argv:  # a job of the pipeline; said before the imports that take seconds
    die_with_parent(signal.SIGTERM)

from segsweep.config.study import Study
from segsweep.config.training_config import TrainingConfig
from segsweep.config.validation import check_training
from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_yaml
from segsweep.data.dataset import ProcessedSet
from segsweep.training.columns import WEIGHTS
from segsweep.training.dvc_live import Live
from segsweep.training.fit import Outcome
from segsweep.training.pruning import NO_PRUNING, PruningThresholds, is_final
from segsweep.training.resource_estimate import announce, check_memory, reach
from segsweep.training.run import on_its_own_card, train
from segsweep.wandb_backend.agent import sweep_id
from segsweep.wandb_backend.settings import Destination


def main() -> None:
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    keep_freed_memory()
    data = ProcessedSet.open(given.data)
    run = None
    if given.wandb_project or given.agent:
        from segsweep.wandb_backend.logger import Run

        values = read_yaml(given.config)
        to, job = _destination(given), given.wandb_job
        group = sweep_id(read_yaml(given.sweep)) if given.sweep else None
        run_id = "-".join(filter(None, (group, job, given.key[:12])))
        run = Run(to, {} if given.agent else values, given.out, run_id, group, job)
        if given.agent:
            given.out = given.out / run.id
            values |= run.parameters
        config = _configuration(values, given.config)
    else:
        config = _configuration(read_yaml(given.config), given.config)
    images = data.splits.count("train")
    if config.batch_size > images:
        print(
            f"{given.label}: batch_size {config.batch_size} is more than the {images} training "
            "images, so each step takes them all",
            flush=True,
        )
    progress = Progress(given.label, config)
    live = Live(given.out, given.key) if given.live else None

    def on_epoch(row: dict[str, float]) -> None:
        if run:
            run.log_epoch(row)
        if live:
            live.show(row)
        progress.show(row)

    def before_metrics(outcome: Outcome) -> None:
        if run:
            weights = given.out / WEIGHTS if given.wandb_model else None
            run.finish(outcome, data, given.images, Path(given.data), weights)
        if given.final_marker and is_final(outcome.metrics["status"]):
            given.final_marker.touch()

    bars = PruningThresholds.read(given.pruning) if given.pruning else NO_PRUNING
    with on_its_own_card(config):
        if given.announce:
            searched = read_yaml(given.sweep)["parameters"] if given.sweep else {}
            least, most = reach(config, searched, images)
            check_memory(least, most, images, data.splits.count("validation"))
            announce(config, data, given.announce)
        outcome = train(
            config,
            data,
            given.out,
            given.key,
            given.checkpoints,
            on_epoch,
            before_metrics,
            bars,
        )
    progress.end(outcome)


class Progress:
    """One line an epoch: Dice so far and the time left."""

    def __init__(self, label: str, config: TrainingConfig) -> None:
        self.label, self.epochs = label, config.epochs
        self.last, self.best = time.monotonic(), 0.0

    def show(self, row: dict[str, float]) -> None:
        now = time.monotonic()
        seconds, self.last = now - self.last, now  # of this epoch alone: some may be restored
        dice = row["val_dice_coefficient"]
        self.best = max(self.best, dice)
        left = seconds * (self.epochs - row["epoch"])
        print(
            f"{self.label}: epoch {row['epoch']:.0f}/{self.epochs}, validation Dice {dice:.3f} "
            f"(best {self.best:.3f}), {left:.0f} s left",
            flush=True,
        )

    def end(self, outcome: Outcome) -> None:
        metrics = outcome.metrics
        if metrics["status"] == "finished":
            said = f"best validation Dice {metrics['val_dice_coefficient']:.4f}"
            said += f" in epoch {metrics['best_epoch']}"
        else:
            said = f"{metrics['status']}: {metrics['reason']}"
        print(f"{self.label}: {said}", flush=True)


def _destination(given: argparse.Namespace) -> Destination | None:
    """Where the W&B run goes; the user's own agent says so itself."""
    if given.agent:
        return None
    return Destination(given.wandb_project, given.wandb_entity, given.wandb_online)


def _configuration(values: dict[str, object], source: str) -> TrainingConfig:
    """The configuration in a config.yaml, or that of a study's single run."""
    if isinstance(values, dict) and "base_channels" in values:
        config = TrainingConfig.from_dict(values, source)
        check_training(config.to_dict(), source)
        return config
    return Study.parse(values, source).training_config()


def _arguments() -> argparse.Namespace:
    arguments = parser(__doc__)
    arguments.add_argument("config", metavar="CONFIG", help="a config.yaml, or a study")
    arguments.add_argument("data", metavar="DATA", help="the folder that preprocess wrote")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    arguments.add_argument(
        "--checkpoints",
        type=Path,
        metavar="DIR",
        help="save the state of each epoch there, and resume (default: neither)",
    )
    arguments.add_argument(
        "--key",
        default="by-hand",
        help="what names this training; stands in metrics.json (default: %(default)s)",
    )
    arguments.add_argument(
        "--pruning",
        metavar="FILE",
        help="thresholds at which the trial is pruned (its pruning.json; default: none)",
    )
    arguments.add_argument(
        "--final-marker",
        type=Path,
        metavar="FILE",
        help="file to create if the result is final: the trial was not pruned and fitted in memory",
    )
    arguments.add_argument(
        "--live", action="store_true", help="show metrics and history after each epoch, for DVC"
    )
    arguments.add_argument(
        "--wandb-project", metavar="NAME", help="write a W&B run of this project (default: none)"
    )
    arguments.add_argument(
        "--wandb-entity", metavar="NAME", help="the user or team in W&B (default: your own)"
    )
    arguments.add_argument("--wandb-online", action="store_true", help="stream the W&B run")
    arguments.add_argument("--wandb-model", action="store_true", help="and its weights, at the end")
    arguments.add_argument(
        "--wandb-job",
        default="train",
        metavar="NAME",
        help="what kind of run it is called in W&B (default: %(default)s)",
    )
    arguments.add_argument("--agent", action="store_true", help="run by `wandb agent`")
    arguments.add_argument(
        "--images",
        type=int,
        default=8,
        metavar="N",
        help="predictions shown in the W&B run (default: %(default)s)",
    )
    arguments.add_argument(
        "--label", default="train", help="what progress lines begin with (default: %(default)s)"
    )
    arguments.add_argument(
        "--announce", type=int, metavar="N", help="first say how long N such trials will take"
    )
    arguments.add_argument(
        "--sweep",
        metavar="FILE",
        help="the W&B sweep that the run belongs to, all of whose space --announce tries in memory",
    )
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.agent and "WANDB_SWEEP_ID" not in os.environ:
        arguments.error("--agent is for runs that `wandb agent` starts")
    return given


if __name__ == "__main__":
    command_line(main)
