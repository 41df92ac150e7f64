"""Write the sweep that a study asks for.

OUT/sweep.yaml     a W&B sweep configuration; plain `wandb sweep` takes it as it is
OUT/training.yaml  what every trial shares: the training configuration less what is searched
OUT/search.yaml    what suggest.py chooses configurations from: space, goal, seed, enqueued ones

Example:
  python workflow/scripts/sweep.py studies/rtx6000ada.yaml /tmp/sweep
"""

from pathlib import Path

from segsweep.errors import command_line, parser
from segsweep.files import write_yaml
from segsweep.study import Study
from segsweep.sweep import plan


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("study", metavar="STUDY", help="a study, such as params.yaml")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    given = arguments.parse_args()
    study = Study.read(given.study)
    write_yaml(given.out / "sweep.yaml", plan.wandb_sweep(study))
    write_yaml(given.out / "training.yaml", plan.shared_training(study))
    write_yaml(given.out / "search.yaml", plan.search_settings(study))
    searched = ", ".join(study.sweep.parameters)
    print(f"sweep: {study.sweep.method} over {searched} in {given.out / 'sweep.yaml'}")


if __name__ == "__main__":
    command_line(main)
