"""Say which batches fit in memory, how fast they go here, and how long the study takes.

Without --memory the device of this machine is asked: each batch that fits is tried with real steps
and a real validation pass, in a process of its own. With --memory a card of so many GB is imagined,
whose convolutions are in bfloat16; nothing is measured then.

Example:
  python workflow/scripts/hardware.py --memory 48 --study studies/rtx6000ada.yaml
"""

import math
import sys
from pathlib import Path

from segsweep.config.search_space import extremes, to_wandb
from segsweep.config.study import Study
from segsweep.core.errors import command_line, parser
from segsweep.data.dataset import ProcessedSet
from segsweep.pipeline.environment import Device, select
from segsweep.training.dataloader import resident_images
from segsweep.training.hardware_report import remarks, rows, table
from segsweep.training.resource_estimate import reach


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--memory",
        type=float,
        metavar="GB",
        help="of an imagined card (default: this machine's device)",
    )
    arguments.add_argument(
        "--study",
        default="params.yaml",
        metavar="FILE",
        help="the study whose batches are tried (default: %(default)s)",
    )
    arguments.add_argument(
        "--data",
        default="data/processed",
        metavar="DATA",
        type=Path,
        help="the folder that preprocess wrote, if it is made (default: %(default)s)",
    )
    given = arguments.parse_args()
    if given.memory is not None and not 0 < given.memory < math.inf:
        arguments.error(f"--memory: found {given.memory}, expected GB above 0")
    study = Study.read(given.study)
    config, train, validation = study.training_config(), 0, 0
    if (given.data / "manifest.csv").exists():
        splits = ProcessedSet.open(given.data).splits
        train, validation = splits.count("train"), splits.count("validation")
    space = {name: to_wandb(parameter) for name, parameter in study.sweep.parameters.items()}
    config = reach(config, space, train or sys.maxsize)[1]
    searched = study.sweep.parameters.get("batch_size")
    batches = sorted(
        {int(size) for size in extremes(searched)} if searched else {config.batch_size}
    )
    measured = given.memory is None
    if measured:
        device = select(config.device)
    else:
        device = Device("cuda", "An imagined card", "bfloat16", int(given.memory * 1e9))
    found = []
    height, width, _ = config.input_shape
    resident = resident_images((train, validation), height, width, device.memory)
    for row in rows(config, batches, device, resident, measured):
        print(f"batch {row.batch_size} looked at", flush=True)
        found.append(row)
    if measured and not train:
        print(f"{given.data} is not made yet, so hours are not told")
    print(f"\n{table(found, config, study.trial_count, train, validation)}\n")
    print("\n".join(remarks(found, config, device, resident, measured)))


if __name__ == "__main__":
    command_line(main)
