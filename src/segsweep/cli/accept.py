"""`segsweep accept`: keep results after an edit of the code that cannot change them."""

from typing import Annotated

from cyclopts import Parameter

from segsweep.cli.options import require_project


def _not_blank(_: object, text: str) -> None:
    if not text.strip():
        raise ValueError("Expected a reason.")


def accept(
    *,
    reason: Annotated[
        str,
        Parameter(
            metavar="TEXT", help="Why the edit cannot change a result.", validator=_not_blank
        ),
    ],
) -> None:
    """Mark present results as up to date after an edit of the code.

    Use it when an edit cannot change any result, such as a renamed variable. Only
    changed source files (.py) are accepted; the reason is written to the
    provenance record of each result. Results that were edited by hand, or made
    from other data or settings, stay stale.

    Example:
        segsweep accept --reason "rename a variable in training/losses.py"
    """
    from segsweep.pipeline import explain
    from segsweep.pipeline.project_lock import lock_project

    require_project()
    lock = lock_project()
    records = explain.accept(explain.current_jobs(), reason)
    lock.close()
    for record in records:
        print(f"accepted: {record}")
    stale = sum(not job.up_to_date for job in explain.current_jobs())
    print(
        f"{len(records)} results accepted; {stale} are still stale, and snakemake makes them again"
    )
