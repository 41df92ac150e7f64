"""Compare pruned trials with the same trials trained to the end.

OUT gets a row for each pruned trial: the epoch at which it was pruned, its value then and at the
end, and whether it would have won. FINISHED holds the same trials without pruning, as
`sweep.audit: true` trains them.

Example:
  python workflow/scripts/audit_pruning.py results/sweep/search.yaml results/trials results/audit \\
    results/audit/audit.csv 10
"""

from pathlib import Path

from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_yaml, write_csv
from segsweep.selection.pruning_audit import COLUMNS, audit_rows, format_audit


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("search", type=Path, metavar="SEARCH", help="search.yaml of sweep.py")
    arguments.add_argument("trials", type=Path, metavar="TRIALS", help="folder of all trials")
    arguments.add_argument(
        "finished", type=Path, metavar="FINISHED", help="folder of the same, without pruning"
    )
    arguments.add_argument("out", type=Path, metavar="OUT", help="CSV to write")
    arguments.add_argument("count", type=int, metavar="COUNT", help="number of trials")
    options = arguments.parse_args()
    metric = read_yaml(options.search)["metric"]
    rows, epochs = audit_rows(options.trials, options.finished, options.count, metric)
    write_csv(options.out, COLUMNS, rows)
    print(f"audit: {format_audit(rows, epochs)}")


if __name__ == "__main__":
    command_line(main)
