"""Say how much main memory, in MB, a job needs that does any training of a study.

Images and masks of the training and validation splits count with it, where a training reads them
whole.

Example:
  python workflow/scripts/main_memory.py params.yaml data/processed
"""

import math

from segsweep.config.study import Study
from segsweep.core.errors import command_line, parser
from segsweep.data.dataset import ProcessedSet
from segsweep.training.host_memory import main_memory


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("study", metavar="STUDY", help="a study")
    arguments.add_argument("data", metavar="DATA", help="the folder that preprocess wrote")
    given = arguments.parse_args()
    splits = ProcessedSet.open(given.data).splits
    needed = main_memory(Study.read(given.study), splits.count("train"), splits.count("validation"))
    print(math.ceil(needed / 1e6))


if __name__ == "__main__":
    command_line(main)
