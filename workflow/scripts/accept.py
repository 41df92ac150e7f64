"""Take the present results as current after an edit of a source that cannot matter.

Only differing sources (.py) are accepted, and the record of each result says so, with the reason.
A result that was edited by hand, or made from other data or another setting, is left alone.

Example:
  python workflow/scripts/accept.py --reason "a comment in training.py"
"""

from segsweep.core.errors import command_line, parser
from segsweep.pipeline.explain import accept, present_jobs
from segsweep.pipeline.staleness import take_lock


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--reason", required=True, metavar="TEXT", help="why the edit cannot matter"
    )
    given = arguments.parse_args()
    if not given.reason.strip():
        arguments.error("--reason says nothing")
    lock = take_lock()
    records = accept(present_jobs(), given.reason)
    lock.close()
    for record in records:
        print(f"accepted: {record}")
    left = [job.outs[-1] for job in present_jobs() if not job.holds]
    print(f"{len(records)} results accepted; {len(left)} to be made by snakemake")


if __name__ == "__main__":
    command_line(main)
