"""Choose who of the sweep's best is trained next, and under which new seed.

The first --candidates of the leaderboard are raced: each gets its turn, one that is hardly the best
any more gets none, and the others get its turns. A pure function of what it reads: with p runs in
flight, run i knows the results of the runs 0 to i - p. When nothing is left to be told, a run is
named again, which the store gives for nothing. Writes OUT/config.yaml and OUT/rerun.json, where
OUT is RESULTS/confirm/000 for the first run.

Example:
  python workflow/scripts/select_rerun.py results/sweep/search.yaml results 0
"""

from pathlib import Path

from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_yaml, write_json, write_yaml
from segsweep.search.trial_files import trial_folder
from segsweep.selection.confirmation_files import read_race, reseeded, run_of


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("search", type=Path, metavar="SEARCH", help="what sweep.py wrote")
    arguments.add_argument("results", type=Path, metavar="RESULTS", help="the folder of results")
    arguments.add_argument("index", type=int, metavar="INDEX", help="the run to choose, from 0")
    arguments.add_argument(
        "--candidates",
        type=int,
        default=3,
        metavar="N",
        help="how many of the best are raced (default: %(default)s)",
    )
    arguments.add_argument(
        "--seeds",
        type=int,
        default=3,
        metavar="N",
        help="new seeds for each of them (default: %(default)s)",
    )
    arguments.add_argument(
        "--parallel", type=int, default=1, metavar="P", help="runs in flight (default: 1)"
    )
    given = arguments.parse_args()
    if given.index < 0 or min(given.parallel, given.candidates, given.seeds) < 1:
        arguments.error("INDEX starts at 0, all else at 1")
    metric = read_yaml(given.search)["metric"]
    folders = [trial_folder(given.results / "confirm", i) for i in range(given.index + 1)]
    ended = max(0, given.index - given.parallel + 1)
    race = read_race(given.results, folders[:ended], metric, given.candidates, given.seeds)
    trial, seed = race.next([run_of(folder) for folder in folders[ended:-1]])
    write_yaml(folders[-1] / "config.yaml", reseeded(given.results, (trial, seed)).to_dict())
    write_json(folders[-1] / "rerun.json", {"trial": trial, "seed": seed})
    left = ", ".join(f"{t:03d}" for t in race.survivors())
    print(f"confirm {given.index:03d}: trial {trial:03d} under seed {seed} (in the race: {left})")


if __name__ == "__main__":
    command_line(main)
