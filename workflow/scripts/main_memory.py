"""Say how much main memory, in MB, a job needs that does any training of a study.

Example:
  python workflow/scripts/main_memory.py params.yaml
"""

import math

from segsweep.errors import command_line, parser
from segsweep.study import Study
from segsweep.unet.host import main_memory


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("study", metavar="STUDY", help="a study")
    print(math.ceil(main_memory(Study.read(arguments.parse_args().study)) / 1e6))


if __name__ == "__main__":
    command_line(main)
