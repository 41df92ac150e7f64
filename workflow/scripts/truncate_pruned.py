"""Cut a restored training at the epoch at which its trial is pruned.

The cache holds whole trainings. A trial whose thresholds (pruning.json) stop it earlier has the
result of its first epochs alone.

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
    given = arguments.parse_args()
    truncate(given.trial, PruningThresholds.read(given.thresholds))


if __name__ == "__main__":
    command_line(main)
