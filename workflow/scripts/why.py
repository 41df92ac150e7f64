"""Tell what a result was made from, whether it is current and, if not, what differs.

Nothing is changed. Exit status 0 when all of the named results are current, 2 when one is not.

Example:
  python workflow/scripts/why.py results/trials/007
"""

import sys

from segsweep.core.errors import command_line, parser
from segsweep.pipeline.explain import explain, jobs_of, present_jobs


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "result", nargs="+", metavar="RESULT", help="a file or folder of results"
    )
    given = arguments.parse_args()
    jobs = present_jobs()
    asked = [job for result in given.result for job in jobs_of(jobs, result)]
    for job in asked:
        print("\n".join(explain(job)))
    if not all(job.holds for job in asked):
        sys.exit(2)


if __name__ == "__main__":
    command_line(main)
