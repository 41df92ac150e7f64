"""Design the next sweep from a finished one and the hardware at hand.

SOURCE is what evaluate.py takes. OUT gets params.yaml (a whole study, ready to run), sweep.yaml
(the same for plain `wandb sweep`), rationale.md (each changed line with its reason and finding) and
changes.diff. `hardware.target` of the study names the card; without it this machine's is asked.

Example:
  python workflow/scripts/redesign.py results params.yaml results/next
"""

from pathlib import Path

from segsweep.analysis.findings import Analysis
from segsweep.analysis.next.designing import design_next
from segsweep.analysis.reading.canonical import canonical
from segsweep.analysis.reading.sources import read_finished
from segsweep.errors import command_line, parser
from segsweep.files import read_yaml


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("source", metavar="SOURCE", help="the finished sweep")
    arguments.add_argument("study", metavar="STUDY", help="the study that the next one changes")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    arguments.add_argument("--count", type=int, metavar="N", help="of our own, the first N trials")
    given = arguments.parse_args()
    analysis = Analysis.of(canonical(read_finished(given.source, count=given.count)))
    design_next(given.out, analysis, read_yaml(given.study))


if __name__ == "__main__":
    command_line(main)
