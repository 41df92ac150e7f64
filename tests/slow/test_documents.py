"""What a reader would type: the commands of each page, in its order, in a clone of its own."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import sweep_example
from documents import PAGES, blocks, name_of
from project import Project
from segsweep.data.sample import write_sample

RUN = {
    name_of(page): [block for block in blocks(page) if block.language == "sh" and not block.reason]
    for page in PAGES
}
READER = {
    f"GIT_{role}_{what}": f"reader{at}"
    for role in ("AUTHOR", "COMMITTER")
    for what, at in (("NAME", ""), ("EMAIL", "@localhost"))
}


FRESH = {"README.md", "docs/tutorial.md", "docs/resuming.md"}
"""Pages that begin with nothing made; the others are read when a study is finished."""


@pytest.fixture(scope="module")
def begun(clones: Callable[[str], Project]) -> Project:
    """A clone whose studies are all small, and the files that documents call a reader's own."""
    project = clones("begun")
    for study in (project.folder / "studies").glob("*.yaml"):
        project.shrink_study(f"studies/{study.name}")
    project.commit("small studies")
    own_images(project.folder)
    exported_runs(project.folder / "wandb_export.csv")
    return project


@pytest.fixture(scope="module")
def finished(begun: Project) -> Project:
    project = copied(begun, "finished")
    project.snakemake()
    return project


def copied(project: Project, name: str) -> Project:
    folder = project.folder.with_name(name)
    shutil.copytree(project.folder, folder, symlinks=True)
    return Project(folder)


def own_images(folder: Path) -> None:
    """IMAGES_DIR with MASKS_DIR; and frames with labels, named by animal, and groups.csv."""
    write_sample("pupils", folder / "own")
    shutil.move(folder / "own/images", folder / "IMAGES_DIR")
    shutil.move(folder / "own/masks", folder / "MASKS_DIR")
    with (folder / "own/groups.csv").open() as file:
        animal = {row["image"]: row["group"].replace("-", "") for row in csv.DictReader(file)}
    numbered = {mouse: f"mouse{i}" for i, mouse in enumerate(sorted(set(animal.values())))}
    rows = ["image,group"]
    for i, (image, mouse) in enumerate(sorted(animal.items())):
        name = f"{numbered[mouse]}_{i:03d}.png"
        for source, target in (("IMAGES_DIR", "frames"), ("MASKS_DIR", "labels")):
            (folder / target).mkdir(exist_ok=True)
            shutil.copy(folder / source / image, folder / target / name)
        rows.append(f"{name},{numbered[mouse]}")
    (folder / "groups.csv").write_text("\n".join(rows) + "\n")


def exported_runs(path: Path) -> None:
    """A table of runs as W&B's page exports it."""
    given = (*sweep_example.PARAMETERS, sweep_example.METRIC)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["Name", "State", *given])
        for trial in sweep_example.trials(20):
            state = "finished" if trial["status"] == "finished" else "crashed"
            table.writerow([f"run-{trial['trial']}", state, *(trial[name] for name in given)])


@pytest.mark.parametrize("page", [page for page, found in RUN.items() if found])
def test_the_commands_of_a_page_do_what_it_says(
    page: str, begun: Project, request: pytest.FixtureRequest
) -> None:
    start = begun if page in FRESH else request.getfixturevalue("finished")
    reader = copied(start, Path(page).stem)
    for block in RUN[page]:
        print(f"{block.place}\n{block.code}")
        print(reader.run("bash", "-euo", "pipefail", "-c", block.code, env=READER))
