"""The losses compared with MONAI and scikit-learn, on random, empty and full masks."""

import pytest
import torch
from monai.losses import DiceLoss
from sklearn.metrics import log_loss

from segsweep.training.losses import LOSSES, bce, bce_dice, dice_loss


@pytest.fixture
def logits() -> torch.Tensor:
    return 3 * torch.randn(5, 1, 16, 24, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def truth() -> torch.Tensor:
    """Three random masks, an empty and a full one."""
    masks = (torch.rand(5, 1, 16, 24, generator=torch.Generator().manual_seed(2)) > 0.7).float()
    masks[3], masks[4] = 0, 1
    return masks


def test_cross_entropy_equals_scikit_learn(logits: torch.Tensor, truth: torch.Tensor) -> None:
    for image, mask, loss in zip(logits, truth, bce(logits, truth), strict=True):
        probability = image.sigmoid().double().flatten().numpy()
        expected = log_loss(mask.flatten().numpy(), probability, labels=[0, 1])
        assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_dice_loss_equals_monai(logits: torch.Tensor, truth: torch.Tensor) -> None:
    monai_loss = DiceLoss(sigmoid=True, reduction="none", smooth_nr=1.0, smooth_dr=1.0)
    expected = monai_loss(logits, truth).flatten()
    torch.testing.assert_close(dice_loss(logits, truth), expected)


def test_bce_dice_is_the_sum_of_both(logits: torch.Tensor, truth: torch.Tensor) -> None:
    expected = bce(logits, truth) + dice_loss(logits, truth)
    torch.testing.assert_close(bce_dice(logits, truth), expected)


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_logits_are_summed_in_float32(name: str) -> None:
    """The sum of 256 x 256 ones is 65,536, more than float16 can represent."""
    logits = torch.full((1, 1, 256, 256), 30.0, dtype=torch.float16)
    loss = LOSSES[name](logits, torch.ones(1, 1, 256, 256))
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(0, abs=1e-4)
