"""Choose the next rerun of the confirmation: a candidate and a new seed.

The first --candidates trials of the leaderboard are compared. Each gets its seeds in turn; one that
is very unlikely to be the best is dropped, and its runs go to the others. The choice is a pure
function of the inputs: with p runs in flight, run i knows the results of runs 0 to i - p. Once the
decision is made, the remaining runs repeat a finished one, which the cache restores at no cost.

RESULTS/confirm/INDEX/config.yaml   the configuration with the new seed
RESULTS/confirm/INDEX/rerun.json    the trial and the seed

Example:
  python workflow/scripts/select_rerun.py results/sweep/search.yaml results 0
"""

from pathlib import Path

from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_yaml, write_json, write_yaml
from segsweep.search.trial_result import trial_folder
from segsweep.selection.confirmation import read_confirmation, read_rerun, rerun_config


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("search", type=Path, metavar="SEARCH", help="search.yaml of sweep.py")
    arguments.add_argument("results", type=Path, metavar="RESULTS", help="folder of results")
    arguments.add_argument("index", type=int, metavar="INDEX", help="the run to choose, from 0")
    arguments.add_argument(
        "--candidates",
        type=int,
        default=3,
        metavar="N",
        help="how many of the best trials are compared (default: %(default)s)",
    )
    arguments.add_argument(
        "--seeds",
        type=int,
        default=3,
        metavar="N",
        help="new seeds for each candidate (default: %(default)s)",
    )
    arguments.add_argument(
        "--parallel",
        type=int,
        default=1,
        metavar="P",
        help="runs in flight (default: %(default)s)",
    )
    options = arguments.parse_args()
    if options.index < 0 or min(options.parallel, options.candidates, options.seeds) < 1:
        arguments.error("INDEX must be at least 0; --candidates, --seeds and --parallel at least 1")
    metric = read_yaml(options.search)["metric"]
    folders = [trial_folder(options.results / "confirm", i) for i in range(options.index + 1)]
    ended = max(0, options.index - options.parallel + 1)
    confirmation = read_confirmation(
        options.results, folders[:ended], metric, options.candidates, options.seeds
    )
    in_flight = [read_rerun(folder) for folder in folders[ended:-1]]
    trial, seed = confirmation.next_rerun(in_flight)
    config = rerun_config(options.results, (trial, seed))
    write_yaml(folders[-1] / "config.yaml", config.to_dict())
    write_json(folders[-1] / "rerun.json", {"trial": trial, "seed": seed})
    remaining = ", ".join(f"{t:03d}" for t in confirmation.remaining())
    print(
        f"confirm {options.index:03d}: trial {trial:03d} with seed {seed} "
        f"(remaining candidates: {remaining})"
    )


if __name__ == "__main__":
    command_line(main)
