"""The network against the table of its paper; what L2 and dropout apply to."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from segsweep.training.unet import DoubleConv, Dropout, UNet, UpConv


def expected_parameters(base: int, depth: int, norm: str) -> int:
    """Count the parameters in the table of Ronneberger et al. (2015).

    Normalisation has a scale and a shift for each channel in place of the paper's biases.
    """
    widths = [base * 2**level for level in range(depth + 1)]
    per_channel = 1 if norm == "none" else 2

    def double(i: int, o: int) -> int:
        return 9 * i * o + 9 * o * o + 2 * per_channel * o

    down = double(1, widths[0]) + sum(double(i, o) for i, o in pairwise(widths))
    up = sum(4 * w * (w // 2) + w // 2 + double(w, w // 2) for w in widths[1:])
    return down + up + base + 1


@pytest.mark.parametrize("norm", ["none", "batch", "group"])
def test_the_number_of_parameters_follows_from_the_papers_table(norm: str) -> None:
    for base, depth in ((64, 4), (8, 3)):
        network = UNet(base, depth, 0.0, norm)
        assert sum(p.numel() for p in network.parameters()) == expected_parameters(
            base, depth, norm
        )


def test_without_norm_the_network_has_the_papers_31_million_parameters() -> None:
    """Ronneberger et al. (2015), table of figure 1, with one class and one channel: 31.03 M."""
    assert sum(p.numel() for p in UNet(64, 4, 0.0, "none").parameters()) == 31_030_593


def test_kernel_shapes_are_those_of_the_papers_table() -> None:
    shapes = {tuple(kernel.shape) for kernel in UNet(64, 4, 0.0).kernels()}
    down = {(64, 1, 3, 3), (64, 64, 3, 3), (128, 64, 3, 3), (128, 128, 3, 3), (256, 128, 3, 3)}
    down |= {(256, 256, 3, 3), (512, 256, 3, 3), (512, 512, 3, 3), (1024, 512, 3, 3)}
    up = {(1024, 1024, 3, 3), (512, 1024, 3, 3), (256, 512, 3, 3), (128, 256, 3, 3)}
    up |= {(64, 128, 3, 3), (1, 64, 1, 1)}
    up_convolutions = {(2 * width, width, 2, 2) for width in (512, 256, 128, 64)}
    assert shapes == down | up | up_convolutions


def test_the_up_convolution_equals_pytorch() -> None:
    ours = UpConv(6, 3)
    theirs = nn.ConvTranspose2d(6, 3, 2, stride=2)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 6, 5, 7, generator=torch.Generator().manual_seed(0), requires_grad=True)
    weight = torch.randn(2, 3, 10, 14, generator=torch.Generator().manual_seed(1))
    gradients = torch.autograd.grad((ours(x) * weight).sum(), [x, *ours.parameters()])
    expected = torch.autograd.grad((theirs(x) * weight).sum(), [x, *theirs.parameters()])
    torch.testing.assert_close(ours(x), theirs(x))
    for gradient, expected_gradient in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, expected_gradient)


def test_two_feature_maps_are_convolved_as_their_concatenation() -> None:
    for norm in ("none", "batch", "group"):
        block = DoubleConv(6, 3, norm).eval()
        skip, up = torch.randn(2, 2, 4, 8, 8, generator=torch.Generator().manual_seed(0))[:, :, :3]
        torch.testing.assert_close(block(skip, up), block(torch.cat([skip, up], dim=1)))


def test_dropout_keeps_the_mean_and_drops_the_given_rate() -> None:
    torch.manual_seed(0)
    layer = Dropout(0.3)
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.ones(3, 7, 50, 51).contiguous(memory_format=layout)
        out = layer(x)
        assert out.stride() == x.stride()
        assert float((out == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
        assert float(out.max()) == pytest.approx(1 / 0.7)
        assert not torch.equal(out, layer(x))
    assert torch.equal(layer.eval()(x), x)


def test_the_mask_has_the_size_of_the_image() -> None:
    network = UNet(2, 3, 0.5).eval()
    assert network(torch.zeros(2, 1, 24, 40)).shape == (2, 1, 24, 40)


def test_l2_applies_to_convolution_kernels_only() -> None:
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
    assert sum(isinstance(m, Dropout) for m in network.modules()) == 1
