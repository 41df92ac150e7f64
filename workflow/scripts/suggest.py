"""Choose the configuration of one trial from the results of the trials before it.

A pure, seeded function of what it reads: with p trials in flight, trial i sees the results of the
trials 0 to i - p, and the configurations of those after them. Writes OUT/config.yaml (all that
decides the training), OUT/suggestion.json (what was searched, what chose it, and what value is
expected) and OUT/pruning.json (what must be reached at certain epochs, or the trial is stopped).

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
from segsweep.search.trial_files import earlier_trials, read_trials, trial_folder
from segsweep.training.pruning import PruningThresholds


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("search", type=Path, metavar="SEARCH", help="what sweep.py wrote")
    arguments.add_argument("trials", type=Path, metavar="TRIALS", help="the folder of all trials")
    arguments.add_argument("index", type=int, metavar="INDEX", help="the trial to choose, from 0")
    arguments.add_argument(
        "--parallel", type=int, default=1, metavar="P", help="trials in flight (default: 1)"
    )
    given = arguments.parse_args()
    if given.index < 0 or given.parallel < 1:
        arguments.error("INDEX starts at 0 and P at 1")
    search = read_yaml(given.search)
    ended = max(0, given.index - given.parallel + 1)
    observed, in_flight = read_trials(given.trials, ended, given.index, search["metric"]["name"])
    suggestion = suggest(
        read_space(search["parameters"]),
        observed,
        in_flight,
        index=given.index,
        seed=search["seed"],
        method=search["method"],
        goal=search["metric"]["goal"],
        enqueue=search["enqueue"],
        earlier=earlier_trials(search),
    )
    rule = read_pruner(search.get("early_terminate"))
    bars = PruningThresholds(
        search["metric"]["name"],
        search["metric"]["goal"],
        rule.strict if rule else False,
        pruning_thresholds(rule, observed, search["metric"]["goal"]) if rule else {},
    )
    out = trial_folder(given.trials, given.index)
    config = TrainingConfig.from_dict({**search["shared"], **suggestion.parameters})
    write_yaml(out / "config.yaml", config.to_dict())
    write_json(out / "suggestion.json", {"trial": given.index, **asdict(suggestion)})
    write_json(out / "pruning.json", asdict(bars))
    chosen = ", ".join(f"{k} {v}" for k, v in suggestion.parameters.items())
    expected = "" if suggestion.mean is None else f", {suggestion.mean} ± {suggestion.sd} expected"
    print(f"trial {given.index:03d} ({suggestion.why}{expected}): {chosen}")


if __name__ == "__main__":
    command_line(main)
