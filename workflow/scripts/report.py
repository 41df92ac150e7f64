"""Write the report of a sweep as HTML and Markdown, and its plots.

OUT                      one HTML file that needs no other file and no network
                         (default: RESULTS/report.html)
MARKDOWN                 a short report for a pull request (default: RESULTS/report.md)
RESULTS/plots/NAME.svg   the plots

With --live the sweep may still be running: only RESULTS/trials is read, and only OUT is written.

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
    arguments.add_argument("results", type=Path, metavar="RESULTS", help="folder of results")
    arguments.add_argument(
        "--out", type=Path, metavar="OUT", help="HTML to write (default: RESULTS/report.html)"
    )
    arguments.add_argument(
        "--markdown",
        type=Path,
        metavar="MARKDOWN",
        help="Markdown to write (default: RESULTS/report.md)",
    )
    arguments.add_argument("--live", action="store_true", help="the sweep may still be running")
    arguments.add_argument(
        "--of", type=int, metavar="N", help="with --live: the planned number of trials"
    )
    arguments.add_argument(
        "--until", type=int, metavar="I", help="with --live: read trials before I (default: all)"
    )
    options = arguments.parse_args()
    out = options.out or options.results / "report.html"
    write_report(options.results, out, options.live, options.of, options.until)
    if not options.live:
        write_markdown(options.results, options.markdown or options.results / "report.md")
    print(f"report: {out}")


if __name__ == "__main__":
    command_line(main)
