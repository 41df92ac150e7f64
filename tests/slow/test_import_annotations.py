"""`segsweep import-data` on photographs with polygons, in a real clone."""

from collections.abc import Callable
from pathlib import Path

from annotation_example import STAR, coco, flat, labelme, photo, read, write
from own_data import IMPORT_DATA
from project import Project


def test_photographs_with_labelme_files(clone: Callable[[], Project], tmp_path: Path) -> None:
    project = clone()
    for number in range(8):
        photo(tmp_path / f"photos/{number}.jpg")
        write(tmp_path / f"photos/{number}.json", labelme(("cell", "polygon", STAR)))
    command = (*IMPORT_DATA, str(tmp_path / "photos"))
    assert "--label axon: no region in" in project.run(*command, "--label", "axon", check=False)
    assert project.run("git", "status", "--porcelain") == ""
    output = project.run(*command)
    assert "masks of 8 images drawn from LabelMe regions of the class cell (8 regions)" in output
    assert "8 images in 8 groups are in data/raw" in output
    raw = project.folder / "data/raw"
    assert sorted(path.name for path in (raw / "masks").iterdir()) == [
        f"{number}.png" for number in range(8)
    ]
    assert read(raw / "masks/7.png").any()
    assert not list(raw.parent.glob(".raw.*"))


def test_one_coco_file_next_to_the_images(clone: Callable[[], Project], tmp_path: Path) -> None:
    project = clone()
    names = [photo(tmp_path / f"photos/{number}.png").name for number in range(8)]
    file = write(tmp_path / "coco.json", coco(*((name, [[flat(STAR)]]) for name in names[:-1])))
    command = (*IMPORT_DATA, str(tmp_path / "photos"), str(file), "--label", "cell")
    output = project.run(*command, check=False)
    assert "error: found 1 error in the images (missing partner: 1)" in output
    assert "7.png: is not in the list of images in" in output
    assert not list((project.folder / "data").glob(".raw.*"))
    (tmp_path / "photos/7.png").unlink()
    assert "7 images in 7 groups" in project.run(*command)
    without = (*IMPORT_DATA, str(tmp_path), "--label", "cell")
    write(file, {"notes": []})
    assert "--label: found no annotations in" in project.run(*without, check=False)
