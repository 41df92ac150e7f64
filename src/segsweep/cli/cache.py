"""`segsweep cache gc`: free the space of cached results that nothing uses."""

from typing import Annotated

from cyclopts import Parameter

from segsweep.cli.options import Flag, require_project


def gc(
    *, delete: Annotated[Flag, Parameter(help="Delete them (default: list them).")] = False
) -> None:
    """List or delete cached results that nothing refers to, with their size (MB).

    A result stays if a present result, a commit or a DVC experiment refers to it.
    The checkpoint of a killed or pruned training stays as long as a trial, or the
    single run, has its configuration.

    Example:
        segsweep cache gc
        segsweep cache gc --delete
    """
    from segsweep.pipeline import cache_gc
    from segsweep.pipeline.project_lock import lock_project

    require_project()
    lock = lock_project() if delete else None
    entries = cache_gc.find_unreferenced()
    for entry in entries:
        print(f"{entry.path} {entry.size / 1e6:.1f} MB")
    if delete:
        cache_gc.delete(entries)
    size = sum(entry.size for entry in entries) / 1e6
    outcome = "deleted" if lock else "can be deleted (with --delete)"
    print(f"{len(entries)} results of {size:.1f} MB {outcome}")
