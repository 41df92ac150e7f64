"""Print the result of a finished study: the selected configuration, its Dice, and the next steps.

Example:
  python workflow/scripts/show_summary.py results
"""

from pathlib import Path

from segsweep.config.sections import HYPERPARAMETERS
from segsweep.config.study import Study
from segsweep.core.errors import UserError, command_line, parser
from segsweep.core.files import read_json, read_yaml
from segsweep.core.formatting import format_metric
from segsweep.data.raw_data import RAW_DVC_FILE
from segsweep.data.sample import EXPECTED_RESULTS
from segsweep.selection.leaderboard import format_evidence
from segsweep.selection.test_metrics import format_summary


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("results", type=Path, metavar="RESULTS", help="folder of results")
    results = arguments.parse_args().results
    if not (results / "best_config.yaml").exists():
        raise UserError(f"{results}: no finished study here; run `snakemake --cores all` first")
    best = read_yaml(results / "best_config.yaml")
    summary = read_json(results / "summary.json")
    verdict = read_json(results / "confirm/verdict.json")
    evidence = best["evidence"]
    name = evidence["metric"]["name"]
    print(f"\n{verdict['verdict']}\n")
    for key in HYPERPARAMETERS:
        print(f"  {key:<14} {best[key]}")
    test = format_summary(read_json(results / "test/summary.json"))
    print(
        f"\n  Selection: {verdict['details']}\n"
        f"  In the sweep: {format_evidence(evidence)}\n"
        f"  Test split: {test}\n"
        f"  Otsu's threshold: validation Dice {format_metric(summary['otsu'])}\n"
        f"  Trials: {summary['trials']}, of which {summary['pruned']} pruned and "
        f"{summary['failed']} failed; median {name} {format_metric(summary[f'median_{name}'])}"
    )
    dropped = read_json("data/processed/summary.json")["dropped"]
    if dropped:
        print(f"  Images left out because of errors: {dropped}, see {results}/data_report.md")
    if not RAW_DVC_FILE.exists():
        sample = Study.read().data.sample
        print(f"\nExpected on the sample '{sample}': {EXPECTED_RESULTS[sample]}.")
    print(
        "\nResults:\n"
        f"  {results}/report.html          the report, for a browser\n"
        f"  {results}/best_config.yaml     the selected configuration, to paste into params.yaml\n"
        f"  {results}/best/                its weights, history and metrics\n"
        f"  {results}/model_card.md        its model card, to publish with the weights\n"
        f"  {results}/leaderboard.csv      all trials\n"
        f"  {results}/next/                a proposal for the next sweep, with reasons\n"
        f"  {results}/data_report.md       the images and their splits\n"
        "\nNext commands:\n"
        "  # segment new images\n"
        f"  segsweep predict --model {results}/best IMAGES -o OUT\n"
        "  # train once with one value changed\n"
        "  dvc exp run -S batch_size=8"
    )


if __name__ == "__main__":
    command_line(main)
