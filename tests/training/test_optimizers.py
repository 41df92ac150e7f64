"""What the weights follow: optimisers by PyTorch, L2 by Keras' definition, rates by formula."""

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
    """Weights before, gradients of the whole loss, weights after the first step."""
    trainer = Trainer(dataclasses.replace(config, dropout=0.0), nuclei)
    index = trainer.train.steps(1, 4, 1)
    (batch,), (draws,) = trainer.train.batches(index), trainer.draws(1, index)
    named = dict(trainer.engine.network.named_parameters())
    before = {name: p.detach().clone() for name, p in named.items()}
    trainer.engine.step(batch, draws, RATE)
    gradients = {name: p.grad.clone() for name, p in named.items() if p.grad is not None}
    return before, gradients, {name: p.detach().clone() for name, p in named.items()}


def test_l2_is_keras_kernel_regulariser(config: TrainingConfig, nuclei: ProcessedSet) -> None:
    """Keras adds l2 * sum(square(w)) to the loss: a gradient of 2 * l2 * w, on kernels alone."""
    factor = 0.01
    before, without, _ = one_step(dataclasses.replace(config, l2_reg=0.0), nuclei)
    again, with_it, _ = one_step(dataclasses.replace(config, l2_reg=factor), nuclei)
    for name, weight in before.items():
        assert torch.equal(weight, again[name])
        penalty = 2 * factor * weight if weight.ndim == 4 else torch.zeros_like(weight)
        torch.testing.assert_close(with_it[name], without[name] + penalty, msg=name)


def test_sgd_and_adamw_step_by_their_formulas(config: TrainingConfig, nuclei: ProcessedSet) -> None:
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


def test_the_optimisers_differ_and_all_learn(config: TrainingConfig, nuclei: ProcessedSet) -> None:
    losses = {}
    for name, rate in (("adam", 0.01), ("adamw", 0.01), ("sgd", 0.1)):
        chosen = dataclasses.replace(config, optimizer=name, learning_rate=rate, l2_reg=0.001)
        trainer = Trainer(chosen, nuclei)
        rows = [trainer.run_epoch() for _ in range(3)]
        assert rows[-1]["train_loss"] < rows[0]["train_loss"]
        losses[name] = rows[-1]["train_loss"]
    assert len(set(losses.values())) == 3


def test_the_learning_rate_follows_its_formula(config: TrainingConfig) -> None:
    steps, top = 200, config.learning_rate
    flat = [learning_rate(config, step, steps) for step in range(steps)]
    assert flat == [top] * steps
    cosine = dataclasses.replace(config, scheduler="cosine", warmup=0.1)
    rates = [learning_rate(cosine, step, steps) for step in range(steps)]
    np.testing.assert_allclose(rates[:20], top * np.arange(1, 21) / 21)
    expected = [top * (1 + math.cos(math.pi * done / 180)) / 2 for done in range(180)]
    np.testing.assert_allclose(rates[20:], expected)
    assert max(rates) == rates[20] == top
    assert rates[-1] < 1e-3 * top


def test_cosine_is_pytorchs(config: TrainingConfig) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], config.learning_rate)
    peer = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 50)
    for step in range(50):
        found = learning_rate(dataclasses.replace(config, scheduler="cosine"), step, 50)
        assert found == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        peer.step()
