"""The losses against MONAI's and scikit-learn's, on random and on extreme masks."""

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
    """Random masks, one that is empty and one that is full."""
    masks = (torch.rand(5, 1, 16, 24, generator=torch.Generator().manual_seed(2)) > 0.7).float()
    masks[3], masks[4] = 0, 1
    return masks


def test_cross_entropy_is_scikit_learns(logits: torch.Tensor, truth: torch.Tensor) -> None:
    for one, mask, found in zip(logits, truth, bce(logits, truth), strict=True):
        probability = one.sigmoid().double().flatten().numpy()
        expected = log_loss(mask.flatten().numpy(), probability, labels=[0, 1])
        assert float(found) == pytest.approx(expected, rel=1e-5)


def test_dice_loss_is_monais(logits: torch.Tensor, truth: torch.Tensor) -> None:
    monais = DiceLoss(sigmoid=True, reduction="none", smooth_nr=1.0, smooth_dr=1.0)
    expected = monais(logits, truth).flatten()
    torch.testing.assert_close(dice_loss(logits, truth), expected)


def test_bce_dice_is_their_sum(logits: torch.Tensor, truth: torch.Tensor) -> None:
    both = bce(logits, truth) + dice_loss(logits, truth)
    torch.testing.assert_close(bce_dice(logits, truth), both)


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_logits_are_summed_in_float32(name: str) -> None:
    """256 x 256 ones make 65,536, one more than float16 holds."""
    logits = torch.full((1, 1, 256, 256), 30.0, dtype=torch.float16)
    found = LOSSES[name](logits, torch.ones(1, 1, 256, 256))
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(0, abs=1e-4)
