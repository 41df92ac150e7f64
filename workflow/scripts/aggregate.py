"""Rank all trials of a sweep.

The best is the one of which the search's model expects most, not the best_observed.

OUT/leaderboard.csv   every trial, best first, then stopped and failed ones with the reason
OUT/summary.json      the sweep in a few numbers (Dice, 0 to 1)

With --live the sweep may still run: the leaderboard of the trials so far is written alone,
once there are any.

Example:
  python workflow/scripts/aggregate.py results/sweep/search.yaml results/baselines.csv \\
    results/trials results
"""

from pathlib import Path

from segsweep.core.errors import UserError, command_line, parser
from segsweep.core.files import read_csv, read_yaml, write_csv, write_json
from segsweep.search.trial_files import ended
from segsweep.selection.leaderboard import load_trials, rank, refuse_all_failed, rows, summary


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("search", type=Path, metavar="SEARCH", help="what sweep.py wrote")
    arguments.add_argument("baselines", metavar="BASELINES", help="the CSV of baselines.py")
    arguments.add_argument("trials", type=Path, metavar="TRIALS", help="the folder of all trials")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    arguments.add_argument("--count", type=int, metavar="N", help="the first N (default: all)")
    arguments.add_argument("--live", action="store_true", help="the sweep may still run")
    given = arguments.parse_args()
    search = read_yaml(given.search)
    metric = search["metric"]
    count = len(list(given.trials.glob("[0-9]*"))[: given.count])
    if given.live and not (count := ended(given.trials, count)):
        return
    if not count:
        raise UserError(f"{given.trials}: found no trials, expected folders such as 000")
    order = rank(load_trials(given.trials, count, search), metric)
    table = rows(order)
    write_csv(given.out / "leaderboard.csv", list(table[0]), table)
    if given.live:
        return
    refuse_all_failed(order)
    told = summary(order, metric, read_csv(given.baselines))
    write_json(given.out / "summary.json", told)
    value, expected = told[f"best_{metric['name']}"], told[f"posterior_mean_{metric['name']}"]
    print(
        f"best of {len(order)} trials: trial {order[0].index:03d}, {metric['name']} {value:.4f}, "
        f"{expected:.4f} expected"
    )


if __name__ == "__main__":
    command_line(main)
