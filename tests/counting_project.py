"""A copy of the project that counts real trainings and epochs."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from project import Project, environment, heed_interrupts

SITE = Path(__file__).with_name("site")
TOOLS = {
    "snakemake": ("snakemake", "--cores", "8", "--resources", "gpu=1"),
    "repro": ("dvc", "repro"),
    "experiment": ("dvc", "exp", "run", "-S", "batch_size=64"),
}


@dataclass
class CountingProject(Project):
    """A project that counts real trainings and epochs in a file outside its folder."""

    counter: Path = field(default=Path())
    seen: int = 0
    seen_epochs: int = 0

    def run(self, *command: str, **settings: Any) -> str:
        env = self.counting() | settings.pop("env", {})
        return super().run(*command, **settings, env=env)

    def start(self, *command: str, **env: str) -> subprocess.Popen[str]:
        """Start a command in its own session, so that all its processes can be found."""
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment() | self.counting() | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=heed_interrupts,
        )

    def counting(self) -> dict[str, str]:
        return {"COUNTER": str(self.counter), "PYTHONPATH": str(SITE)}

    def lines(self) -> list[str]:
        return self.counter.read_text().splitlines() if self.counter.exists() else []

    def trainings(self) -> int:
        """Return the number of trainings since the last call."""
        total = self.lines().count("training")
        new, self.seen = total - self.seen, total
        return new

    def epochs(self) -> int:
        """Return the number of trained epochs since the last call."""
        total = self.lines().count("epoch")
        new, self.seen_epochs = total - self.seen_epochs, total
        return new

    def tool(self, name: str, *targets: str, check: bool = True) -> str:
        return self.run(*TOOLS[name], *(["--", *targets] if targets else []), check=check)

    def results(self) -> dict[str, bytes]:
        """Return every recorded file of the results by name."""
        names = ("metrics.json", "history.csv", "images.csv", "config.yaml", "suggestion.json")
        names += ("model.json", "model_card.md")
        ends = (".safetensors", "best_config.yaml", "leaderboard.csv", "manifest.csv", "sweep.yaml")
        contents = {}
        for top in ("results", "data/processed"):
            for path in sorted((self.folder / top).rglob("*")):
                if "wandb" not in path.parts and (path.name in names or path.name.endswith(ends)):
                    contents[str(path.relative_to(self.folder))] = path.read_bytes()
        return contents
