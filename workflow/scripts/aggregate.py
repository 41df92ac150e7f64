"""Rank all trials of a sweep and write the best configuration.

The best is the one of which the search's model expects most, not the luckiest.

OUT/leaderboard.csv   every trial, best first, then stopped and failed ones with the reason
OUT/best_config.yaml  the best configuration, ready to paste into params.yaml, and its evidence
OUT/summary.json      the sweep in a few numbers (Dice, 0 to 1)
OUT/best/config.yaml  all that decides the best training

Example:
  python workflow/scripts/aggregate.py results/sweep/search.yaml data/processed/manifest.csv \\
    results/baselines.csv results/trials results
"""

from pathlib import Path

from segsweep.analysis.leaderboard import (
    HEADER,
    best_config,
    in_a_line,
    ranked,
    rows,
    summary,
    tried,
)
from segsweep.errors import UserError, command_line, parser
from segsweep.files import read_csv, read_yaml, write_csv, write_json, write_yaml


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("search", type=Path, metavar="SEARCH", help="what sweep.py wrote")
    arguments.add_argument("manifest", type=Path, metavar="MANIFEST", help="what was trained on")
    arguments.add_argument("baselines", metavar="BASELINES", help="the CSV of baselines.py")
    arguments.add_argument("trials", type=Path, metavar="TRIALS", help="the folder of all trials")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    arguments.add_argument("--count", type=int, metavar="N", help="the first N (default: all)")
    given = arguments.parse_args()
    search = read_yaml(given.search)
    metric = search["metric"]
    folders = list(given.trials.glob("[0-9]*"))[: given.count]
    if not folders:
        raise UserError(f"{given.trials}: found no trials, expected folders such as 000")
    order = ranked(tried(given.trials, len(folders), search), metric)
    table = rows(order)
    write_csv(given.out / "leaderboard.csv", list(table[0]), table)
    best = best_config(order, metric, given.manifest)
    write_yaml(given.out / "best_config.yaml", best, HEADER)
    write_yaml(given.out / "best/config.yaml", order[0].config)
    write_json(given.out / "summary.json", summary(order, metric, read_csv(given.baselines)))
    print(f"best of {len(order)} trials: trial {order[0].index:03d}, {in_a_line(best['evidence'])}")


if __name__ == "__main__":
    command_line(main)
