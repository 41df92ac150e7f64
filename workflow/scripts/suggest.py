"""Choose the configuration of one trial from the results of the trials before it.

The choice is a pure, seeded function of what the script reads. With P trials in parallel, trial i
uses the results of trials 0 to i - P and the configurations of the trials after them. Files:

OUT/config.yaml      the complete training configuration
OUT/suggestion.json  the searched parameters, what chose them, and the expected value
OUT/pruning.json     the values that the trial must reach at certain epochs, or it is pruned

Example:
  python workflow/scripts/suggest.py results/sweep/search.yaml results/trials 7
"""

from dataclasses import asdict
from pathlib import Path

from segsweep.config.pruner import read_pruner
from segsweep.config.search_space import read_space
from segsweep.config.training_config import TrainingConfig
from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_yaml, write_json, write_yaml
from segsweep.search.pruners import pruning_thresholds
from segsweep.search.sampler import suggest
from segsweep.search.trial_result import earlier_trials, read_trials, trial_folder
from segsweep.training.pruning import PruningThresholds


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("search", type=Path, metavar="SEARCH", help="search.yaml of sweep.py")
    arguments.add_argument("trials", type=Path, metavar="TRIALS", help="the folder of all trials")
    arguments.add_argument("index", type=int, metavar="INDEX", help="the trial to choose, from 0")
    arguments.add_argument(
        "--parallel", type=int, default=1, metavar="P", help="trials in parallel (default: 1)"
    )
    options = arguments.parse_args()
    if options.index < 0 or options.parallel < 1:
        arguments.error("INDEX starts at 0 and P at 1")
    search = read_yaml(options.search)
    metric, goal = search["metric"]["name"], search["metric"]["goal"]
    ended = max(0, options.index - options.parallel + 1)
    observed, in_flight = read_trials(options.trials, ended, options.index, metric)
    suggestion = suggest(
        read_space(search["parameters"]),
        observed,
        in_flight,
        index=options.index,
        seed=search["seed"],
        method=search["method"],
        goal=goal,
        enqueue=search["enqueue"],
        earlier=earlier_trials(search),
    )
    pruner = read_pruner(search.get("early_terminate"))
    thresholds = PruningThresholds(
        metric,
        goal,
        pruner.strict if pruner else False,
        pruning_thresholds(pruner, observed, goal) if pruner else {},
    )
    out = trial_folder(options.trials, options.index)
    config = TrainingConfig.from_dict({**search["shared"], **suggestion.parameters})
    write_yaml(out / "config.yaml", config.to_dict())
    write_json(out / "suggestion.json", {"trial": options.index, **asdict(suggestion)})
    write_json(out / "pruning.json", asdict(thresholds))
    parameters = ", ".join(f"{k} {v}" for k, v in suggestion.parameters.items())
    expected = "" if suggestion.mean is None else f", expected {suggestion.mean} ± {suggestion.sd}"
    print(f"trial {options.index:03d} ({suggestion.chosen_by}{expected}): {parameters}")


if __name__ == "__main__":
    command_line(main)
