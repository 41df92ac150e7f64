"""Write the files of a sweep from a study.

OUT/sweep.yaml     a W&B sweep configuration, which plain `wandb sweep` accepts
OUT/training.yaml  the training configuration without the searched parameters
OUT/search.yaml    what suggest.py reads: space, goal, seed, enqueued configurations

Example:
  python workflow/scripts/sweep.py studies/rtx6000ada.yaml /tmp/sweep
"""

from pathlib import Path

from segsweep.config.study import Study
from segsweep.core.errors import command_line, parser
from segsweep.core.files import write_yaml
from segsweep.search import sweep_files
from segsweep.search.trial_result import TrialResult
from segsweep.search.warm_start import prior_from_leaderboard, prior_from_list


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("study", metavar="STUDY", help="a study, such as params.yaml")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    options = arguments.parse_args()
    study = Study.read(options.study)
    write_yaml(options.out / "sweep.yaml", sweep_files.wandb_sweep(study))
    write_yaml(options.out / "training.yaml", sweep_files.shared_training(study))
    write_yaml(options.out / "search.yaml", sweep_files.search_settings(study, _earlier(study)))
    searched = ", ".join(study.sweep.parameters)
    print(f"sweep: {study.sweep.method} over {searched} in {options.out / 'sweep.yaml'}")


def _earlier(study: Study) -> list[TrialResult]:
    """Return the trials of an earlier study, and print how many are left out and why."""
    prior_trials, space = study.sweep.prior_trials, study.sweep.parameters
    metric = study.sweep.metric.model_dump()
    if prior_trials is None:
        return []
    if isinstance(prior_trials, str):
        earlier, source = prior_from_leaderboard(prior_trials, space, metric), prior_trials
    else:
        trials = [trial.model_dump() for trial in prior_trials]
        earlier, source = prior_from_list(trials, space, metric), "sweep.prior_trials"
    print(f"sweep: starts with {len(earlier.trials)} trials of {source}")
    for reason, count in earlier.left_out.items():
        print(f"sweep: {source}: left out {count} with {reason}")
    return earlier.trials


if __name__ == "__main__":
    command_line(main)
