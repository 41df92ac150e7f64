"""segsweep: find, prove and carry on from the best hyperparameters of a U-Net."""

__version__ = "0.1.0"
