"""Augmentation: masks follow their images, and one generator decides everything."""

import pytest
import torch

from segsweep.training.augmentation import (
    BRIGHTNESS,
    CONTRAST,
    AugmentationParams,
    augment,
    draw_params,
    symmetries,
)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def params(n: int, height: int, width: int, strength: float, seed: int) -> AugmentationParams:
    return draw_params(n, height == width, strength, generator(seed))


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randint(256, (64, 1, 8, 8), generator=generator(0), dtype=torch.uint8)


def augmented(
    images: torch.Tensor, strength: float, seed: int = 2
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return augmented images, with masks of their brighter pixels."""
    n, _, height, width = images.shape
    table = symmetries(height, width, images.device)
    masks = (images > 127).to(torch.uint8)
    return augment(images, masks, params(n, height, width, strength, seed), table)


def test_masks_follow_their_images(images: torch.Tensor) -> None:
    for image, mask in zip(*augmented(images, 1.0), strict=True):
        assert image[mask == 1].min() > image[mask == 0].max()


def test_the_generator_decides_everything(images: torch.Tensor) -> None:
    first = augmented(images, 1.0)[0]
    torch.rand(5)
    assert torch.equal(first, augmented(images, 1.0)[0])
    assert not torch.equal(first, augmented(images, 1.0, seed=3)[0])


def test_strength_0_changes_nothing(images: torch.Tensor) -> None:
    unchanged, masks = augmented(images, 0.0)
    torch.testing.assert_close(unchanged, images.float() / 255)
    assert torch.equal(masks, (images > 127).float())


def test_strength_is_the_probability_of_a_move_and_the_range_of_grey_values() -> None:
    half = params(4000, 8, 8, 0.5, 1)
    assert float((half.symmetry > 0).float().mean()) == pytest.approx(0.5 * 7 / 8, abs=0.03)
    for strength in (0.5, 1.0, 2.0):
        drawn = params(4000, 8, 8, strength, 1)
        assert float((drawn.gain - 1).abs().max()) == pytest.approx(CONTRAST * strength, rel=0.01)
        assert float(drawn.shift.abs().max()) == pytest.approx(BRIGHTNESS * strength, rel=0.01)


def test_a_square_has_eight_symmetries_and_another_rectangle_four() -> None:
    for height, width, count in ((4, 4, 8), (4, 6, 4)):
        image = torch.arange(height * width).view(height, width)
        table = symmetries(height, width, image.device)
        results = {tuple(image.flatten()[sources].tolist()) for sources in table}
        flips = (image, image.flip(0), image.flip(1), image.flip(0, 1))
        assert len(table) == len(results) == count
        assert {tuple(flipped.flatten().tolist()) for flipped in flips} <= results
