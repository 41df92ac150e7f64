# The study, the reading of records, and how a rule's command is kept.
import functools
import os
import sys
from pathlib import Path

from snakemake.settings.types import DeploymentMethod
from snakemake.utils import update_config

sys.path.insert(0, f"{workflow.basedir}/src")

from segsweep.data.raw_data import TRACKED, refuse_own_images
from segsweep.core.errors import UserError
from segsweep.core.files import read_yaml
from segsweep.pipeline.cluster_nodes import exclusion
from segsweep.core.processes import die_with_parent, end_with_reader, output_of
from segsweep.pipeline.staleness import STUDY_AS_READ, StalenessCheck, is_dry
from segsweep.config.study import Study
from segsweep.search.warm_start import refuse_missing


def overridden(study, changes):
    """The study with what `--config` and `--configfile` change."""
    if isinstance(study, dict):
        update_config(study, changes)
    return study


IS_MAIN = workflow.is_main_process  # else a job on a node of a cluster

try:
    STUDY = Study.parse(
        overridden(read_yaml("params.yaml" if IS_MAIN else STUDY_AS_READ), config)
    )
    refuse_own_images(Path("data/raw"))
    refuse_missing(STUDY.sweep.prior_trials)
except UserError as error:
    sys.exit(f"error: {error}")

if IS_MAIN:
    if "DVC_STAGE" in os.environ:
        die_with_parent()  # a killed DVC must not leave its stage running
    end_with_reader()

STALENESS = StalenessCheck(dry=is_dry(sys.argv), main=IS_MAIN)
STALENESS.keep_study(STUDY.written())
# A training that a machine failed goes on from its last epoch; a third failure ends the sweep. On
# a node only the run that sent the job tries again.
RETRIES = 2 if IS_MAIN else 0
SCRIPTS = "workflow/scripts"
ENVIRONMENT = "../../envs/segsweep.yaml"
# With --sdm conda, the Python of the activated environment; else the one that runs Snakemake.
BY_CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
PYTHON = "python" if BY_CONDA else f"'{sys.executable}'"


def sources_of(script):
    return STALENESS.sources(script, f"{SCRIPTS}/{script}.py")


@functools.cache
def main_memory():
    study = STALENESS.params_subset("study", STUDY.written())
    return int(
        output_of(sys.executable, f"{SCRIPTS}/main_memory.py", study, "data/processed")
    )


def sends_jobs():
    """Whether this run sends trainings to a cluster; known when they are scheduled."""
    return IS_MAIN and workflow.non_local_exec


def gpus(wildcards):
    """One for each training; on this machine also for one that is told to use the CPU."""
    return int(STUDY.training.device != "cpu" or (IS_MAIN and not sends_jobs()))


def memory(wildcards):
    return (STUDY.slurm.memory or main_memory()) if sends_jobs() else 0


def nodes(wildcards, attempt):
    return exclusion(attempt) if sends_jobs() else ""


TRAINING = dict(gpu=gpus, runtime=STUDY.slurm.minutes, mem_mb=memory, slurm_extra=nodes)


def recorded(command, options=""):
    """The shell line of a rule: its command, run by run_job.py, which writes the record."""
    return (
        f"exec {PYTHON} {SCRIPTS}/keep.py --log {{log}} --outs {{output}} --ins {{input}}"
        f" {options} -- {PYTHON} {SCRIPTS}/{command}"
    )


def kept_as_fit(folder):
    return f"--tag fit --asides {folder}/timing.json {folder}/wandb"
