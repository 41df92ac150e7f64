"""The network against the paper's table, and L2 and dropout where the report has them."""

from itertools import pairwise

import torch
from torch import nn

from segsweep.unet.network import UNet


def expected_parameters(base: int, depth: int) -> int:
    """Counted from the table of Ronneberger et al. (2015), with batch normalisation for biases."""
    widths = [base * 2**level for level in range(depth + 1)]

    def double(i: int, o: int) -> int:
        return 9 * i * o + 9 * o * o + 4 * o

    down = double(1, widths[0]) + sum(double(i, o) for i, o in pairwise(widths))
    up = sum(4 * w * (w // 2) + w // 2 + double(w, w // 2) for w in widths[1:])
    return down + up + base + 1


def test_parameters_are_those_of_the_papers_table() -> None:
    for base, depth in ((64, 4), (8, 3)):
        network = UNet(base, depth, 0.0)
        assert sum(p.numel() for p in network.parameters()) == expected_parameters(base, depth)


def test_the_mask_has_the_images_size() -> None:
    network = UNet(2, 3, 0.5).eval()
    assert network(torch.zeros(2, 1, 24, 40)).shape == (2, 1, 24, 40)


def test_l2_covers_convolution_kernels_only() -> None:
    network = UNet(4, 2, 0.0)
    kernels = {id(kernel) for kernel in network.kernels()}
    for name, parameter in network.named_parameters():
        assert (id(parameter) in kernels) == (parameter.ndim == 4), name


def test_dropout_acts_on_the_deepest_encoder_block_and_the_bottleneck_only() -> None:
    network = UNet(2, 3, 0.5)
    shapes = []
    network.dropout.register_forward_hook(lambda module, args, out: shapes.append(out.shape))
    network(torch.zeros(1, 1, 32, 32))
    assert shapes == [(1, 8, 8, 8), (1, 16, 4, 4)]
    assert sum(isinstance(m, nn.Dropout) for m in network.modules()) == 1
