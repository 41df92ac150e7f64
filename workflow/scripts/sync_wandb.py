"""Send a finished study's W&B runs to a server, and see that each of them has arrived.

Trials, reruns and the single run in RESULTS go, by W&B's own `wandb sync`, to the project that the
study names, on the server that WANDB_BASE_URL or W&B's default names, under your own key. The sweep
is made there once and takes in the trials; the winner's and the single run's weights follow as
artifacts. It can be repeated: what has arrived is not sent again.

Example:
  python workflow/scripts/sync_wandb.py results
"""

from pathlib import Path

from segsweep.config.study import Study
from segsweep.core.errors import UserError, command_line, parser
from segsweep.core.files import read_yaml
from segsweep.wandb_backend.settings import Destination


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "results",
        nargs="?",
        type=Path,
        default=Path("results"),
        help="the folder of results (default: %(default)s)",
    )
    arguments.add_argument(
        "--study", default="params.yaml", help="names project and entity (default: params.yaml)"
    )
    arguments.add_argument(
        "--data",
        type=Path,
        default=Path("data/processed"),
        metavar="DATA",
        help="what the runs were trained on (default: data/processed)",
    )
    given = arguments.parse_args()
    from segsweep.wandb_backend import sync  # imports wandb, which takes a second
    from segsweep.wandb_backend.api import asked

    settings = Study.read(given.study).wandb
    runs, without = sync.runs_of(given.results)
    if not runs:
        raise UserError(f"{given.results}: found no W&B runs, expected those of a finished study")
    server = asked(Destination(settings.project, settings.entity))
    missing = [f"{folder}: has no log of a W&B run" for folder in without]
    arrived = set()
    for one, lacking in sync.send(runs, server):
        print(f"{one.folder}: run {one.id} {lacking or 'is there'}", flush=True)
        if lacking:
            missing.append(f"{one.folder}: {lacking}")
        else:
            arrived.add(one.id)
    there = [one for one in runs if one.id in arrived]
    sweep = given.results / "sweep/sweep.yaml"
    if sweep.exists() and there:
        lacking = sync.join(read_yaml(sweep), there, server)
        print(f"{sweep}: the sweep {lacking or 'is there with its trials'}", flush=True)
        missing += [f"{sweep}: {lacking}"] if lacking else []
    for folder, run in sync.models_of(given.results, there):
        lacking = sync.send_model(run, folder / "model.safetensors", given.data, server)
        print(f"{folder}: the model of run {run} {lacking or 'is there'}", flush=True)
        missing += [f"{folder}: {lacking}"] if lacking else []
    if missing:
        told = "; ".join(missing)
        raise UserError(f"not all is on {server.url}: {told}; run this again to go on")
    print(f"{len(runs)} of {len(runs)} runs are on {server.url}/{server.entity}/{server.project}")


if __name__ == "__main__":
    command_line(main)
