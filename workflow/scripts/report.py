"""Write the report of a sweep: one HTML file, a short one in Markdown, and its plots.

OUT        the report; it needs no other file and no network (default: RESULTS/report.html)
MARKDOWN   the same in short, for a pull request (default: RESULTS/report.md)
RESULTS/plots/NAME.svg   the plots

With --live the sweep may still run: RESULTS/trials is read alone, and only OUT is written.

Example:
  python workflow/scripts/report.py results
  python workflow/scripts/report.py results --live --of 40
"""

from pathlib import Path

from segsweep.core.errors import command_line, parser
from segsweep.report.html import write_report
from segsweep.report.markdown import write_markdown


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("results", type=Path, metavar="RESULTS", help="the folder of results")
    arguments.add_argument(
        "--out",
        type=Path,
        metavar="OUT",
        help="where the report goes (default: RESULTS/report.html)",
    )
    arguments.add_argument(
        "--markdown",
        type=Path,
        metavar="MARKDOWN",
        help="where the short one goes (default: RESULTS/report.md)",
    )
    arguments.add_argument("--live", action="store_true", help="the sweep may still run")
    arguments.add_argument(
        "--of", type=int, metavar="N", help="with --live, trials there will be (default: not told)"
    )
    arguments.add_argument(
        "--until", type=int, metavar="I", help="with --live, those before I alone (default: all)"
    )
    given = arguments.parse_args()
    out = given.out or given.results / "report.html"
    write_report(given.results, out, given.live, given.of, given.until)
    if not given.live:
        write_markdown(given.results, given.markdown or given.results / "report.md")
    print(f"report: {out}")


if __name__ == "__main__":
    command_line(main)
