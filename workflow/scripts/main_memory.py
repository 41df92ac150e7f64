"""Print the main memory, in MB, that a job needs for any training of a study.

It includes the images and masks of the training and validation splits.

Example:
  python workflow/scripts/main_memory.py params.yaml data/processed
"""

import math

from segsweep.config.study import Study
from segsweep.core.errors import command_line, parser
from segsweep.data.dataset import ProcessedSet
from segsweep.training.resource_estimate import main_memory


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("study", metavar="STUDY", help="a study")
    arguments.add_argument("data", metavar="DATA", help="folder of processed images")
    options = arguments.parse_args()
    splits = ProcessedSet.open(options.data).splits
    train, validation = splits.count("train"), splits.count("validation")
    print(math.ceil(main_memory(Study.read(options.study), train, validation) / 1e6))


if __name__ == "__main__":
    command_line(main)
