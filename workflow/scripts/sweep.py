"""Write the sweep that a study asks for.

OUT/sweep.yaml     a W&B sweep configuration; plain `wandb sweep` takes it as it is
OUT/training.yaml  what every trial shares: the training configuration less what is searched
OUT/search.yaml    what suggest.py chooses configurations from: space, goal, seed, enqueued ones

Example:
  python workflow/scripts/sweep.py studies/rtx6000ada.yaml /tmp/sweep
"""

from pathlib import Path

from segsweep.config.study import Study
from segsweep.core.errors import command_line, parser
from segsweep.core.files import write_yaml
from segsweep.search import sweep_files
from segsweep.search.trial_result import TrialResult
from segsweep.search.warm_start import listed_prior, read_prior


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("study", metavar="STUDY", help="a study, such as params.yaml")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    given = arguments.parse_args()
    study = Study.read(given.study)
    write_yaml(given.out / "sweep.yaml", sweep_files.wandb_sweep(study))
    write_yaml(given.out / "training.yaml", sweep_files.shared_training(study))
    write_yaml(given.out / "search.yaml", sweep_files.search_settings(study, _earlier(study)))
    searched = ", ".join(study.sweep.parameters)
    print(f"sweep: {study.sweep.method} over {searched} in {given.out / 'sweep.yaml'}")


def _earlier(study: Study) -> list[TrialResult]:
    """The trials of an earlier study, and a word on those that are left out."""
    told, space = study.sweep.prior_trials, study.sweep.parameters
    metric = study.sweep.metric.model_dump()
    if told is None:
        return []
    if isinstance(told, str):
        prior, source = read_prior(told, space, metric), told
    else:
        prior = listed_prior([one.model_dump() for one in told], space, metric)
        source = "sweep.prior_trials"
    print(f"sweep: begins with {len(prior.trials)} trials of {source}")
    for reason, count in prior.left_out.items():
        print(f"sweep: {source}: left out {count} with {reason}")
    return prior.trials


if __name__ == "__main__":
    command_line(main)
