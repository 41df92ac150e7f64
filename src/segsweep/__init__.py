"""segsweep: find, confirm and improve on the best hyperparameters of a U-Net."""

__version__ = "0.1.0"

from segsweep.core.expected_inputs import check_imports

check_imports()  # in a job: compares each module with its hash
