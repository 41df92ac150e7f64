"""The optimisers with their L2 term, and the learning rate of each step."""

import math
from collections.abc import Sequence

import torch

from segsweep.config.training_config import TrainingConfig

MOMENTUM = 0.9


class Optimizer:
    """Adam (Kingma and Ba, 2015), AdamW (Loshchilov and Hutter, 2019) or SGD with momentum.

    `l2_reg` adds lambda times the sum of squared kernels to the loss, as Keras' kernel regulariser
    does: its gradient, 2 lambda w, is added to the gradient of the loss. With AdamW the kernels
    instead decay by 2 lambda w times the learning rate in each step, independent of its moments.
    Biases and normalisation layers are never penalised.

    Args:
        config: The configuration.
        kernels: The weights of convolutions, which are penalised.
        others: All other parameters.
    """

    def __init__(
        self,
        config: TrainingConfig,
        kernels: Sequence[torch.Tensor],
        others: Sequence[torch.Tensor],
    ) -> None:
        self.config, self.kernels = config, list(kernels)
        groups = [{"params": self.kernels}, {"params": list(others)}]
        rate = config.learning_rate
        if config.optimizer == "adam":
            self.inner: torch.optim.Optimizer = torch.optim.Adam(groups, rate, fused=True)
        elif config.optimizer == "adamw":
            groups[0]["weight_decay"] = 2 * config.l2_reg  # type: ignore[assignment]
            self.inner = torch.optim.AdamW(groups, rate, weight_decay=0.0, fused=True)
        else:
            self.inner = torch.optim.SGD(groups, rate, momentum=MOMENTUM, fused=True)
            for parameter in (*kernels, *others):  # undefined if a loss scaler skips step 1
                self.inner.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)

    def step(self, loss: torch.Tensor, scaler: torch.amp.GradScaler, rate: float) -> None:
        """Make one step down the gradient of `loss` and of the L2 term at learning rate `rate`."""
        for group in self.inner.param_groups:
            group["lr"] = rate
        self.inner.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.unscale_(self.inner)
        if self.config.l2_reg and self.config.optimizer != "adamw":
            gradients = [kernel.grad for kernel in self.kernels if kernel.grad is not None]
            weights = [kernel.detach() for kernel in self.kernels]
            torch._foreach_add_(gradients, weights, alpha=2 * self.config.l2_reg)
        scaler.step(self.inner)
        scaler.update()

    def state(self) -> dict[str, torch.Tensor]:
        """Return moments and step counts, named by parameter number and field (`3.exp_avg`)."""
        states = self.inner.state_dict()["state"]
        return {f"{i}.{name}": tensor for i, s in states.items() for name, tensor in s.items()}

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Restore what `state` returned."""
        parameters = [p for group in self.inner.param_groups for p in group["params"]]
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in tensors.items():
            number, field = name.split(".")
            if tensor.ndim:  # fused steps need moments in the memory format of their weights
                tensor = torch.empty_like(parameters[int(number)]).copy_(tensor)
            state.setdefault(int(number), {})[field] = tensor
        self.inner.load_state_dict({**self.inner.state_dict(), "state": state})


def learning_rate(config: TrainingConfig, step: int, steps: int) -> float:
    """Return the learning rate of `step` (from 0) of `steps`.

    It rises linearly over the share `warmup` of all steps (Goyal et al., 2017). Then it stays
    constant, or falls along half a cosine to zero (Loshchilov and Hutter, 2017).
    """
    warm = round(config.warmup * steps)
    if step < warm:
        return config.learning_rate * (step + 1) / (warm + 1)
    if config.scheduler == "constant":
        return config.learning_rate
    done = (step - warm) / (steps - warm)
    return config.learning_rate * (1 + math.cos(math.pi * done)) / 2
