"""Differentiable siamese augmentation (DSA): real and synthetic images are changed alike; gradients go through.

Source: Zhao and Bilen, Dataset Condensation with Differentiable Siamese Augmentation, ICML 2021, section 3; strengths
as in its released code (recalled).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

STRATEGIES = ("color", "crop", "cutout", "flip", "scale", "rotate")
SHIFT = 0.125  # of the side, the most that crop moves an image
HOLE = 0.5  # of the side, the square that cutout blanks
SCALE = 1.2
DEGREES = 15.0
BRIGHTNESS, SATURATION, CONTRAST = 1.0, 2.0, 0.5


@dataclass(frozen=True)
class Draw:
    """One augmentation, the same for all images that are compared.

    Attributes
    ----------
    strategy
        Of `STRATEGIES`.
    u
        Four numbers in 0..1 that say how.
    """

    strategy: str
    u: tuple[float, float, float, float]


def draw(generator: torch.Generator, strategies: tuple[str, ...]) -> Draw:
    """Draw one of the strategies, and how strong it is."""
    which = int(torch.randint(len(strategies), (1,), generator=generator))
    return Draw(strategies[which], tuple(torch.rand(4, generator=generator).tolist()))


def augmented(images: Tensor, drawn: Draw) -> Tensor:
    """Return images (..., channels, h, w) with one augmentation; it can be differentiated after them."""
    from kornia.geometry.transform import affine, hflip, translate

    x = images.flatten(0, -4) if images.ndim > 3 else images[None]
    side = x.shape[-1]
    a, b, c, _ = drawn.u
    if drawn.strategy == "color":
        x = x + (a - 0.5) * BRIGHTNESS
        gray = x.mean(1, keepdim=True)
        x = gray + (x - gray) * (b * SATURATION)
        mean = x.mean((1, 2, 3), keepdim=True)
        x = mean + (x - mean) * (c + CONTRAST)
    elif drawn.strategy == "crop":
        by = torch.tensor([[round((2 * v - 1) * SHIFT * side) for v in (a, b)]], dtype=x.dtype, device=x.device)
        x = translate(x, by.expand(len(x), 2), padding_mode="zeros")
    elif drawn.strategy == "cutout":
        size = round(HOLE * side)
        top, left = (round(v * side) - size // 2 for v in (a, b))
        hole = torch.ones_like(x[:1, :1])
        hole[..., max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)] = 0
        x = x * hole
    elif drawn.strategy == "flip":
        x = hflip(x) if a < 0.5 else x
    else:
        x = affine(x, _matrix(drawn, x).expand(len(x), 2, 3), padding_mode="zeros")
    return x.view(images.shape)


def _matrix(drawn: Draw, x: Tensor) -> Tensor:
    """Return the affine map (1, 2, 3) about the center that scales or rotates images (N, channels, h, w)."""
    from kornia.geometry.transform import get_rotation_matrix2d

    a, b, *_ = drawn.u
    at = {"dtype": x.dtype, "device": x.device}
    wide, high = (1 / SCALE + v * (SCALE - 1 / SCALE) for v in (a, b)) if drawn.strategy == "scale" else (1.0, 1.0)
    turn = (2 * a - 1) * DEGREES if drawn.strategy == "rotate" else 0.0
    center = torch.tensor([[(x.shape[-1] - 1) / 2, (x.shape[-2] - 1) / 2]], **at)
    return get_rotation_matrix2d(center, torch.tensor([turn], **at), torch.tensor([[wide, high]], **at))
