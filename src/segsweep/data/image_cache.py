"""Where images that are ready for the network are kept, by their content."""

import json
from pathlib import Path

from segsweep.core.files import sha256
from segsweep.data.prepare import Settings
from segsweep.pipeline.cache import root
from segsweep.pipeline.staleness import sources

PREPARE = "src/segsweep/data/prepare.py"


def kept_folder(settings: Settings) -> Path:
    """The folder for these settings and the present code (below `.store/images`)."""
    code = json.dumps([sha256(path) for path in sources(PREPARE)])
    return root() / "images" / settings.digest(code)
