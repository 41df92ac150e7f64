"""A copy of the project whose real trainings and epochs are counted."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from project import Project, environment

SITE = Path(__file__).with_name("site")
TOOLS = {
    "snakemake": ("snakemake", "--cores", "8", "--resources", "gpu=1"),
    "repro": ("dvc", "repro"),
    "experiment": ("dvc", "exp", "run", "-S", "batch_size=64"),
}


@dataclass
class Witnessed(Project):
    """A project whose real trainings and epochs are counted in a file outside the tree."""

    witness: Path = field(default=Path())
    seen: int = 0
    seen_epochs: int = 0

    def run(self, *command: str, **settings: Any) -> str:
        env = self.watched() | settings.pop("env", {})
        return super().run(*command, **settings, env=env)

    def start(self, *command: str, **env: str) -> subprocess.Popen[str]:
        """Start a command in a session of its own, so that all it leaves behind can be found."""
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment() | self.watched() | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def watched(self) -> dict[str, str]:
        return {"WITNESS": str(self.witness), "PYTHONPATH": str(SITE)}

    def lines(self) -> list[str]:
        return self.witness.read_text().splitlines() if self.witness.exists() else []

    def trainings(self) -> int:
        """Real trainings since the last question."""
        total = self.lines().count("training")
        new, self.seen = total - self.seen, total
        return new

    def epochs(self) -> int:
        """Epochs really trained since the last question."""
        total = self.lines().count("epoch")
        new, self.seen_epochs = total - self.seen_epochs, total
        return new

    def tool(self, name: str, *targets: str, check: bool = True) -> str:
        return self.run(*TOOLS[name], *(["--", *targets] if targets else []), check=check)

    def results(self) -> dict[str, bytes]:
        """Every recorded file of the results, by name."""
        kept = ("metrics.json", "history.csv", "images.csv", "config.yaml", "suggestion.json")
        kept += ("model.json", "model_card.md")
        ends = (".safetensors", "best_config.yaml", "leaderboard.csv", "manifest.csv", "sweep.yaml")
        found = {}
        for top in ("results", "data/processed"):
            for path in sorted((self.folder / top).rglob("*")):
                if "wandb" not in path.parts and (path.name in kept or path.name.endswith(ends)):
                    found[str(path.relative_to(self.folder))] = path.read_bytes()
        return found
