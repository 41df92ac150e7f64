"""Fixtures of the tests of this package."""

from model_example import config, cropped_nuclei, model_folder
from predict_example import folder

__all__ = ["config", "cropped_nuclei", "folder", "model_folder"]
