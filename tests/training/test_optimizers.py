"""Optimisers and L2 term against their formulas, learning rates against PyTorch's."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from segsweep.config.training_config import TrainingConfig
from segsweep.data.dataset import ProcessedSet
from segsweep.training.optimizers import learning_rate
from segsweep.training.trainer import Trainer

RATE = 0.01


def one_step(
    config: TrainingConfig, nuclei: ProcessedSet
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return weights before, gradients of the loss with L2 term, and weights after one step."""
    trainer = Trainer(dataclasses.replace(config, dropout=0.0), nuclei)
    indices = trainer.train_loader.batch_indices(1, 4, 1)
    (batch,) = trainer.train_loader.batches(indices)
    (params,) = trainer.augmentation_params(1, indices)
    weights = dict(trainer.engine.network.named_parameters())
    before = {name: p.detach().clone() for name, p in weights.items()}
    trainer.engine.train_step(batch, params, RATE)
    gradients = {name: p.grad.clone() for name, p in weights.items() if p.grad is not None}
    return before, gradients, {name: p.detach().clone() for name, p in weights.items()}


def test_l2_is_the_kernel_regulariser_of_keras(
    config: TrainingConfig, nuclei: ProcessedSet
) -> None:
    """Keras adds l2 * sum(square(w)) to the loss: a gradient of 2 * l2 * w, for kernels only."""
    factor = 0.01
    before, without, _ = one_step(dataclasses.replace(config, l2_reg=0.0), nuclei)
    same_before, with_l2, _ = one_step(dataclasses.replace(config, l2_reg=factor), nuclei)
    for name, weight in before.items():
        assert torch.equal(weight, same_before[name])
        penalty = 2 * factor * weight if weight.ndim == 4 else torch.zeros_like(weight)
        torch.testing.assert_close(with_l2[name], without[name] + penalty, msg=name)


def test_sgd_and_adamw_steps_follow_their_formulas(
    config: TrainingConfig, nuclei: ProcessedSet
) -> None:
    factor = 0.01
    chosen = dataclasses.replace(config, l2_reg=factor, optimizer="sgd")
    before, gradients, after = one_step(chosen, nuclei)
    for name, weight in before.items():
        torch.testing.assert_close(after[name], weight - RATE * gradients[name], msg=name)
    chosen = dataclasses.replace(config, l2_reg=factor, optimizer="adamw")
    before, gradients, after = one_step(chosen, nuclei)
    for name, weight in before.items():
        gradient = gradients[name]
        decayed = weight - (2 * factor * RATE * weight if weight.ndim == 4 else 0)
        expected = decayed - RATE * gradient / (gradient.abs() + 1e-8)  # Adam's first step
        torch.testing.assert_close(after[name], expected, rtol=1e-4, atol=1e-6, msg=name)


def test_optimisers_differ_and_all_reduce_the_loss(
    config: TrainingConfig, nuclei: ProcessedSet
) -> None:
    losses = {}
    for name, rate in (("adam", 0.01), ("adamw", 0.01), ("sgd", 0.1)):
        chosen = dataclasses.replace(config, optimizer=name, learning_rate=rate, l2_reg=0.001)
        trainer = Trainer(chosen, nuclei)
        rows = [trainer.run_epoch() for _ in range(3)]
        assert rows[-1]["train_loss"] < rows[0]["train_loss"]
        losses[name] = rows[-1]["train_loss"]
    assert len(set(losses.values())) == 3


def test_the_learning_rate_follows_its_formula(config: TrainingConfig) -> None:
    steps, highest = 200, config.learning_rate
    constant = [learning_rate(config, step, steps) for step in range(steps)]
    assert constant == [highest] * steps
    cosine = dataclasses.replace(config, scheduler="cosine", warmup=0.1)
    rates = [learning_rate(cosine, step, steps) for step in range(steps)]
    np.testing.assert_allclose(rates[:20], highest * np.arange(1, 21) / 21)
    expected = [highest * (1 + math.cos(math.pi * done / 180)) / 2 for done in range(180)]
    np.testing.assert_allclose(rates[20:], expected)
    assert max(rates) == rates[20] == highest
    assert rates[-1] < 1e-3 * highest


def test_cosine_equals_pytorch(config: TrainingConfig) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], config.learning_rate)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 50)
    for step in range(50):
        rate = learning_rate(dataclasses.replace(config, scheduler="cosine"), step, 50)
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        scheduler.step()
