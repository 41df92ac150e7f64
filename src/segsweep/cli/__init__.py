"""The command line `segsweep VERB`: one module per command.

Modules import cyclopts at their top and everything else inside their function, so that help is
shown without importing PyTorch or wandb. To add a command, write its module here and name it in
`COMMANDS` of `app.py`; `make schema` writes its reference.
"""
