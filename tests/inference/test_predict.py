"""Images of any size through the network, and back into their own pixels."""

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
from segsweep.data.prepare import Settings
from segsweep.inference.inputs import Source
from segsweep.inference.page import Page
from segsweep.inference.predict import Picture, predict, probabilities
from segsweep.inference.saved_model import Model
from segsweep.inference.sliding_window import cuts
from segsweep.training.engine import Engine

SIDE = (64, 64)
SHAPES = [(1, 2), (37, 501), (64, 64), (65, 64), (63, 130), (200, 131)]
HALF = nn.Conv2d(1, 1, 1)
nn.init.zeros_(HALF.weight)
nn.init.constant_(HALF.bias, 1.0)
P = 1 / (1 + np.exp(-1.0))
"""What HALF makes of every pixel."""


@pytest.fixture
def engine(config: TrainingConfig) -> Engine:
    return Engine(config, torch.device("cpu"), "float32")


@pytest.fixture(scope="module")
def trained(model_folder: Path) -> Iterator[Engine]:
    with Model.read(model_folder).ready() as ready:
        yield ready


def settings(mode: str) -> Settings:
    return Settings(SIDE, (0.0, 100.0), mode, "binary", "slices")  # type: ignore[arg-type]


def noise(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    grey = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    grey.flat[:2] = 0, 255
    return grey


def run(
    engine: Engine, greys: Sequence[np.ndarray], mode: str, batch_size: int = 8, flips: bool = False
) -> list[np.ndarray]:
    pictures = [
        Picture(Source(Path(str(i)), str(i)), [Page(grey, settings(mode))])
        for i, grey in enumerate(greys)
    ]
    found = list(predict(engine, pictures, batch_size, flips))
    assert [picture.source.name for picture in found] == [str(i) for i in range(len(greys))]
    return [picture.pages[0].probabilities() for picture in found]


@given(st.integers(1, 700), st.sampled_from([2, 4, 8, 16, 64, 96]))
def test_the_tiles_of_a_side_cover_it_with_weights_that_add_up_to_one(
    length: int, side: int
) -> None:
    total = np.zeros(length)
    for cut in cuts(length, side):
        assert len(cut.pixels) == min(length, side)
        assert 0 <= cut.pixels.min() <= cut.pixels.max() < length
        counted = slice(cut.begin, cut.begin + len(cut.weights))
        within = cut.pixels[cut.skipped : cut.skipped + len(cut.weights)]
        assert np.array_equal(within, np.arange(length)[counted])
        total[counted] += cut.weights
    assert np.allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize("mode", ["resize", "pad", "tile"])
def test_every_image_comes_back_in_its_own_size(engine: Engine, mode: str) -> None:
    engine.network = HALF  # type: ignore[assignment]
    for shape, found in zip(SHAPES, run(engine, [noise(s) for s in SHAPES], mode), strict=True):
        assert (found.dtype, found.shape) == (np.float32, shape)
        assert np.allclose(found, P, atol=1e-6)


def test_tiles_blend_into_what_one_look_at_the_whole_gives(engine: Engine) -> None:
    """For a network that sees 3 pixels far, less than the margin that a tile does not count."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 5, padding=2)]
    engine.network = nn.Sequential(*layers)  # type: ignore[assignment]
    grey = noise((150, 217))
    (found,) = run(engine, [grey], "tile")
    whole = engine.probabilities(torch.from_numpy(grey)[None, None])[0, 0].numpy()
    inside = (slice(3, -3), slice(3, -3))
    assert np.allclose(found[inside], whole[inside], atol=1e-5)
    assert not np.allclose(found, whole, atol=1e-3)  # at the border, which is mirrored


def test_stretched_images_are_resized_back_as_scikit_image_does() -> None:
    page = Page(noise((192, 130)), settings("resize"))
    (seen,) = page.arrays()
    page.take(seen.astype(np.float32) / 255)
    found = page.probabilities()
    expected = resize(seen / 255, (192, 130), order=1, mode="edge")
    assert np.allclose(found, expected, atol=1e-5)


def test_batches_across_images_of_all_sizes_change_nothing(trained: Engine) -> None:
    greys = [noise(shape, seed) for seed, shape in enumerate(SHAPES)]
    one, seven = (run(trained, greys, "tile", batch_size=size) for size in (1, 7))
    trained.use("float32")
    assert all(np.allclose(a, b, atol=1e-2) for a, b in zip(one, seven, strict=True))


def test_flips_turn_with_the_image(trained: Engine) -> None:
    trained.use("float32")
    grey = noise(SIDE)
    turned = np.ascontiguousarray(np.rot90(grey)[:, ::-1])
    plain = run(trained, [grey, turned], "resize")
    assert not np.allclose(np.rot90(plain[0])[:, ::-1], plain[1], atol=1e-4)
    mean = run(trained, [grey, turned], "resize", flips=True)
    assert np.allclose(np.rot90(mean[0])[:, ::-1], mean[1], atol=1e-5)


def test_flips_of_a_rectangle_are_its_four(config: TrainingConfig) -> None:
    flat = dataclasses.replace(config, input_shape=(32, 64, 1))
    engine = Engine(flat, torch.device("cpu"), "float32")
    image = torch.from_numpy(noise((32, 64)))[None, None]
    found = probabilities(engine, image, flips=True)
    moves = [(), (2,), (3,), (2, 3)]
    each = [
        engine.probabilities(image.flip(m)).flip(m) if m else engine.probabilities(image)
        for m in moves
    ]
    assert torch.allclose(found, torch.stack(each).mean(0), atol=1e-6)
