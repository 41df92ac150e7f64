"""Select the best configuration from the reruns of the candidates under new seeds.

OUT/confirm/confirmation.csv  all reruns: trial, seed, status and metric
OUT/confirm/verdict.json      the selected trial, how clear the decision is, all candidates
OUT/best_config.yaml          the selected configuration, ready to paste, and its evidence
OUT/best/config.yaml          its complete training configuration

Example:
  python workflow/scripts/confirm.py results/sweep/search.yaml data/processed/manifest.csv \\
    results --runs 9
"""

from pathlib import Path

from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_csv, read_json, read_yaml, write_csv, write_json, write_yaml
from segsweep.search.trial_result import trial_folder
from segsweep.selection.confirmation import (
    read_confirmation,
    read_rerun,
    read_training_config,
)
from segsweep.selection.leaderboard import HEADER, best_config, format_evidence, read_leaderboard
from segsweep.selection.verdict import candidate_rows, decide, training_cost

DECISION = ("is_clear_winner", "not_distinguishable", "probability_better_than_second")
ESTIMATE = ("seeds", "observed_mean", "estimated_mean", "low", "high", "probability_best")


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("search", type=Path, metavar="SEARCH", help="search.yaml of sweep.py")
    arguments.add_argument(
        "manifest", type=Path, metavar="MANIFEST", help="manifest.csv of the images"
    )
    arguments.add_argument("out", type=Path, metavar="OUT", help="folder of results")
    arguments.add_argument(
        "--candidates",
        type=int,
        default=3,
        metavar="N",
        help="how many of the best trials were compared (default: %(default)s)",
    )
    arguments.add_argument(
        "--runs", type=int, default=0, metavar="N", help="number of reruns (default: %(default)s)"
    )
    options = arguments.parse_args()
    metric = read_yaml(options.search)["metric"]
    folders = [trial_folder(options.out / "confirm", i) for i in range(options.runs)]
    confirmation = read_confirmation(
        options.out, folders, metric, max(1, options.candidates), seeds=1
    )
    ranked = read_leaderboard(options.out)
    by_number = {trial.index: trial for trial in ranked}
    train_images = sum(row["split"] == "train" for row in read_csv(options.manifest))
    costs = {
        trial: _cost(read_training_config(options.out, trial), train_images)
        for trial in confirmation.candidates
    }
    decision = decide(confirmation, costs, metric)
    parameters = {t: by_number[t].suggestion["parameters"] for t in confirmation.candidates}
    candidates = candidate_rows(confirmation, metric["goal"], parameters)
    verdict = {
        "verdict": decision.headline,
        "details": decision.details,
        "selected": decision.selected,
        **{name: getattr(decision, name) for name in DECISION},
        "candidates": candidates,
    }
    write_csv(
        options.out / "confirm/confirmation.csv",
        ["trial", "seed", "status", metric["name"]],
        [_rerun_row(folder, metric["name"]) for folder in _without_repeats(folders)],
    )
    write_json(options.out / "confirm/verdict.json", verdict)
    selected = by_number[decision.selected]
    estimate = next(row for row in candidates if row["trial"] == decision.selected)
    confirmed = {name: estimate[name] for name in ESTIMATE} | {
        name: verdict[name] for name in DECISION
    }
    best = best_config(selected, confirmed, ranked, metric, options.manifest)
    write_yaml(options.out / "best_config.yaml", best, HEADER)
    write_yaml(options.out / "best/config.yaml", selected.config)
    print(f"confirm: {decision.headline}")
    print(f"confirm: {decision.details}")
    print(f"confirm: in the sweep: {format_evidence(best['evidence'])}")


def _cost(config: TrainingConfig, train_images: int) -> float:
    """Return the cost of a training on a split of `train_images` images."""
    steps = config.steps_per_epoch
    images = steps * min(config.batch_size, train_images) if steps else train_images
    return training_cost(config, images)


def _without_repeats(folders: list[Path]) -> list[Path]:
    """Return the first folder of each rerun."""
    return list({read_rerun(folder): folder for folder in reversed(folders)}.values())[::-1]


def _rerun_row(folder: Path, metric: str) -> dict[str, object]:
    trial, seed = read_rerun(folder)
    metrics = read_json(folder / "metrics.json")
    return {"trial": trial, "seed": seed, "status": metrics["status"], metric: metrics[metric]}


if __name__ == "__main__":
    command_line(main)
