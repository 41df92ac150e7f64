"""The command line `segsweep VERB`: one module per command.

Modules import cyclopts at their top and everything else inside their function, so that help is
shown without importing PyTorch, pandas or wandb.
"""
