"""A plain segmentation network: convolutions in front and behind, a transformer over the coarse voxels between them.

Any size that its strides divide, no position table: a depth-wise convolution tells tokens where they are (Chu et al.
2021, arXiv 2102.10882). Two labs use it: `amos` as one of its networks, `eam` as the backbone whose features it
compares.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """Size of the network.

    Attributes
    ----------
    classes
        With the background.
    width
        Channels at the full resolution; they double at every level.
    levels
        Halvings of the resolution, 3: tokens are 8x8x8 voxels.
    depth, heads
        Blocks of the transformer and heads of each.
    channels
        Of the input.
    dims
        3 for volumes, 2 for single slices.
    """

    classes: int
    width: int = 12
    levels: int = 3
    depth: int = 4
    heads: int = 4
    channels: int = 1
    dims: int = 3


CONV = {2: nn.Conv2d, 3: nn.Conv3d}
LIFT = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
NORM = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}


class ConvFormer(nn.Module):
    """Convolutions down, a transformer at the bottom, convolutions up with skips.

    Parameters
    ----------
    shape
        Size.

    Attributes
    ----------
    widths
        Channels of each level, finest first; those of `features`, too.
    """

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.widths = [shape.width * 2**i for i in range(shape.levels + 1)]
        inner = [shape.channels, *self.widths]
        self.down = nn.ModuleList(
            convolved(a, b, 1 if i == 0 else 2, shape.dims)
            for i, (a, b) in enumerate(zip(inner, self.widths, strict=False))
        )
        self.blocks = nn.ModuleList(Block(self.widths[-1], shape.heads, shape.dims) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(self.widths[-1])
        pairs = list(zip(self.widths[:0:-1], self.widths[-2::-1], strict=True))  # coarse to fine
        self.lift = nn.ModuleList(LIFT[shape.dims](a, b, 2, stride=2) for a, b in pairs)
        self.up = nn.ModuleList(convolved(2 * b, b, 1, shape.dims) for _, b in pairs)
        self.head = CONV[shape.dims](shape.width, shape.classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes, X, Y, Z) of scans (B, channels, X, Y, Z), or without Z, for slices."""
        return self.head(self.features(x)[-1])

    def features(self, x: Tensor) -> list[Tensor]:
        """Return the decoder's features, coarsest first: level i has (B, widths[i], X/2^i, ...)."""
        kept = []
        for layer in self.down:
            x = layer(x)
            kept.append(x)
        x = self.attend(kept.pop())
        found = [x]
        for lift, up in zip(self.lift, self.up, strict=True):
            x = up(torch.cat([lift(x), kept.pop()], 1))
            found.append(x)
        return found

    def attend(self, x: Tensor) -> Tensor:
        """Apply self-attention to the coarse voxels (B, C, X, Y, Z)."""
        for block in self.blocks:
            x = block(x)
        return self.norm(x.movedim(1, -1)).movedim(-1, 1)


class Block(nn.Module):
    """A transformer block over the voxels of a volume; normalized first, told positions by a depth-wise convolution."""

    def __init__(self, width: int, heads: int, dims: int = 3):
        super().__init__()
        self.place = CONV[dims](width, width, 3, padding=1, groups=width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.place(x)  # (B, C, X, Y, Z)
        size = x.shape[2:]
        t = x.flatten(2).transpose(1, 2)  # (B, N, C)
        q, k, v = self.qkv(self.norm1(t)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, H, N, C/H)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        t = t + self.out(mixed)
        t = t + self.mlp(self.norm2(t))
        return t.transpose(1, 2).unflatten(2, size)


def convolved(inside: int, outside: int, stride: int = 1, dims: int = 3) -> nn.Sequential:
    """Return two convolutions with instance norm and leaky ReLU, the first with the stride."""
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(((inside, outside), (outside, outside))):
        layers += [
            CONV[dims](a, b, 3, stride=stride if i == 0 else 1, padding=1, bias=False),
            NORM[dims](b, affine=True),
            nn.LeakyReLU(0.01, inplace=True),
        ]
    return nn.Sequential(*layers)
