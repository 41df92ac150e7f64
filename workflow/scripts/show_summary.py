"""Tell what a finished study found: the best configuration, its Dice, and where to look next.

Example:
  python workflow/scripts/show_summary.py results
"""

from pathlib import Path

from segsweep.config.sections import HYPERPARAMETERS
from segsweep.config.study import Study
from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_json, read_yaml
from segsweep.data.raw_data import TRACKED
from segsweep.data.sample import EXPECTED
from segsweep.selection.leaderboard import in_a_line
from segsweep.selection.test_metrics import in_a_line as in_short


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("results", type=Path, metavar="RESULTS", help="the folder of results")
    results = arguments.parse_args().results
    best = read_yaml(results / "best_config.yaml")
    summary = read_json(results / "summary.json")
    evidence = best["evidence"]
    name = evidence["metric"]["name"]
    sample = Study.read().data.sample
    print(f"\nThe winner of {summary['trials']} trials is trial {evidence['trial']:03d}:\n")
    for key in HYPERPARAMETERS:
        print(f"  {key:<14} {best[key]}")
    print(f"\n  {read_json(results / 'confirm/verdict.json')['verdict']}")
    print(f"  In the sweep: {in_a_line(evidence)}")
    print(f"  On the test split: {in_short(read_json(results / 'test/summary.json'))}")
    print(
        f"  (median trial {summary[f'median_{name}']:.4f}, {summary['pruned']} stopped, "
        f"{summary['failed']} failed, "
        f"Otsu's threshold {summary['otsu']:.4f})"
    )
    dropped = read_json("data/processed/summary.json")["dropped"]
    if dropped:
        print(f"{dropped} files were left out for a fault, see {results}/data_report.md")
    if not TRACKED.exists():
        print(f"\nOn the sample '{sample}', expect {EXPECTED[sample]}.")
    print(
        "\nWhere to look next:\n"
        f"  {results}/report.html          all of it on one page, for a browser\n"
        f"  {results}/next/                the next sweep, and the reasons for it\n"
        f"  {results}/best_config.yaml     the configuration, ready to paste into params.yaml\n"
        f"  {results}/leaderboard.csv      every trial\n"
        f"  {results}/data_report.md       the images, and what the split did\n"
        f"  {results}/best/                the winner's weights, history and metrics\n"
        f"  {results}/model_card.md        what to say of it when you give it away\n"
        f"  python workflow/scripts/predict.py --model {results}/best IMAGES -o OUT\n"
        "  dvc exp run -S batch_size=8    a single run with one value changed"
    )


if __name__ == "__main__":
    command_line(main)
