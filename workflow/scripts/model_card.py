"""Write the model card of the winner: Markdown with the front matter of the Hugging Face Hub.

Example:
  python workflow/scripts/model_card.py results data/processed/summary.json data/raw/README.md \\
    results/model_card.md
"""

from pathlib import Path

from segsweep.core.errors import command_line, parser
from segsweep.report.model_card import write_model_card


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("results", type=Path, metavar="RESULTS", help="the folder of results")
    arguments.add_argument("data", type=Path, metavar="SUMMARY", help="of the processed set")
    arguments.add_argument("readme", type=Path, metavar="README", help="what the images are")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the card")
    given = arguments.parse_args()
    write_model_card(given.results, given.data, given.readme, given.out)
    print(f"model card: {given.out}")


if __name__ == "__main__":
    command_line(main)
