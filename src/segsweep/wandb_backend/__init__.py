"""Everything that imports or starts wandb: the agent, live logging, artifacts and later upload."""
