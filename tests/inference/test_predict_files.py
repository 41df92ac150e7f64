"""`segsweep predict` as users run it: any files in, masks out, one list of problems."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from dicom import dicom
from predict_example import changed, predict
from segsweep.core.errors import UserError
from segsweep.core.files import read_csv, read_json, write_json
from segsweep.inference.inputs import InputImage, find_images
from segsweep.inference.saved_model import SavedModel
from segsweep.inference.writers import Writer


def read_mask(path: Path) -> np.ndarray:
    """Read a mask and check that it is uint8, 0 and 255."""
    pixels = np.asarray(Image.open(path))
    assert pixels.dtype == np.uint8
    assert set(np.unique(pixels)) <= {0, 255}
    return pixels


def test_the_model_alone_gives_the_validation_masks_of_the_training(
    folder: Path, model_folder: Path, cropped_nuclei: Path
) -> None:
    rows = read_csv(model_folder / "images.csv")
    names = [str(cropped_nuclei / "images" / f"{row['name']}.png") for row in rows]
    done = predict(folder, *names, "-o", "masks", "--probabilities", "p", "--threshold", "0.5")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"predict: {len(rows)} of {len(rows)} images" in done.stdout
    for row in rows:
        predicted = read_mask(folder / f"masks/{row['name']}.png") > 0
        truth = np.asarray(Image.open(cropped_nuclei / f"masks/{row['name']}.png")) > 0
        hits = np.sum(predicted & truth)
        counts = [row[name] for name in ("true_positives", "false_positives", "false_negatives")]
        assert counts == [str(n) for n in (hits, predicted.sum() - hits, truth.sum() - hits)]
        probability = tifffile.imread(folder / f"p/{row['name']}.tif")
        assert probability.dtype == np.float32
        assert np.array_equal(probability >= 0.5, predicted)


def test_all_formats_are_predicted_and_problems_are_listed_at_the_end(folder: Path) -> None:
    rng = np.random.default_rng(0)
    (folder / "a/deep").mkdir(parents=True)
    (folder / "b").mkdir()
    deep = rng.integers(0, 60000, (37, 501)).astype(np.uint16)
    Image.fromarray(deep).save(folder / "a/x.png")
    Image.fromarray((deep[:, :90] // 256).astype(np.uint8)).save(folder / "b/x.png")
    colour = rng.integers(0, 256, (50, 80, 3)).astype(np.uint8)
    rotated = Image.Exif()
    rotated[0x0112] = 6  # the orientation tag: turn by a quarter
    Image.fromarray(colour).save(folder / "a/deep/photo.jpg", exif=rotated)
    tifffile.imwrite(folder / "a/float.ome.tif", rng.random((129, 65), np.float32))
    dicom(folder / "a/scan.dcm", rng.integers(0, 4000, (30, 40)).astype(np.uint16))
    (folder / "a/empty.png").touch()
    (folder / "a/broken.png").write_bytes(b"no image")
    Image.new("L", (1, 1)).save(folder / "a/point.png")
    tifffile.imwrite(folder / "a/stack.tif", rng.random((2, 20, 20), np.float32))
    done = predict(
        folder, "a", "b/*.png", "nowhere.png", "-o", "out", "--format", "tiff", "--flips"
    )
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
    written = {p.relative_to(folder / "out").as_posix() for p in (folder / "out").rglob("*.*")}
    assert written == {f"{name}.tif" for name in sizes}
    for name, size in sizes.items():
        mask = tifffile.imread(folder / f"out/{name}.tif")
        assert (mask.dtype, mask.shape) == (np.uint8, size)
        assert set(np.unique(mask)) <= {0, 255}


def test_an_outlier_that_takes_the_whole_range_is_refused_until_it_is_stored_as_no_data(
    folder: Path,
) -> None:
    image = np.random.default_rng(0).normal(300, 5, (60, 80)).astype(np.float32)
    image[:10, :20] = -9999
    tifffile.imwrite(folder / "x.tif", image)
    done = predict(folder, "x.tif", "-o", "out")
    assert done.returncode == 1
    assert "rescaled from -9999 to" in done.stderr
    assert "if -9999 marks pixels without data, store it as NaN" in done.stderr
    tifffile.imwrite(folder / "x.tif", np.where(image == -9999, np.nan, image))
    assert predict(folder, "x.tif", "-o", "out").returncode == 0
    tifffile.imwrite(folder / "y.tif", image, extratags=[(42113, 2, 6, "-9999", True)])
    assert predict(folder, "y.tif", "-o", "out").returncode == 0


def test_pages_are_predicted_if_the_model_was_trained_on_slices(folder: Path) -> None:
    content = read_json(folder / "model/model.json")
    content["preprocessing"] |= {"stacks": "slices", "mode": "tile"}
    write_json(folder / "model/model.json", content)
    stack = np.random.default_rng(0).integers(0, 256, (3, 70, 90)).astype(np.uint8)
    tifffile.imwrite(folder / "stack.tif", stack, photometric="minisblack")
    assert predict(folder, "stack.tif", "-o", "png", "--probabilities", "p").returncode == 0
    pages = [read_mask(folder / f"png/stack#00{page}.png") for page in (1, 2, 3)]
    probability = tifffile.imread(folder / "p/stack.tif")
    assert probability.shape == stack.shape
    assert np.array_equal(np.stack(pages) > 0, probability >= 0.5)


def names(*patterns: object, out: Path) -> list[str]:
    """Return the names of the masks of all images that match."""
    images, problems = find_images([str(pattern) for pattern in patterns], [out])
    assert problems == []
    return [image.name for image in images]


def test_masks_have_unique_names_after_their_images(tmp_path: Path) -> None:
    for file in ("one/x.png", "one/in/y.tif", "two/x.png", "two/x.tif", "two/z.ome.tif"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    one, two, out = tmp_path / "one", tmp_path / "two", tmp_path / "out"
    assert names(one, out=out) == ["x", "in/y"]
    assert names(one, one / "x.png", f"{one}/*.png", out=out) == ["x", "in/y"]
    assert names(one / "in/y.tif", two / "z.ome.tif", out=out) == ["y", "z"]
    assert names(one, two / "x.png", out=out) == ["one/x", "one/in/y", "two/x"]
    assert names(two, out=out) == ["x.png", "x.tif", "z.ome.tif"]


def test_an_image_is_never_overwritten(tmp_path: Path) -> None:
    image = tmp_path / "x.png"
    image.touch()
    with pytest.raises(UserError, match="its mask would overwrite it"):
        Writer([InputImage(image, "x")], tmp_path, "png", 0.5)
    with pytest.raises(UserError, match="choose two folders"):
        Writer([InputImage(image, "x")], tmp_path, "tiff", 0.5, tmp_path)
    with pytest.raises(UserError, match="would take masks for images"):
        find_images([str(tmp_path)], [tmp_path.parent / "masks", tmp_path / "masks"])
    with pytest.raises(UserError, match="no file matches"):
        find_images([f"{tmp_path}/*.tif"], [tmp_path / "masks"])
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match="found no images"):
        find_images([str(tmp_path / "none")], [tmp_path / "masks"])


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("config",), None, "'config' is missing"),
        (("metrics", "best_epoch"), None, "'best_epoch' is missing"),
        (
            ("threshold", "chosen"),
            "high",
            r"threshold\.chosen: found the text .high., expected a number",
        ),
        (("preprocessing", "mode"), "crop", r"preprocessing\.mode: found 'crop'"),
        (("preprocessing", "input_shape"), [32, 32, 1], r"found \[32, 32, 1\], expected \[64, 64"),
        (("preprocessing", "percentiles"), [50.0, 10.0], r"found \[50\.0, 10\.0\]"),
        (("config", "depth"), "deep", "depth"),
        (("metrics", "float32_since"), "never", "expected whole numbers"),
        (("metrics",), 3, "is not a model description"),
    ],
)
def test_a_damaged_description_is_refused_with_the_reason(
    folder: Path, keys: tuple[str, ...], value: object, message: str
) -> None:
    path = folder / "model/model.json"
    write_json(path, changed(read_json(path), *keys, value=value))
    with pytest.raises(UserError, match=rf"model\.json: .*{message}"):
        SavedModel.read(folder / "model")


@pytest.mark.parametrize("channels", [10**6, 10**12])
def test_no_network_is_allocated_that_does_not_fit_its_weights(folder: Path, channels: int) -> None:
    path = folder / "model/model.json"
    write_json(path, changed(read_json(path), "config", "base_channels", value=channels))
    with pytest.raises(UserError, match=rf"base_channels: found {channels}, expected"):
        SavedModel.read(folder / "model").load().__enter__()
