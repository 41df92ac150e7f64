"""Scores against SciPy and scikit-learn, and the cases whose answer is known."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import dice as scipy_dice_distance
from sklearn.metrics import jaccard_score

from segsweep.training.metrics import counts, dice, iou, soft_dice


@pytest.fixture
def masks() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shares = torch.tensor([0.01, 0.3, 0.7, 0.99])[:, None, None, None]
    predicted = torch.rand(4, 1, 32, 48, generator=generator) < shares
    truth = torch.rand(4, 1, 32, 48, generator=generator) < shares.flip(0)
    return predicted, truth


def test_dice_and_iou_agree_with_scipy_and_scikit_learn(
    masks: tuple[torch.Tensor, torch.Tensor],
) -> None:
    count = counts(*masks)
    for i, (p, t) in enumerate(zip(*masks, strict=True)):
        p_flat, t_flat = p.flatten().numpy(), t.flatten().numpy()
        assert float(dice(count)[i]) == pytest.approx(1 - scipy_dice_distance(p_flat, t_flat))
        assert float(iou(count)[i]) == pytest.approx(jaccard_score(t_flat, p_flat))


def test_perfect_disjoint_and_empty_masks() -> None:
    empty, full = torch.zeros(1, 8, 8, dtype=torch.bool), torch.ones(1, 8, 8, dtype=torch.bool)
    assert float(dice(counts(full, full))) == 1
    assert float(dice(counts(empty, full))) == 0
    assert float(dice(counts(full, empty))) == 0
    assert float(dice(counts(empty, empty))) == float(iou(counts(empty, empty))) == 1


def test_counts_are_exact_beyond_half_precision() -> None:
    full = torch.ones(1, 300, 300, dtype=torch.bool)
    assert counts(full, full).tolist() == [[90_000, 0, 0]]


def test_counts_refuse_what_is_not_two_bool_masks_of_one_shape() -> None:
    with pytest.raises(ValueError, match="expected two bool tensors of one shape"):
        counts(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4, dtype=torch.bool))


def test_soft_dice_of_certain_probabilities_is_nearly_dice(
    masks: tuple[torch.Tensor, torch.Tensor],
) -> None:
    predicted, truth = masks
    soft = soft_dice(predicted.float(), truth.float())
    np.testing.assert_allclose(soft, dice(counts(predicted, truth)), atol=0.05)
