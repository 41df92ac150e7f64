"""`segsweep explain`: what a result was made from, and what has changed since."""

import sys
from typing import Annotated

from cyclopts import Parameter

from segsweep.cli.options import require_project


def explain(
    results: Annotated[list[str], Parameter(name="RESULT", help="Files or folders of results.")],
    /,
) -> None:
    """Show what results were made from, and what has changed since then.

    Lists the data, settings and source files of each result and marks those that
    have changed. Changes nothing. The exit status is 0 if all of the results are
    up to date and 2 if one is stale.

    Example:
        segsweep explain results/trials/007
    """
    from segsweep.pipeline import explain

    require_project()
    all_jobs = explain.current_jobs()
    jobs = [job for result in results for job in explain.jobs_of(all_jobs, result)]
    for job in jobs:
        print("\n".join(explain.explain(job)))
    if not all(job.up_to_date for job in jobs):
        sys.exit(2)
