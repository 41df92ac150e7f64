"""Run the commands of each page, in order, in a clone of its own."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import sweep_example
from documents import PAGES, blocks, page_name
from project import Project
from segsweep.data.sample import write_sample

COMMANDS = {
    page_name(page): [
        block for block in blocks(page) if block.language == "sh" and not block.reason_not_run
    ]
    for page in PAGES
}
GIT_IDENTITY = {
    f"GIT_{role}_{key}": f"reader{suffix}"
    for role in ("AUTHOR", "COMMITTER")
    for key, suffix in (("NAME", ""), ("EMAIL", "@localhost"))
}
FRESH = {"README.md", "docs/tutorial.md", "docs/resuming.md"}
"""Pages that start in a fresh clone; the others start with a finished study."""


@pytest.fixture(scope="module")
def fresh(clones: Callable[[str], Project]) -> Project:
    """Return a clone with small studies and the example files that the documents name."""
    project = clones("fresh")
    for study in (project.folder / "studies").glob("*.yaml"):
        project.shrink_study(f"studies/{study.name}")
    project.commit("small studies")
    write_example_images(project.folder)
    write_wandb_export(project.folder / "wandb_export.csv")
    return project


@pytest.fixture(scope="module")
def finished(fresh: Project) -> Project:
    """Return a clone with a finished study."""
    project = copy_of(fresh, "finished")
    project.snakemake()
    return project


def copy_of(project: Project, name: str) -> Project:
    """Return a copy of a project in the folder `name` next to it."""
    folder = project.folder.with_name(name)
    shutil.copytree(project.folder, folder, symlinks=True)
    return Project(folder)


def write_example_images(folder: Path) -> None:
    """Write IMAGES_DIR with MASKS_DIR; and frames with labels, named by animal, and groups.csv."""
    write_sample("pupils", folder / "sample")
    shutil.move(folder / "sample/images", folder / "IMAGES_DIR")
    shutil.move(folder / "sample/masks", folder / "MASKS_DIR")
    with (folder / "sample/groups.csv").open() as file:
        animals = {row["image"]: row["group"].replace("-", "") for row in csv.DictReader(file)}
    mice = {animal: f"mouse{i}" for i, animal in enumerate(sorted(set(animals.values())))}
    rows = ["image,group"]
    for i, (image, animal) in enumerate(sorted(animals.items())):
        name = f"{mice[animal]}_{i:03d}.png"
        for source, target in (("IMAGES_DIR", "frames"), ("MASKS_DIR", "labels")):
            (folder / target).mkdir(exist_ok=True)
            shutil.copy(folder / source / image, folder / target / name)
        rows.append(f"{name},{mice[animal]}")
    (folder / "groups.csv").write_text("\n".join(rows) + "\n")


def write_wandb_export(path: Path) -> None:
    """Write a table of runs as W&B's page exports it."""
    columns = (*sweep_example.PARAMETERS, sweep_example.METRIC)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["Name", "State", *columns])
        for trial in sweep_example.trials(20):
            state = "finished" if trial["status"] == "finished" else "crashed"
            table.writerow([f"run-{trial['trial']}", state, *(trial[name] for name in columns)])


@pytest.mark.parametrize("page", [page for page, commands in COMMANDS.items() if commands])
def test_commands_of_a_page_work(page: str, fresh: Project, request: pytest.FixtureRequest) -> None:
    start = fresh if page in FRESH else request.getfixturevalue("finished")
    project = copy_of(start, page.replace("/", "-").removesuffix(".md"))
    for block in COMMANDS[page]:
        print(f"{block.location}\n{block.code}")
        print(project.run("bash", "-euo", "pipefail", "-c", block.code, env=GIT_IDENTITY))
