# The study, and the two helpers of which every rule is made; the rest is ordinary Snakemake.
#
#   tracked(OUTPUTS, name=path, ...)  The inputs of a rule. Snakemake sees them as old if the
#                                     provenance record, the last of OUTPUTS, matches the content
#                                     of all inputs and outputs; else the job runs.
#   run_job("script.py ...", options) The shell line: runs workflow/scripts/script.py, writes its
#                                     log and the provenance record, and with options also saves
#                                     the result in the cache or restores it from there.
#
# code_of("script") is the input that changes when the script, or a module that it imports, does.
import functools
import os
import shlex
import sys
from pathlib import Path

from snakemake.settings.types import DeploymentMethod
from snakemake.utils import update_config

sys.path.insert(0, f"{workflow.basedir}/src")

from segsweep.config.study import Study
from segsweep.core.errors import end_run, exit_on_error
from segsweep.core.files import read_yaml
from segsweep.core.processes import die_with_parent, end_with_reader, output_of
from segsweep.data.raw_data import RAW_DVC_FILE, check_raw_data
from segsweep.pipeline.cluster_nodes import sbatch_exclusion
from segsweep.pipeline.fingerprint import imported_modules
from segsweep.pipeline.staleness import STUDY_OF_RUN, StalenessCheck, is_read_only
from segsweep.search.warm_start import check_prior_trials_exist
from segsweep.training import RESULT_MODULES


def with_overrides(study, changes):
    """The study with the changes of `--config` and `--configfile`."""
    if isinstance(study, dict):
        update_config(study, changes)
    return study


IS_MAIN = workflow.is_main_process  # False in a job on a node of a cluster

if set("{}") & set(workflow.basedir):
    end_run(
        f"{workflow.basedir}: found a brace in the path, which Snakemake takes for a "
        "wildcard, expected a path without { and }; rename the folder"
    )

with exit_on_error():
    STUDY = Study.parse(
        with_overrides(read_yaml("params.yaml" if IS_MAIN else STUDY_OF_RUN), config)
    )
    check_raw_data(Path("data/raw"))
    check_prior_trials_exist(STUDY.sweep.prior_trials)

if IS_MAIN:
    if STUDY.untried:
        print(f"note: {STUDY.untried}", file=sys.stderr)
    if "DVC_STAGE" in os.environ:
        die_with_parent()  # a killed DVC must not leave its stage running
    end_with_reader()

STALENESS = StalenessCheck(dry=is_read_only(sys.argv), main=IS_MAIN)
STALENESS.save_study(STUDY.to_params())
SCRIPTS = "workflow/scripts"
ENVIRONMENT = "../../envs/segsweep.yaml"
# With --sdm conda, the Python of the activated environment; else the one that runs Snakemake.
BY_CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
THIS_PYTHON = shlex.quote(sys.executable).replace("{", "{{").replace("}", "}}")
PYTHON = "python" if BY_CONDA else THIS_PYTHON
# A training that failed because of the machine continues from its last epoch, twice at most. On a
# node only the run that sent the job tries again.
RETRIES = 2 if IS_MAIN else 0


def tracked(outputs, **inputs):
    return STALENESS.inputs(outputs, **inputs)


def params_subset(name, content):
    """A part of the study as an input file, so that a rule depends on the keys that it reads."""
    return STALENESS.params_subset(name, content)


@exit_on_error()
def code_of(script):
    return STALENESS.sources(script, imported_modules(f"{SCRIPTS}/{script}.py"))


def run_job(command, options=""):
    return (
        f"exec {PYTHON} {SCRIPTS}/run_job.py --log {{log}} --outputs {{output}}"
        f" --inputs {{input}} {options} -- {PYTHON} {SCRIPTS}/{command}"
    )


# Trainings: the input that represents their code, their resources and their cache options.
TRAINING_CODE = STALENESS.sources(
    "training", [f"src/segsweep/{m}" for m in RESULT_MODULES]
)


@functools.cache
def main_memory():
    study = params_subset("study", STUDY.to_params())
    return int(
        output_of(sys.executable, f"{SCRIPTS}/main_memory.py", study, "data/processed")
    )


def sends_jobs():
    """Whether this run sends trainings to a cluster; known when they are scheduled."""
    return IS_MAIN and workflow.non_local_exec


def gpus(wildcards):
    """One for each training; on this machine also for a training on the CPU."""
    return int(STUDY.training.device != "cpu" or (IS_MAIN and not sends_jobs()))


def memory(wildcards):
    return (STUDY.slurm.memory or main_memory()) if sends_jobs() else 0


def node_options(wildcards, attempt):
    return sbatch_exclusion(attempt) if sends_jobs() else ""


TRAINING = dict(
    gpu=gpus, runtime=STUDY.slurm.minutes, mem_mb=memory, slurm_extra=node_options
)


def cached_training(folder, weights=True, unkeyed=""):
    """Options of run_job for a training: without `weights` only the cache keeps the model."""
    options = f"--cache training --on-nodes --unhashed-outputs {folder}/timing.json {folder}/wandb"
    if not weights:
        options += " --cache-only " + " ".join(f"{folder}/{name}" for name in MODEL)
    return options + (f" --unkeyed-inputs {unkeyed}" if unkeyed else "")
