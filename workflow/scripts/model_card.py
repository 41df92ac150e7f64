"""Write the model card of the selected network: Markdown with Hugging Face front matter.

Example:
  python workflow/scripts/model_card.py results data/processed/summary.json data/raw/README.md \\
    results/model_card.md
"""

from pathlib import Path

from segsweep.core.errors import command_line, parser
from segsweep.report.model_card import write_model_card


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("results", type=Path, metavar="RESULTS", help="folder of results")
    arguments.add_argument(
        "data", type=Path, metavar="SUMMARY", help="summary of the processed images"
    )
    arguments.add_argument("readme", type=Path, metavar="README", help="README of the raw images")
    arguments.add_argument("out", type=Path, metavar="OUT", help="model card to write")
    options = arguments.parse_args()
    write_model_card(options.results, options.data, options.readme, options.out)
    print(f"model card: {options.out}")


if __name__ == "__main__":
    command_line(main)
