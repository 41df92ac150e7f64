"""Train one U-Net and write its metrics, history, per-image Dice and weights to a folder.

CONFIG is a trial's config.yaml, or a study, whose top-level hyperparameters are then trained:
batch_size (images per step), learning_rate, dropout (0 to 1), l2_reg (factor of the sum of squared
kernels), epochs (passes over the training split).

With --wandb-project a W&B run is written to OUT/wandb; with --wandb-online it is also streamed to
WANDB_BASE_URL or W&B's default server. With --agent, `wandb agent` runs the script on a sweep from
results/sweep/sweep.yaml: the searched hyperparameters come from the W&B run, and the results go to
OUT/RUN_ID.

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

if "--key" in sys.argv:  # a job of the pipeline; before the imports, which take seconds
    die_with_parent(signal.SIGTERM)
# By default a thread that waits for another keeps its core busy. With other work on both cores, an
# epoch of two threads took 40 to 63 s, and 10 to 12 s with PASSIVE; same bits.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch loads OpenMP

from segsweep.config.study import Study
from segsweep.config.training_config import TrainingConfig
from segsweep.config.validation import check_training
from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_yaml
from segsweep.data.dataset import ProcessedSet
from segsweep.training.columns import WEIGHTS
from segsweep.training.device import reserve_gpu
from segsweep.training.dvc_live import LiveResults
from segsweep.training.fit import Outcome, train
from segsweep.training.pruning import NO_PRUNING, PruningThresholds, is_final
from segsweep.training.resource_estimate import check_memory, memory_extremes, print_estimate
from segsweep.wandb_backend.agent import sweep_id
from segsweep.wandb_backend.settings import RunTarget, check_agent_parameters


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    keep_freed_memory()
    data = ProcessedSet.open(options.data)
    values = read_yaml(options.config)
    logger = None
    if options.wandb_project or options.agent:
        from segsweep.wandb_backend.logger import WandbLogger

        if not options.agent:
            check_agent_parameters(values, options.config)
        group = sweep_id(read_yaml(options.sweep)) if options.sweep else None
        job_type = options.wandb_job
        run_id = "-".join(filter(None, (group, job_type, options.key[:12])))
        run_config = {} if options.agent else values
        target = _wandb_target(options)
        logger = WandbLogger(target, run_config, options.out, run_id, group, job_type)
        if options.agent:
            options.out = options.out / logger.id
            values |= logger.config
    config = _configuration(values, options.config)
    images = data.splits.count("train")
    if config.batch_size > images:
        print(
            f"{options.label}: batch_size {config.batch_size} is larger than the training split; "
            f"each step uses all {images} images",
            flush=True,
        )
    progress = Progress(options.label, config)
    live = LiveResults(options.out, options.key) if options.live else None

    def on_epoch(row: dict[str, float]) -> None:
        if logger:
            logger.log_epoch(row)
        if live:
            live.add_epoch(row)
        progress.print_epoch(row)

    def before_metrics(outcome: Outcome) -> None:
        if logger:
            weights = options.out / WEIGHTS if options.wandb_model else None
            logger.finish(outcome, data, options.images, Path(options.data), weights)
        if options.final_marker and is_final(outcome.metrics["status"]):
            options.final_marker.touch()

    thresholds = PruningThresholds.read(options.pruning) if options.pruning else NO_PRUNING
    with reserve_gpu(config):
        if options.announce:
            searched = read_yaml(options.sweep)["parameters"] if options.sweep else {}
            least, most = memory_extremes(config, searched, images)
            check_memory(least, most, images, data.splits.count("validation"))
            print_estimate(config, data, options.announce)
        outcome = train(
            config,
            data,
            options.out,
            options.key,
            options.checkpoints,
            on_epoch,
            before_metrics,
            thresholds,
        )
    progress.print_result(outcome)


class Progress:
    """Prints a line per epoch with the validation Dice and the remaining time."""

    def __init__(self, label: str, config: TrainingConfig) -> None:
        self.label, self.epochs = label, config.epochs
        self.last_time, self.best = time.monotonic(), 0.0

    def print_epoch(self, row: dict[str, float]) -> None:
        now = time.monotonic()
        seconds, self.last_time = now - self.last_time, now  # of this epoch; others may be restored
        dice = row["val_dice_coefficient"]
        self.best = max(self.best, dice)
        remaining = seconds * (self.epochs - row["epoch"])
        print(
            f"{self.label}: epoch {row['epoch']:.0f}/{self.epochs}, validation Dice {dice:.3f} "
            f"(best {self.best:.3f}), {remaining:.0f} s left",
            flush=True,
        )

    def print_result(self, outcome: Outcome) -> None:
        metrics = outcome.metrics
        if metrics["status"] == "finished":
            result = f"best validation Dice {metrics['val_dice_coefficient']:.4f}"
            result += f" in epoch {metrics['best_epoch']}"
        else:
            result = f"{metrics['status']}: {metrics['reason']}"
        print(f"{self.label}: {result}", flush=True)


def _wandb_target(options: argparse.Namespace) -> RunTarget | None:
    """Return where the W&B run goes; None under the user's own agent, which decides it."""
    if options.agent:
        return None
    return RunTarget(options.wandb_project, options.wandb_entity, options.wandb_online)


def _configuration(values: dict[str, object], source: str) -> TrainingConfig:
    """Return the configuration in a config.yaml, or that of a study's single run."""
    if isinstance(values, dict) and "base_channels" in values:
        config = TrainingConfig.from_dict(values, source)
        check_training(config.to_dict(), source)
        return config
    return Study.parse(values, source).training_config()


def _options() -> argparse.Namespace:
    arguments = parser(__doc__)
    arguments.add_argument("config", metavar="CONFIG", help="a trial's config.yaml, or a study")
    arguments.add_argument("data", metavar="DATA", help="folder of processed images")
    arguments.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    arguments.add_argument(
        "--checkpoints",
        type=Path,
        metavar="DIR",
        help="save the state after each epoch there, and resume from it (default: neither)",
    )
    arguments.add_argument(
        "--key",
        default="by-hand",
        help="key of the training, written to metrics.json (default: %(default)s)",
    )
    arguments.add_argument(
        "--pruning",
        metavar="FILE",
        help="pruning thresholds, a trial's pruning.json (default: no pruning)",
    )
    arguments.add_argument(
        "--final-marker",
        type=Path,
        metavar="FILE",
        help="file to create if the result is final: the trial was not pruned and fitted in memory",
    )
    arguments.add_argument(
        "--live", action="store_true", help="write metrics and history after each epoch, for DVC"
    )
    arguments.add_argument(
        "--wandb-project", metavar="NAME", help="write a W&B run in this project (default: none)"
    )
    arguments.add_argument(
        "--wandb-entity", metavar="NAME", help="the user or team in W&B (default: your own)"
    )
    arguments.add_argument("--wandb-online", action="store_true", help="stream the W&B run")
    arguments.add_argument(
        "--wandb-model", action="store_true", help="upload the weights at the end"
    )
    arguments.add_argument(
        "--wandb-job",
        default="train",
        metavar="NAME",
        help="job type of the W&B run (default: %(default)s)",
    )
    arguments.add_argument(
        "--agent", action="store_true", help="the script is run by `wandb agent`"
    )
    arguments.add_argument(
        "--images",
        type=int,
        default=8,
        metavar="N",
        help="predictions in the W&B run (default: %(default)s)",
    )
    arguments.add_argument(
        "--label", default="train", help="beginning of each printed line (default: %(default)s)"
    )
    arguments.add_argument(
        "--announce", type=int, metavar="N", help="print the estimated time of N such trials first"
    )
    arguments.add_argument(
        "--sweep",
        metavar="FILE",
        help="the W&B sweep of the run; --announce checks the memory of its whole search space",
    )
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.agent and "WANDB_SWEEP_ID" not in os.environ:
        arguments.error("--agent is only for runs that `wandb agent` starts")
    return options


if __name__ == "__main__":
    command_line(main)
