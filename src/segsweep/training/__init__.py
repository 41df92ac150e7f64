"""Training of one configuration: network, data loading, epochs, and the files of the result.

`RESULT_MODULES` and `OTHER_MODULES` together are all segsweep modules that a training imports. The
source hash of a training covers `RESULT_MODULES` only, so a change of their code makes every
training stale; comments, docstrings and messages do not count. A change of `OTHER_MODULES` makes
none stale.

To decide where a module belongs: could a change of its code change a number in `metrics.json`,
`history.csv`, `images.csv`, `model.json` or the weights, for the same configuration, data and
environment? If so, or if in doubt, it is a result module. Keep these small, and move code that only
estimates, explains, locks or reports into other modules.

This package is imported by the Snakefile, so it must not import torch.
"""

RESULT_MODULES = (
    "config/training_config.py",
    "core/overlap.py",
    "data/dataset.py",
    "training/augmentation.py",
    "training/checkpoint.py",
    "training/columns.py",
    "training/dataloader.py",
    "training/engine.py",
    "training/fit.py",
    "training/losses.py",
    "training/metrics.py",
    "training/optimizers.py",
    "training/trainer.py",
    "training/unet.py",
)
"""Modules that decide the result of a training, as paths relative to `src/segsweep`."""

OTHER_MODULES = (
    # Error classes.
    "core/errors.py",
    # Read and write files without changing a value: JSON, CSV and YAML, in full precision.
    "core/files.py",
    "core/json_format.py",
    # Compares what a job reads with the hashes in its key.
    "core/expected_inputs.py",
    # Escapes control characters in what is printed.
    "core/printable.py",
    # Names files that are being written.
    "core/temporary_files.py",
    "core/yaml_format.py",
    # Names a folder for files that PyTorch and wandb need while they run.
    "core/scratch.py",
    # Names the device and the dtype of its arithmetic, both of which are part of each key.
    "pipeline/environment.py",
    # Lists and locks GPUs; all that a process can use are of one model.
    "pipeline/gpu_locks.py",
    "pipeline/gpus.py",
    # These lists.
    "training/__init__.py",
    # Reserves the GPU, recognises failures, and decides which images stay on the device. The
    # batches are the same wherever they are read from (tests/training/test_dataloader.py).
    "training/device.py",
    # Predicts memory, to explain why a training ran out of it; such a result is never cached.
    "training/memory.py",
    # Decides after which epoch a trial ends, not what its epochs are. The cache holds whole
    # trainings; the rule of trials has this code as an input that is not part of the key.
    "training/pruning.py",
)
"""Modules that a training imports as well, and why they do not decide its result."""
