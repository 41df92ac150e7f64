"""`segsweep sync`: send a finished study's W&B runs to a server."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def sync(
    results: Annotated[Path, Parameter(name="RESULTS", help="The folder of results.")] = Path(
        "results"
    ),
    /,
    *,
    study: Annotated[
        Path, Parameter(metavar="FILE", help="The study, which names project and entity.")
    ] = Path("params.yaml"),
    data: Annotated[
        Path, Parameter(metavar="DIR", help="The processed data of the trainings.")
    ] = Path("data/processed"),
) -> None:
    """Send a finished study's W&B runs to a server and check that they arrived.

    Trials, confirmation runs and the single run go to the project that the study
    names, under your own key (`wandb login`). The server is the one that
    WANDB_BASE_URL names, else W&B's default. The sweep is created once and gets the
    trials; the weights of the selected configuration and of the single run follow
    as artifacts. It can be repeated: what has arrived is not sent again.

    Example:
        segsweep sync results
    """
    from segsweep.wandb_backend.sync import sync_study  # imports wandb, which takes a second

    sync_study(results, study, data)
