"""Fixtures of the tests of this folder."""

from own_data import clone, data_sets

__all__ = ["clone", "data_sets"]
