"""Say which of the sweep's best is the winner, by what new seeds made of them.

OUT/confirm/confirmation.csv  every run: trial, seed, and what it came to
OUT/confirm/verdict.json      the verdict, and the standing of each candidate
OUT/best_config.yaml          the winner's configuration, ready to paste, and its evidence
OUT/best/config.yaml          all that decides its training

Example:
  python workflow/scripts/confirm.py results/sweep/search.yaml data/processed/manifest.csv \\
    results --runs 9
"""

from pathlib import Path

from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_csv, read_json, read_yaml, write_csv, write_json, write_yaml
from segsweep.search.trial_files import trial_folder
from segsweep.selection.confirmation_files import configuration, read_race, run_of
from segsweep.selection.leaderboard import HEADER, best_config, in_a_line, load_trials, rank
from segsweep.selection.verdict import decide, table, work


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("search", type=Path, metavar="SEARCH", help="what sweep.py wrote")
    arguments.add_argument("manifest", type=Path, metavar="MANIFEST", help="what was trained on")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder of results")
    arguments.add_argument(
        "--candidates",
        type=int,
        default=3,
        metavar="N",
        help="how many of the best were raced (default: %(default)s)",
    )
    arguments.add_argument(
        "--runs", type=int, default=0, metavar="N", help="runs of the race (default: %(default)s)"
    )
    given = arguments.parse_args()
    search = read_yaml(given.search)
    metric = search["metric"]
    folders = [trial_folder(given.out / "confirm", i) for i in range(given.runs)]
    race = read_race(given.out, folders, metric, max(1, given.candidates), 1)
    count = len(read_csv(given.out / "leaderboard.csv"))
    order = rank(load_trials(given.out / "trials", count, search), metric)
    by_trial = {trial.index: trial for trial in order}
    train = sum(row["split"] == "train" for row in read_csv(given.manifest))
    costs = {t: _work(configuration(given.out, t), train) for t in race.candidates}
    verdict = decide(race, costs, metric["goal"])
    parameters = {t: by_trial[t].suggestion["parameters"] for t in race.candidates}
    standings = table(race, metric["goal"], parameters)
    told = {
        "verdict": verdict.sentence,
        "winner": verdict.winner,
        "is_clear_winner": verdict.apart,
        "equals": verdict.equals,
        "beats_second": verdict.beats_second,
        "candidates": standings,
    }
    write_csv(
        given.out / "confirm/confirmation.csv",
        ["trial", "seed", "status", metric["name"]],
        [_row(folder, metric["name"]) for folder in _different(folders)],
    )
    write_json(given.out / "confirm/verdict.json", told)
    winner = by_trial[verdict.winner]
    own = next(row for row in standings if row["trial"] == verdict.winner)
    confirmed = {
        **{
            key: own[key] for key in ("seeds", "average", "mean", "low", "high", "probability_best")
        },
        **{key: told[key] for key in ("is_clear_winner", "equals", "beats_second")},
    }
    best = best_config(winner, confirmed, order, metric, given.manifest)
    write_yaml(given.out / "best_config.yaml", best, HEADER)
    write_yaml(given.out / "best/config.yaml", winner.config)
    print(f"confirm: {verdict.sentence}")
    print(f"confirm: {in_a_line(best['evidence'])}")


def _work(config: TrainingConfig, train: int) -> float:
    """The work of a training on a split of `train` images."""
    steps = config.steps_per_epoch
    return work(config, steps * min(config.batch_size, train) if steps else train)


def _different(folders: list[Path]) -> list[Path]:
    """Of folders with the same run, the first."""
    return list({run_of(folder): folder for folder in reversed(folders)}.values())[::-1]


def _row(folder: Path, metric: str) -> dict[str, object]:
    trial, seed = run_of(folder)
    metrics = read_json(folder / "metrics.json")
    return {
        "trial": trial,
        "seed": seed,
        "status": metrics["status"],
        metric: metrics[metric],
    }


if __name__ == "__main__":
    command_line(main)
