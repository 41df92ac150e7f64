"""The study: one params file, its keys, their ranges, and what is said when one is wrong."""

from segsweep.study.ranges import check_training
from segsweep.study.sections import HYPERPARAMETERS
from segsweep.study.study import Study

__all__ = ["HYPERPARAMETERS", "Study", "check_training"]
