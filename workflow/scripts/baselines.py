"""Compute the Dice (0 to 1) of thresholding (Otsu, multi-Otsu) on the same split as the trials.

Example:
  python workflow/scripts/baselines.py data/processed results/baselines.csv
"""

from segsweep.core.errors import command_line, parser
from segsweep.core.files import write_csv
from segsweep.core.formatting import format_metric
from segsweep.data.dataset import ProcessedSet
from segsweep.selection.baselines import COLUMNS, baselines


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("data", metavar="DATA", help="folder of processed images")
    arguments.add_argument("out", metavar="OUT", help="CSV to write")
    options = arguments.parse_args()
    rows = baselines(ProcessedSet.open(options.data))
    write_csv(options.out, COLUMNS, rows)
    for row in rows:
        value = format_metric(row["val_dice_coefficient"])
        print(f"{row['method']} ({row['foreground']}): validation Dice {value}")


if __name__ == "__main__":
    command_line(main)
