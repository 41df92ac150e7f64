"""Fixtures of the tests of this package."""

from model_example import config, cropped_nuclei, model_folder

__all__ = ["config", "cropped_nuclei", "model_folder"]
