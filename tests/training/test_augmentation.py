"""Augmentation: masks stay on their images, chance comes from one generator."""

import pytest
import torch

from segsweep.training.augmentation import Draws, augment, draw, symmetries


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(n: int, height: int, width: int, strength: float, seed: int) -> Draws:
    return draw(n, height == width, strength, seeded(seed))


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randint(256, (64, 1, 8, 8), generator=seeded(0), dtype=torch.uint8)


def changed(
    images: torch.Tensor, strength: float, seed: int = 2
) -> tuple[torch.Tensor, torch.Tensor]:
    """Images and the masks of their brighter pixels, augmented."""
    n, _, height, width = images.shape
    table = symmetries(height, width, images.device)
    draws = drawn(n, height, width, strength, seed)
    return augment(images, (images > 127).to(torch.uint8), draws, table)


def test_masks_stay_on_their_images(images: torch.Tensor) -> None:
    moved, masks = changed(images, 1.0)
    for image, mask in zip(moved, masks, strict=True):
        assert image[mask == 1].min() > image[mask == 0].max()


def test_the_generator_decides_all(images: torch.Tensor) -> None:
    first = changed(images, 1.0)[0]
    torch.rand(5)
    assert torch.equal(first, changed(images, 1.0)[0])
    assert not torch.equal(first, changed(images, 1.0, seed=3)[0])


def test_strength_0_shows_images_as_they_are(images: torch.Tensor) -> None:
    same, masks = changed(images, 0.0)
    torch.testing.assert_close(same, images.float() / 255)
    assert torch.equal(masks, (images > 127).float())


def test_strength_is_the_share_that_is_moved_and_the_range_of_greys() -> None:
    half = drawn(4000, 8, 8, 0.5, 1)
    assert float((half.moves > 0).float().mean()) == pytest.approx(0.5 * 7 / 8, abs=0.03)
    for strength in (0.5, 1.0, 2.0):
        draws = drawn(4000, 8, 8, strength, 1)
        assert float((draws.gain - 1).abs().max()) == pytest.approx(0.2 * strength, rel=0.01)
        assert float(draws.shift.abs().max()) == pytest.approx(0.1 * strength, rel=0.01)


def test_a_square_has_eight_symmetries_and_another_rectangle_four() -> None:
    for height, width, count in ((4, 4, 8), (4, 6, 4)):
        image = torch.arange(height * width).view(height, width)
        table = symmetries(height, width, image.device)
        seen = {tuple(image.flatten()[places].tolist()) for places in table}
        flips = (image, image.flip(0), image.flip(1), image.flip(0, 1))
        assert len(table) == len(seen) == count
        assert {tuple(flipped.flatten().tolist()) for flipped in flips} <= seen
