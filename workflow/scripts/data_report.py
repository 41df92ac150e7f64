"""Look at the processed images: contact sheet, statistics by split, and a report of all faults.

Writes OUT/data_report.md, and OUT/data/ with contact_sheet.png (the outline of each mask over its
image), statistics.csv (a row per image) and statistics.png (the same by split).

Example:
  python workflow/scripts/data_report.py data/processed results
"""

from pathlib import Path

from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_csv, read_json, write_csv
from segsweep.data.contact_sheet import draw as draw_sheet
from segsweep.data.data_report import write_report
from segsweep.data.dataset import ProcessedSet
from segsweep.data.issues import Problem
from segsweep.data.statistics import COLUMNS, by_split, draw, measure


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("data", type=Path, metavar="DATA", help="folder that preprocess wrote")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    given = arguments.parse_args()
    data = ProcessedSet.open(given.data)
    out = given.out / "data"
    draw_sheet(data, out / "contact_sheet.png")
    rows = list(measure(data, read_csv(given.data / "sources.csv")))
    write_csv(out / "statistics.csv", COLUMNS, rows)
    draw(rows, out / "statistics.png")
    problems = [Problem(**row) for row in read_csv(given.data / "problems.csv")]
    summary = read_json(given.data / "summary.json")
    write_report(summary, by_split(rows), problems, given.out / "data_report.md")
    print(f"data report: {given.out / 'data_report.md'}, {out / 'contact_sheet.png'}")


if __name__ == "__main__":
    command_line(main)
