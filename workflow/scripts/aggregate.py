"""Rank all trials of a sweep by the posterior mean of the surrogate.

OUT/leaderboard.csv   all trials, best first; pruned and failed ones follow, with the reason
OUT/summary.json      key numbers of the sweep (Dice in 0 to 1)

With --live the sweep may still be running: only the leaderboard is written, and only once a trial
has ended.

Example:
  python workflow/scripts/aggregate.py results/sweep/search.yaml results/baselines.csv \\
    results/trials results
"""

from pathlib import Path

from segsweep.core.errors import UserError, command_line, parser
from segsweep.core.files import read_csv, read_yaml, write_csv, write_json
from segsweep.core.formatting import format_metric
from segsweep.search.trial_result import count_ended_trials
from segsweep.selection.leaderboard import load_trials, rank, require_finished, rows, summary


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("search", type=Path, metavar="SEARCH", help="search.yaml of sweep.py")
    arguments.add_argument("baselines", metavar="BASELINES", help="the CSV of baselines.py")
    arguments.add_argument("trials", type=Path, metavar="TRIALS", help="folder of all trials")
    arguments.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    arguments.add_argument(
        "--count", type=int, metavar="N", help="read the first N trials (default: all)"
    )
    arguments.add_argument("--live", action="store_true", help="the sweep may still be running")
    options = arguments.parse_args()
    search = read_yaml(options.search)
    metric = search["metric"]
    count = len(list(options.trials.glob("[0-9]*"))[: options.count])
    if options.live and not (count := count_ended_trials(options.trials, count)):
        return
    if not count:
        raise UserError(f"{options.trials}: found no trials, expected folders such as 000")
    ranked = rank(load_trials(options.trials, count, search), metric)
    table = rows(ranked)
    write_csv(options.out / "leaderboard.csv", list(table[0]), table)
    if options.live:
        return
    require_finished(ranked)
    numbers = summary(ranked, metric, read_csv(options.baselines))
    write_json(options.out / "summary.json", numbers)
    value, mean = numbers[f"best_{metric['name']}"], numbers[f"posterior_mean_{metric['name']}"]
    print(
        f"best of {len(ranked)} trials by posterior mean: trial {ranked[0].index:03d}, "
        f"{metric['name']} {format_metric(value)} (posterior mean {format_metric(mean)})"
    )


if __name__ == "__main__":
    command_line(main)
