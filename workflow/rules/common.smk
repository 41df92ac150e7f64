# The study, the reading of records, and how a rule's command is kept.
import os
import sys
from pathlib import Path

from snakemake.settings.types import DeploymentMethod
from snakemake.utils import update_config

sys.path.insert(0, f"{workflow.basedir}/src")

from segsweep.data.own import TRACKED, refuse_own_images
from segsweep.errors import UserError
from segsweep.files import read_yaml
from segsweep.processes import die_with_parent, end_with_reader
from segsweep.provenance import Reading, is_dry
from segsweep.study import Study
from segsweep.sweep.prior import refuse_missing


def overridden(study, changes):
    """The study with what `--config` and `--configfile` change."""
    if isinstance(study, dict):
        update_config(study, changes)
    return study


try:
    STUDY = Study.parse(overridden(read_yaml("params.yaml"), config))
    refuse_own_images(Path("data/raw"))
    refuse_missing(STUDY.sweep.prior_trials)
except UserError as error:
    sys.exit(f"error: {error}")

if "DVC_STAGE" in os.environ:
    die_with_parent()  # a killed DVC must not leave its stage running

if workflow.is_main_process:
    end_with_reader()

READING = Reading(dry=is_dry(sys.argv), main=workflow.is_main_process)
SCRIPTS = "workflow/scripts"
ENVIRONMENT = "../../envs/segsweep.yaml"
# With --sdm conda, the Python of the activated environment; else the one that runs Snakemake.
BY_CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
PYTHON = "python" if BY_CONDA else f"'{sys.executable}'"


def sources_of(script):
    return READING.sources(script, f"{SCRIPTS}/{script}.py")


def recorded(command, options=""):
    """The shell line of a rule: its command, run by keep.py, which writes the record."""
    return (
        f"exec {PYTHON} {SCRIPTS}/keep.py --log {{log}} --outs {{output}} --ins {{input}}"
        f" {options} -- {PYTHON} {SCRIPTS}/{command}"
    )


def kept_as_fit(folder):
    return f"--tag fit --asides {folder}/timing.json {folder}/wandb"
