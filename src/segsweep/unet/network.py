"""The classic U-Net (Ronneberger, Fischer, Brox: "U-Net", MICCAI 2015), padded.

Differences from the paper: 3 x 3 convolutions are padded, so that the mask has the image's size,
and each is followed by batch normalisation (Ioffe, Szegedy, ICML 2015), which the paper predates.
"""

import torch
from torch import nn


class DoubleConv(nn.Sequential):
    """Two padded 3 x 3 convolutions, each with batch normalisation and ReLU."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        layers: list[nn.Module] = []
        for channels in (channels_in, channels_out):
            layers += [
                nn.Conv2d(channels, channels_out, 3, padding=1, bias=False),
                nn.BatchNorm2d(channels_out),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


class UNet(nn.Module):
    """Grey images to logits.

    Input float (n, 1, height, width) with height and width multiples of 2**depth; output the
    logits of the foreground, same shape. `dropout` (0 to 1) acts at the end of the contracting
    path, where the paper puts it: after the deepest encoder block and after the bottleneck.
    """

    def __init__(self, base_channels: int, depth: int, dropout: float) -> None:
        super().__init__()
        channels = [base_channels * 2**level for level in range(depth + 1)]
        self.encoder = nn.ModuleList(
            DoubleConv(i, o) for i, o in zip([1, *channels[:-2]], channels[:-1], strict=True)
        )
        self.bottleneck = DoubleConv(channels[-2], channels[-1])
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(c, c // 2, 2, stride=2) for c in reversed(channels[1:])
        )
        self.decoder = nn.ModuleList(DoubleConv(c, c // 2) for c in reversed(channels[1:]))
        self.head = nn.Conv2d(base_channels, 1, 1)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for level, block in enumerate(self.encoder):
            x = block(x)
            if level == len(self.encoder) - 1:
                x = self.dropout(x)
            skips.append(x)
            x = self.pool(x)
        x = self.dropout(self.bottleneck(x))
        for up, block, skip in zip(self.up, self.decoder, reversed(skips), strict=True):
            x = block(torch.cat([skip, up(x)], dim=1))
        return self.head(x)

    def kernels(self) -> list[torch.Tensor]:
        """The weights of all convolutions: what `l2_reg` penalises."""
        modules = self.modules()
        return [m.weight for m in modules if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
