"""Draw every processed image with the outline of its mask, by split: is the data right?

Example:
  python workflow/scripts/contact_sheet.py data/processed results/contact_sheet.png
"""

from pathlib import Path

from segsweep.data.arrays import ProcessedSet
from segsweep.data.contact_sheet import draw
from segsweep.errors import command_line, parser


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("data", metavar="DATA", help="the folder that preprocess wrote")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the PNG to write")
    given = arguments.parse_args()
    draw(ProcessedSet.open(given.data), given.out)
    print(f"contact sheet: {given.out}")


if __name__ == "__main__":
    command_line(main)
