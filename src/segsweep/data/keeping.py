"""Where images that are ready for the network are kept, by their content."""

import json
from pathlib import Path

from segsweep.data.prepare import Settings
from segsweep.files import sha256
from segsweep.provenance import sources
from segsweep.store import root

PREPARE = "src/segsweep/data/prepare.py"


def kept_folder(settings: Settings) -> Path:
    """The folder for these settings and the present code (below `.store/images`)."""
    code = json.dumps([sha256(path) for path in sources(PREPARE)])
    return root() / "images" / settings.digest(code)
