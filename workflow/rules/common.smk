# The study, the reading of records, and how a rule's command is kept.
import sys

sys.path.insert(0, f"{workflow.basedir}/src")

from segsweep.errors import UserError
from segsweep.provenance import Reading, is_dry
from segsweep.store import root
from segsweep.study import Study

try:
    STUDY = Study.parse(config)
except UserError as error:
    sys.exit(f"error: {error}")

READING = Reading(dry=is_dry(sys.argv), main=workflow.is_main_process)
SCRIPTS = "workflow/scripts"
PYTHON = f"'{sys.executable}'"


def sources_of(script):
    return READING.sources(script, f"{SCRIPTS}/{script}.py")


def recorded(command, options=""):
    """The shell line of a rule: its command, run by keep.py, which writes the record."""
    return (
        f"exec {PYTHON} {SCRIPTS}/keep.py --log {{log}} --outs {{output}} --ins {{input}}"
        f" {options} -- {PYTHON} {SCRIPTS}/{command}"
    )
