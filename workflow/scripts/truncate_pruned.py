"""Cut a restored training at the epoch at which its trial is pruned.

The cache holds whole trainings. A trial that fails one of its thresholds (pruning.json) keeps the
result of the epochs up to that threshold.

Example:
  python workflow/scripts/truncate_pruned.py results/trials/007 results/trials/007/pruning.json
"""

from pathlib import Path

from segsweep.core.errors import command_line, parser
from segsweep.training.pruning import PruningThresholds, truncate


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("trial", type=Path, metavar="TRIAL", help="the trial's folder")
    arguments.add_argument("thresholds", type=Path, metavar="FILE", help="its pruning.json")
    options = arguments.parse_args()
    truncate(options.trial, PruningThresholds.read(options.thresholds))


if __name__ == "__main__":
    command_line(main)
