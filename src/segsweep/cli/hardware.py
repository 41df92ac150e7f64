"""`segsweep hardware`: which batch sizes fit in memory, their speed and the study's duration."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from segsweep.cli.options import Gigabytes


def hardware(
    *,
    memory: Annotated[
        Gigabytes | None,
        Parameter(help="Memory of a GPU to predict for (default: measure this machine's device)."),
    ] = None,
    study: Annotated[
        str, Parameter(metavar="FILE", help="The study whose batch sizes are tried.")
    ] = "params.yaml",
    data: Annotated[
        Path, Parameter(metavar="DIR", help="The processed data, if it exists already.")
    ] = Path("data/processed"),
) -> None:
    """Show which batch sizes fit in memory, their speed and the study's duration.

    Without --memory, this machine's device is measured: each batch size that is
    predicted to fit is tried with real training steps and a validation pass, in a
    separate process. With --memory nothing is measured: the memory is predicted
    for a GPU of that size, with convolutions in bfloat16.

    Example:
        segsweep hardware --memory 48 --study studies/rtx6000ada.yaml
    """
    from segsweep.config.search_space import extremes, to_wandb
    from segsweep.config.study import Study
    from segsweep.data.dataset import ProcessedSet
    from segsweep.pipeline.environment import Device, select
    from segsweep.training.device import images_on_device
    from segsweep.training.hardware_report import remarks, rows, table
    from segsweep.training.resource_estimate import memory_extremes

    settings = Study.read(study)
    train = validation = 0
    if (data / "manifest.csv").exists():
        splits = ProcessedSet.open(data).splits
        train, validation = splits.count("train"), splits.count("validation")
    space = {name: to_wandb(parameter) for name, parameter in settings.sweep.parameters.items()}
    config = memory_extremes(settings.training_config(), space, train or sys.maxsize)[1]
    batch_size = settings.sweep.parameters.get("batch_size")
    sizes = {int(size) for size in extremes(batch_size)} if batch_size else {config.batch_size}
    measured = memory is None
    if memory is None:
        device = select(config.device)
    else:
        device = Device("cuda", "the GPU of --memory", "bfloat16", int(memory * 1e9))
    height, width, _ = config.input_shape
    on_device = images_on_device((train, validation), height, width, device.memory)
    tried = []
    for row in rows(config, sorted(sizes), device, on_device, measured):
        print(f"batch size {row.batch_size}: done", flush=True)
        tried.append(row)
    if measured and not train:
        print(f"{data}: does not exist yet, so the duration of the study is not predicted")
    print(f"\n{table(tried, config, settings.trial_count, train, validation)}\n")
    print("\n".join(remarks(tried, config, device, on_device, measured)))
