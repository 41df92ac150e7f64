"""A W&B server on loopback that supports this project's runs, sweeps, agents and artifacts.

It checks API keys, refuses what the hosted server refuses (a run of a sweep that it does not have),
and fails on command. Its answers follow what wandb 0.31 sends; it is not W&B's own server.
"""

from wandb_server.server import Server

__all__ = ["Server"]
