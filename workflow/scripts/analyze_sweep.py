"""Analyse the completed sweep: parameter importance, effects, learning-rate scaling and trainings.

OUT/findings.json    all findings, each with its number, interval and confidence
OUT/trials.csv       one row for each trial
OUT/*.csv            the tables of the report's plots
OUT/surrogate.json   the fitted surrogates, from which the next sweep is proposed
OUT/runtime.json     findings about run time, which differ between machines
OUT/origin.json      versions, data and device

Example:
  python workflow/scripts/analyze_sweep.py results results/analysis
"""

from pathlib import Path

from segsweep.analysis.analysis_files import write_analysis
from segsweep.analysis.findings import Analysis
from segsweep.core.errors import command_line, parser
from segsweep.importers.own_results import origin_of, read_results


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("results", type=Path, metavar="RESULTS", help="the folder of results")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    arguments.add_argument(
        "--count", type=int, metavar="N", help="read the first N trials (default: all)"
    )
    options = arguments.parse_args()
    analysis = Analysis.of(read_results(options.results, options.count))
    write_analysis(options.out, analysis, origin_of(str(options.results)))
    for finding in analysis.findings[:2]:
        print(f"analysis ({finding.confidence}): {finding.sentence}")


if __name__ == "__main__":
    command_line(main)
