"""Predict images of any size, with probabilities in their own pixels."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import resize
from torch import nn

from segsweep.config.training_config import TrainingConfig
from segsweep.data.images import GreyPage
from segsweep.data.prepare import ImageSettings
from segsweep.inference.inputs import InputImage
from segsweep.inference.predict import Page, Prediction, predict, probabilities
from segsweep.inference.saved_model import SavedModel
from segsweep.inference.sliding_window import spans
from segsweep.training.engine import Engine

SIDE = (64, 64)
SHAPES = [(1, 2), (37, 501), (64, 64), (65, 64), (63, 130), (200, 131)]
CONSTANT = nn.Conv2d(1, 1, 1)
"""A network with the same output for each pixel."""
nn.init.zeros_(CONSTANT.weight)
nn.init.constant_(CONSTANT.bias, 1.0)
PROBABILITY = 1 / (1 + np.exp(-1.0))
"""The probability that CONSTANT gives each pixel."""


@pytest.fixture
def engine(config: TrainingConfig) -> Engine:
    return Engine(config, torch.device("cpu"), "float32")


@pytest.fixture(scope="module")
def trained(model_folder: Path) -> Iterator[Engine]:
    with SavedModel.read(model_folder).load() as engine:
        yield engine


def settings(mode: str) -> ImageSettings:
    return ImageSettings(SIDE, (0.0, 100.0), mode, "binary", "slices")  # type: ignore[arg-type]


def noise(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    grey = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    grey.flat[:2] = 0, 255
    return grey


def run(
    engine: Engine, greys: Sequence[np.ndarray], mode: str, batch_size: int = 8, flips: bool = False
) -> list[np.ndarray]:
    """Predict images and return their probabilities, in the same order."""
    images = [
        Prediction(InputImage(Path(str(i)), str(i)), [Page(GreyPage(grey), settings(mode))])
        for i, grey in enumerate(greys)
    ]
    predictions = list(predict(engine, images, batch_size, flips))
    assert [prediction.image.name for prediction in predictions] == [
        str(i) for i in range(len(greys))
    ]
    return [prediction.pages[0].probabilities() for prediction in predictions]


@given(st.integers(1, 700), st.sampled_from([2, 4, 8, 16, 64, 96]))
def test_the_weights_of_all_spans_sum_to_one_at_each_pixel(length: int, side: int) -> None:
    total = np.zeros(length)
    for span in spans(length, side):
        assert len(span.pixels) == min(length, side)
        assert 0 <= span.pixels.min() <= span.pixels.max() < length
        weighted = slice(span.start, span.start + len(span.weights))
        within = span.pixels[span.margin : span.margin + len(span.weights)]
        assert np.array_equal(within, np.arange(length)[weighted])
        total[weighted] += span.weights
    assert np.allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize("mode", ["resize", "pad", "tile"])
def test_probabilities_have_the_size_of_the_image(engine: Engine, mode: str) -> None:
    engine.network = CONSTANT  # type: ignore[assignment]
    results = run(engine, [noise(shape) for shape in SHAPES], mode)
    for shape, result in zip(SHAPES, results, strict=True):
        assert (result.dtype, result.shape) == (np.float32, shape)
        assert np.allclose(result, PROBABILITY, atol=1e-6)


def test_blended_tiles_equal_the_prediction_of_the_whole_image(engine: Engine) -> None:
    """For a network with a receptive field of 3 pixels, less than the ignored margin of a tile."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 5, padding=2)]
    engine.network = nn.Sequential(*layers)  # type: ignore[assignment]
    grey = noise((150, 217))
    (blended,) = run(engine, [grey], "tile")
    whole = engine.probabilities(torch.from_numpy(grey)[None, None])[0, 0].numpy()
    inside = (slice(3, -3), slice(3, -3))
    assert np.allclose(blended[inside], whole[inside], atol=1e-5)
    assert not np.allclose(blended, whole, atol=1e-3)  # the border is mirrored


def test_probabilities_are_resized_as_by_scikit_image() -> None:
    page = Page(GreyPage(noise((192, 130))), settings("resize"))
    (pixels,) = page.network_inputs()
    page.add_output(pixels.astype(np.float32) / 255)
    expected = resize(pixels / 255, (192, 130), order=1, mode="edge")
    assert np.allclose(page.probabilities(), expected, atol=1e-5)


def test_the_batch_size_does_not_change_the_prediction(trained: Engine) -> None:
    greys = [noise(shape, seed) for seed, shape in enumerate(SHAPES)]
    single, batched = (run(trained, greys, "tile", batch_size=size) for size in (1, 7))
    trained.set_autocast("float32")
    assert all(np.allclose(a, b, atol=1e-2) for a, b in zip(single, batched, strict=True))


def test_with_flips_a_turned_image_has_the_turned_prediction(trained: Engine) -> None:
    trained.set_autocast("float32")
    grey = noise(SIDE)
    turned = np.ascontiguousarray(np.rot90(grey)[:, ::-1])
    plain = run(trained, [grey, turned], "resize")
    assert not np.allclose(np.rot90(plain[0])[:, ::-1], plain[1], atol=1e-4)
    mean = run(trained, [grey, turned], "resize", flips=True)
    assert np.allclose(np.rot90(mean[0])[:, ::-1], mean[1], atol=1e-5)


def test_flips_of_a_rectangle_are_its_four_symmetries(config: TrainingConfig) -> None:
    rectangle = dataclasses.replace(config, input_shape=(32, 64, 1))
    engine = Engine(rectangle, torch.device("cpu"), "float32")
    image = torch.from_numpy(noise((32, 64)))[None, None]
    axes = [(), (2,), (3,), (2, 3)]
    flipped = [
        engine.probabilities(image.flip(a)).flip(a) if a else engine.probabilities(image)
        for a in axes
    ]
    mean = torch.stack(flipped).mean(0)
    assert torch.allclose(probabilities(engine, image, flips=True), mean, atol=1e-6)
