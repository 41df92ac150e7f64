"""Hold the trials that were stopped early against what they came to, trained to their end.

OUT gets a row for each of them: where it stopped, its value then and at its end, and whether it
would have won. FINISHED holds the same trials without bars, as `sweep.audit: true` trains them.

Example:
  python workflow/scripts/audit_pruning.py results/sweep/search.yaml results/trials results/audit \\
    results/audit/audit.csv 10
"""

from pathlib import Path

from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_yaml, write_csv
from segsweep.selection.pruning_audit import COLUMNS, audited, in_words


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("search", type=Path, metavar="SEARCH", help="what sweep.py wrote")
    arguments.add_argument("trials", type=Path, metavar="TRIALS", help="the folder of all trials")
    arguments.add_argument("finished", type=Path, metavar="FINISHED", help="the same, to their end")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the CSV to write")
    arguments.add_argument("count", type=int, metavar="COUNT", help="how many trials there are")
    given = arguments.parse_args()
    metric = read_yaml(given.search)["metric"]
    rows, epochs = audited(given.trials, given.finished, given.count, metric)
    write_csv(given.out, COLUMNS, rows)
    print(f"audit: {in_words(rows, epochs)}")


if __name__ == "__main__":
    command_line(main)
