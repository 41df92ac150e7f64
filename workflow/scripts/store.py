"""Look after the store of finished trainings and suggestions (.store).

gc names what no present result, commit or experiment refers to, and how much it takes (MB).
Nothing is deleted unless --delete is given. The states of killed and of stopped trainings are kept
as long as a trial, or the single run, has their configuration.

Example:
  python workflow/scripts/store.py gc --delete
"""

from segsweep.core.errors import command_line, parser
from segsweep.pipeline.cache_gc import delete, unreferenced
from segsweep.pipeline.staleness import take_lock


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "task", choices=["gc"], metavar="gc", help="collect what is unreferenced"
    )
    arguments.add_argument("--delete", action="store_true", help="delete it (default: only tell)")
    given = arguments.parse_args()
    lock = take_lock() if given.delete else None
    found = unreferenced()
    for entry in found:
        print(f"{entry.folder} {entry.size / 1e6:.1f} MB")
    if given.delete:
        delete(found)
    size = sum(entry.size for entry in found) / 1e6
    told = "deleted" if lock else "can go (--delete does it)"
    print(f"{len(found)} results of {size:.1f} MB {told}")


if __name__ == "__main__":
    command_line(main)
