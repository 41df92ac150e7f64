"""The classic U-Net (Ronneberger, Fischer, Brox: "U-Net", MICCAI 2015), padded.

3 x 3 convolutions are padded, so that the mask has the size of the image. With `norm: none` the
layers are those of the paper. Otherwise batch normalisation (Ioffe and Szegedy, ICML 2015) or group
normalisation (Wu and He, ECCV 2018) follows each convolution and replaces its bias.
"""

import math

import torch
from torch import nn
from torch.nn import functional

GROUPS = 8
"""Groups of group normalisation; fewer if the channels are not a multiple of it."""


class GroupNorm(nn.GroupNorm):
    """Group normalisation in the dtype of its input, as in batch normalisation.

    CUDA's autocast would use float32, and twice the memory.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(x.device.type, enabled=False):
            weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
            y = functional.group_norm(x, self.num_groups, weight, bias, self.eps)
        return y.contiguous(memory_format=torch.channels_last)


class DoubleConv(nn.Sequential):
    """Two padded 3 x 3 convolutions, each with normalisation and ReLU."""

    def __init__(self, channels_in: int, channels_out: int, norm: str) -> None:
        layers: list[nn.Module] = []
        for channels in (channels_in, channels_out):
            layers.append(nn.Conv2d(channels, channels_out, 3, padding=1, bias=norm == "none"))
            if norm == "batch":
                layers.append(nn.BatchNorm2d(channels_out))
            elif norm == "group":
                layers.append(GroupNorm(math.gcd(GROUPS, channels_out), channels_out))
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)

    def forward(self, x: torch.Tensor, up: torch.Tensor | None = None) -> torch.Tensor:
        """Apply to `x`, or to the concatenated channels of `x` and `up` without copying them.

        Args:
            x: (n, channels, height, width).
            up: The same size; with `x` it has `channels_in` channels.

        Returns:
            (n, channels_out, height, width).
        """
        first, *rest = self
        if up is None:
            x = first(x)
        else:
            assert isinstance(first, nn.Conv2d)
            channels = x.shape[1]
            x = functional.conv2d(x, first.weight[:, :channels], first.bias, padding=1)
            x = x.add_(functional.conv2d(up, first.weight[:, channels:], padding=1))
        for layer in rest:
            x = layer(x)
        return x


class UpConv(nn.ConvTranspose2d):
    """The 2 x 2 up-convolution of stride 2 as two matrix products, one for every other row.

    Same parameters and values as `ConvTranspose2d`, whose backward pass is several times slower on
    a CPU.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 2, stride=2)

    def forward(self, x: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """Map (n, channels_in, height, width) to (n, channels_out, 2 height, 2 width)."""
        n, channels_in, height, width = x.shape
        assert self.bias is not None
        pixels, bias = x.permute(0, 2, 3, 1), self.bias.repeat(2)
        rows = [
            functional.linear(pixels, kernel.transpose(0, 2).reshape(-1, channels_in), bias)
            for kernel in self.weight.unbind(2)
        ]
        image = torch.stack(rows, dim=2).view(n, 2 * height, 2 * width, -1)
        return image.permute(0, 3, 1, 2)


class Dropout(nn.Module):
    """Dropout with rate `p` (Srivastava et al., 2014); on a CPU from 16 random bits per feature.

    On a CPU `p` is rounded to a multiple of 1/65,536; PyTorch's dropout takes ten times as long.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu":
            return functional.dropout(x, self.p)
        bits = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
        random_int16 = bits.random_(-(2**63), None).view(torch.int16)
        kept = random_int16.as_strided(x.shape, x.stride()) >= round(65536 * self.p) - 32768
        return x * kept * (1 / (1 - self.p))


class UNet(nn.Module):
    """U-Net for grey images and one foreground class.

    Args:
        base_channels: Channels of the first level; each level has twice those of the one before.
        depth: Number of poolings.
        dropout: Dropout rate (0 to 1) at the end of the contracting path, where the paper puts it:
            after the deepest encoder block and after the bottleneck.
        norm: none, batch or group. With none, kernels are initialised as in the paper (He et al.,
            ICCV 2015). After normalisation the scale of kernels only divides the learning rate, so
            they are initialised as PyTorch does by default.
    """

    def __init__(self, base_channels: int, depth: int, dropout: float, norm: str = "batch") -> None:
        super().__init__()
        channels = [base_channels * 2**level for level in range(depth + 1)]
        self.encoder = nn.ModuleList(
            DoubleConv(i, o, norm) for i, o in zip([1, *channels[:-2]], channels[:-1], strict=True)
        )
        self.bottleneck = DoubleConv(channels[-2], channels[-1], norm)
        self.up = nn.ModuleList(UpConv(c, c // 2) for c in reversed(channels[1:]))
        self.decoder = nn.ModuleList(DoubleConv(c, c // 2, norm) for c in reversed(channels[1:]))
        self.head = nn.Conv2d(base_channels, 1, 1)
        self.pool = nn.MaxPool2d(2)
        self.dropout = Dropout(dropout)
        for module in self.modules() if norm == "none" else ():
            if isinstance(module, nn.Conv2d) and module is not self.head:
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of the foreground.

        Args:
            x: float (n, 1, height, width); height and width are multiples of 2**depth.

        Returns:
            The same shape as `x`.
        """
        skips = []
        for level, block in enumerate(self.encoder):
            x = block(x)
            if level == len(self.encoder) - 1:
                x = self.dropout(x)
            skips.append(x)
            x = self.pool(x)
        x = self.dropout(self.bottleneck(x))
        for up, block, skip in zip(self.up, self.decoder, reversed(skips), strict=True):
            x = block(skip, up(x))
        return self.head(x)

    def kernels(self) -> list[torch.Tensor]:
        """Return the weights of all convolutions, which `l2_reg` penalises."""
        modules = self.modules()
        return [m.weight for m in modules if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
