"""`segsweep predict` as users run it: any files in, masks out, one list of problems."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from dicom import dicom
from project import environment, segsweep
from segsweep.core.errors import UserError
from segsweep.core.files import read_csv, read_json, write_json
from segsweep.inference.inputs import Source, find
from segsweep.inference.saved_model import Model
from segsweep.inference.writers import Writer


@pytest.fixture
def alone(model_folder: Path, tmp_path: Path) -> Path:
    """An empty folder but for a model's two files, which were copied there."""
    (tmp_path / "model").mkdir()
    for name in ("model.json", "model.safetensors"):
        shutil.copy(model_folder / name, tmp_path / "model")
    return tmp_path


def predict(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        segsweep("predict", "--model", "model", *arguments),
        cwd=folder,
        env=environment() | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def read(path: Path) -> np.ndarray:
    pixels = np.asarray(Image.open(path))
    assert pixels.dtype == np.uint8
    assert set(np.unique(pixels)) <= {0, 255}
    return pixels


def test_the_model_alone_gives_the_validation_masks_that_training_measured(
    alone: Path, model_folder: Path, cells: Path
) -> None:
    rows = read_csv(model_folder / "images.csv")
    names = [str(cells / "images" / f"{row['name']}.png") for row in rows]
    done = predict(alone, *names, "-o", "masks", "--probabilities", "p", "--threshold", "0.5")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"predict: {len(rows)} of {len(rows)} images" in done.stdout
    for row in rows:
        found = read(alone / f"masks/{row['name']}.png") > 0
        truth = np.asarray(Image.open(cells / f"masks/{row['name']}.png")) > 0
        hits = np.sum(found & truth)
        told = [row[name] for name in ("true_positives", "false_positives", "false_negatives")]
        assert told == [str(n) for n in (hits, found.sum() - hits, truth.sum() - hits)]
        probability = tifffile.imread(alone / f"p/{row['name']}.tif")
        assert probability.dtype == np.float32
        assert np.array_equal(probability >= 0.5, found)


def test_files_of_all_kinds_are_predicted_and_the_bad_ones_told_at_the_end(alone: Path) -> None:
    rng = np.random.default_rng(0)
    (alone / "a/deep").mkdir(parents=True)
    (alone / "b").mkdir()
    deep = rng.integers(0, 60000, (37, 501)).astype(np.uint16)
    Image.fromarray(deep).save(alone / "a/x.png")
    Image.fromarray((deep[:, :90] // 256).astype(np.uint8)).save(alone / "b/x.png")
    colour = rng.integers(0, 256, (50, 80, 3)).astype(np.uint8)
    tilted = Image.Exif()
    tilted[0x0112] = 6  # to be turned by a quarter
    Image.fromarray(colour).save(alone / "a/deep/photo.jpg", exif=tilted)
    tifffile.imwrite(alone / "a/float.ome.tif", rng.random((129, 65), np.float32))
    dicom(alone / "a/scan.dcm", rng.integers(0, 4000, (30, 40)).astype(np.uint16))
    (alone / "a/empty.png").touch()
    (alone / "a/broken.png").write_bytes(b"no image")
    Image.new("L", (1, 1)).save(alone / "a/point.png")
    tifffile.imwrite(alone / "a/stack.tif", rng.random((2, 20, 20), np.float32))
    done = predict(alone, "a", "b/*.png", "nowhere.png", "-o", "out", "--format", "tiff", "--flips")
    assert done.returncode == 1
    assert "error: 5 files could not be used" in done.stderr
    for name in ("empty.png", "broken.png", "point.png", "stack.tif", "nowhere.png"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr
    sizes = {
        "a/x": (37, 501),
        "b/x": (37, 90),
        "a/deep/photo": (80, 50),
        "a/float": (129, 65),
        "a/scan": (30, 40),
    }
    written = {p.relative_to(alone / "out").as_posix() for p in (alone / "out").rglob("*.*")}
    assert written == {f"{name}.tif" for name in sizes}
    for name, size in sizes.items():
        mask = tifffile.imread(alone / f"out/{name}.tif")
        assert (mask.dtype, mask.shape) == (np.uint8, size)
        assert set(np.unique(mask)) <= {0, 255}


def test_pages_are_images_where_the_model_was_trained_on_slices(alone: Path) -> None:
    told = read_json(alone / "model/model.json")
    told["preprocessing"] |= {"stacks": "slices", "mode": "tile"}
    write_json(alone / "model/model.json", told)
    stack = np.random.default_rng(0).integers(0, 256, (3, 70, 90)).astype(np.uint8)
    tifffile.imwrite(alone / "stack.tif", stack, photometric="minisblack")
    assert predict(alone, "stack.tif", "-o", "png", "--probabilities", "p").returncode == 0
    pages = [read(alone / f"png/stack#00{page}.png") for page in (1, 2, 3)]
    probability = tifffile.imread(alone / "p/stack.tif")
    assert probability.shape == stack.shape
    assert np.array_equal(np.stack(pages) > 0, probability >= 0.5)


def names(*given: object, out: Path) -> list[str]:
    sources, problems = find([str(one) for one in given], [out])
    assert problems == []
    return [source.name for source in sources]


def test_masks_are_named_after_their_images_and_kept_apart(tmp_path: Path) -> None:
    for place in ("one/x.png", "one/in/y.tif", "two/x.png", "two/x.tif", "two/z.ome.tif"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    one, two, out = tmp_path / "one", tmp_path / "two", tmp_path / "out"
    assert names(one, out=out) == ["x", "in/y"]
    assert names(one, one / "x.png", f"{one}/*.png", out=out) == ["x", "in/y"]
    assert names(one / "in/y.tif", two / "z.ome.tif", out=out) == ["y", "z"]
    assert names(one, two / "x.png", out=out) == ["one/x", "one/in/y", "two/x"]
    assert names(two, out=out) == ["x.png", "x.tif", "z.ome.tif"]


def test_an_image_is_never_overwritten(tmp_path: Path) -> None:
    image = tmp_path / "x.png"
    image.touch()
    with pytest.raises(UserError, match="its mask would take its place"):
        Writer([Source(image, "x")], tmp_path, "png", 0.5)
    with pytest.raises(UserError, match="choose two folders"):
        Writer([Source(image, "x")], tmp_path, "tiff", 0.5, tmp_path)
    with pytest.raises(UserError, match="masks would be taken for images"):
        find([str(tmp_path)], [tmp_path.parent / "masks", tmp_path / "masks"])
    with pytest.raises(UserError, match="no file is named like that"):
        find([f"{tmp_path}/*.tif"], [tmp_path / "masks"])
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match="found no images"):
        find([str(tmp_path / "none")], [tmp_path / "masks"])


def damaged(told: dict, *keys: str, value: object = None) -> dict:
    """A copy with one value replaced, or without it."""
    copy = json.loads(json.dumps(told))
    place = copy
    for key in keys[:-1]:
        place = place[key]
    if value is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    return copy


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (("config",), None, "'config' is missing"),
        (("metrics", "best_epoch"), None, "'best_epoch' is missing"),
        (("threshold", "chosen"), "high", "could not convert string to float"),
        (("preprocessing", "mode"), "crop", r"preprocessing\.mode: found 'crop'"),
        (("preprocessing", "input_shape"), [32, 32, 1], r"found \[32, 32, 1\], expected \[64, 64"),
        (("preprocessing", "percentiles"), [50.0, 10.0], r"found \[50\.0, 10\.0\]"),
        (("config", "depth"), "deep", "depth"),
        (("metrics", "float32_since"), "never", "expected whole numbers"),
        (("metrics",), 3, "is not what a training writes"),
    ],
)
def test_a_damaged_description_is_told_in_a_sentence(
    alone: Path, keys: tuple[str, ...], value: object, said: str
) -> None:
    path = alone / "model/model.json"
    write_json(path, damaged(read_json(path), *keys, value=value))
    with pytest.raises(UserError, match=rf"model\.json: .*{said}"):
        Model.read(alone / "model")


@pytest.mark.parametrize("channels", [10**6, 10**12])
def test_no_network_is_made_that_its_weights_do_not_fit(alone: Path, channels: int) -> None:
    path = alone / "model/model.json"
    write_json(path, damaged(read_json(path), "config", "base_channels", value=channels))
    with pytest.raises(UserError, match=r"expected \[|no network is as large"):
        Model.read(alone / "model").ready().__enter__()
