"""Report on the processed images: contact sheet, statistics by split, errors and warnings.

Writes OUT/data_report.md, and to OUT/data/ contact_sheet.png (the images with the outlines of their
masks), statistics.csv (a row for each image) and statistics.png (the same by split).

Example:
  python workflow/scripts/data_report.py data/processed results
"""

from pathlib import Path

from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_csv, read_json, write_csv
from segsweep.data.contact_sheet import draw_contact_sheet
from segsweep.data.data_report import (
    STATISTICS_COLUMNS,
    describe_ignored,
    draw_statistics,
    measure_images,
    medians_by_split,
    write_data_report,
)
from segsweep.data.dataset import ProcessedSet
from segsweep.data.issues import DataIssue


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("data", type=Path, metavar="DATA", help="folder that preprocess wrote")
    arguments.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    args = arguments.parse_args()
    data = ProcessedSet.open(args.data)
    out = args.out / "data"
    issues = [DataIssue(**row) for row in read_csv(args.data / "problems.csv")]
    note = "; ".join(issue.found for issue in issues if issue.kind == "grey_edges")
    draw_contact_sheet(data, out / "contact_sheet.png", note)
    sources = read_csv(args.data / "sources.csv")
    rows = list(measure_images(data, sources))
    write_csv(out / "statistics.csv", STATISTICS_COLUMNS, rows)
    draw_statistics(rows, out / "statistics.png")
    summary = read_json(args.data / "summary.json")
    report, ignored = args.out / "data_report.md", describe_ignored(data, sources)
    write_data_report(summary, medians_by_split(rows), issues, report, ignored)
    print(f"data report: {report}, {out / 'contact_sheet.png'}")


if __name__ == "__main__":
    command_line(main)
