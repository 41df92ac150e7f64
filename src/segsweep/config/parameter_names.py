"""Other common names of the hyperparameters, as people and other programs write them."""

import re
from functools import cache

from segsweep.config.training_config import SEARCHABLE

ALIASES = {
    "lr": "learning_rate",
    "learningrate": "learning_rate",
    "initlr": "learning_rate",
    "initiallr": "learning_rate",
    "initiallearningrate": "learning_rate",
    "learningrateinit": "learning_rate",
    "baselr": "learning_rate",
    "lr0": "learning_rate",
    "maxlr": "learning_rate",
    "trainlr": "learning_rate",
    "bs": "batch_size",
    "batch": "batch_size",
    "batchsize": "batch_size",
    "bsize": "batch_size",
    "bsz": "batch_size",
    "trainbatchsize": "batch_size",
    "dropoutrate": "dropout",
    "dropoutprob": "dropout",
    "dropoutp": "dropout",
    "droprate": "dropout",
    "pdropout": "dropout",
    "l2": "l2_reg",
    "l2reg": "l2_reg",
    "l2regularization": "l2_reg",
    "weightdecay": "l2_reg",
    "wd": "l2_reg",
    "numepochs": "epochs",
    "nepochs": "epochs",
    "maxepochs": "epochs",
    "maxepoch": "epochs",
    "totalepochs": "epochs",
    "filters": "base_channels",
    "basefilters": "base_channels",
    "opt": "optimizer",
    "amp": "mixed_precision",
}
"""Keys have only the letters and digits of a name, in lower case."""


_KNOWN = {"".join(c for c in name if c.isalnum()): name for name in SEARCHABLE} | ALIASES


@cache
def standard_name(name: str) -> str:
    """Return this project's name for a parameter, or `name` itself."""
    *before, last_part = name_parts(name)
    if last_part.lower() in ("name", "type") and before:
        last_part = before[-1]  # such as `optimizer.name`
    letters = "".join(c for c in last_part.lower() if c.isalnum())
    return _KNOWN.get(letters, name)


def name_parts(name: str) -> list[str]:
    """Split the name of a column at its groups: `optim/lr`, `optim.lr`, `param: lr`."""
    return re.split(r"[./]|:\s+", name)
