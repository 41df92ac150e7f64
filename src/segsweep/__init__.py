"""segsweep: find, confirm and improve on the best hyperparameters of a U-Net."""

__version__ = "0.1.0"
