"""Score plain thresholds (Otsu, multi-Otsu) on the same split as the trials (Dice, 0 to 1).

Example:
  python workflow/scripts/baselines.py data/processed results/baselines.csv
"""

from segsweep.core.errors import command_line, parser
from segsweep.core.files import write_csv
from segsweep.data.dataset import ProcessedSet
from segsweep.selection.baselines import COLUMNS, baselines


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("data", metavar="DATA", help="the folder that preprocess wrote")
    arguments.add_argument("out", metavar="OUT", help="the CSV to write")
    given = arguments.parse_args()
    rows = baselines(ProcessedSet.open(given.data))
    write_csv(given.out, COLUMNS, rows)
    for row in rows:
        print(f"{row['method']} ({row['foreground']}): Dice {row['val_dice_coefficient']:.4f}")


if __name__ == "__main__":
    command_line(main)
