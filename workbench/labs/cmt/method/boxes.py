"""Boxes as ten numbers, in one order for networks, targets and decoding.

=====  ==============  ====================================================
place  number          unit and meaning
=====  ==============  ====================================================
0-2    cx, cy, cz      m; center of the box (not its bottom), LiDAR frame
3-5    log l, w, h     logarithm of m; l along the heading, w across, h up
6-7    sin, cos        of the yaw: from +x toward +y, about +z
8-9    vx, vy          m/s; NaN where unknown
=====  ==============  ====================================================

The released code has two orders: its heads give [cx, cy, "height", three of "dim", sin, cos, vx, vy], its targets and
its decoder read these as [cx, cy, log w, log l, cz, log h, sin, cos, vx, vy]. So the branch named height, a sigmoid
scaled to the range of z and started at the anchor's z, is trained as log w, and the second number of "dim", free of any
anchor, as z. `RELEASED` says so as a permutation; everything outside the heads keeps the one order above.
"""

from __future__ import annotations

import torch
from torch import Tensor

from workbench.contract import LabError

CODE = ("cx", "cy", "cz", "log l", "log w", "log h", "sin", "cos", "vx", "vy")
WEIGHTS = (2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.2, 0.2)  # of the L1 loss; the same in the released order
RELEASED = (0, 1, 4, 3, 2, 5, 6, 7, 8, 9)  # place in the heads' output of each number of CODE: 2 and 4 trade places


def encode(boxes: Tensor) -> Tensor:
    """Return boxes as the code.

    Parameters
    ----------
    boxes
        (..., 9): x, y, z of the center and l, w, h in m, yaw in rad, vx, vy in m/s (NaN: unknown).

    Returns
    -------
    Tensor
        (..., 10).

    Raises
    ------
    LabError
        A size is zero, negative or not a number: it has no logarithm.
    """
    center, size, yaw, speed = boxes.split((3, 3, 1, 2), -1)
    if not bool((size > 0).all()):
        raise LabError("A box has a size that is not above zero.", "Remove such boxes, or correct their l, w, h.")
    return torch.cat([center, size.log(), yaw.sin(), yaw.cos(), speed], -1)


def decode(codes: Tensor) -> Tensor:
    """Return boxes (..., 9) of codes (..., 10); see `encode`. The yaw lies in (-pi, pi]."""
    center, size, sin, cos, speed = codes.split((3, 3, 1, 1, 2), -1)
    return torch.cat([center, size.exp(), torch.atan2(sin, cos), speed], -1)


def placed(raw: Tensor, anchors: Tensor, area: tuple[float, ...], released: bool) -> Tensor:
    """Return codes from what the heads give: centers as shifts from their anchors, inside the range.

    Parameters
    ----------
    raw
        (L, B, N, 10), the branches one after the other: xy 2, height 1, dim 3, rotation 2, velocity 2. Or 14 (see
        `Shape.polar`): then shift (m) and rotation once more, in the axes of the anchor's direction.
    anchors
        (B, N, 3) in 0..1 of the range.
    area
        x0 y0 z0 x1 y1 z1 in m.
    released
        Read the numbers in the order of the released code.

    Returns
    -------
    Tensor
        (L, B, N, 10).
    """
    low, high = raw.new_tensor(area[:3]), raw.new_tensor(area[3:])
    center = (raw[..., :3] + torch.logit(anchors, eps=1e-5)).sigmoid() * (high - low) + low
    codes = torch.cat([center, raw[..., 3:10]], -1)
    codes = codes[..., list(RELEASED)] if released else codes
    if raw.shape[-1] == len(CODE):
        return codes
    return codes + polar(raw[..., 10:], (anchors * (high - low) + low)[..., :2])


def polar(raw: Tensor, at: Tensor) -> Tensor:
    """Return what shift and rotation along the direction of anchors add to codes.

    Parameters
    ----------
    raw
        (L, B, N, 4): m along and across the direction from the LiDAR to the anchor; sine and cosine of the yaw against
        it.
    at
        (B, N, 2): anchors in m.

    Returns
    -------
    Tensor
        (L, B, N, 10).
    """
    c, s = (at / at.norm(dim=-1, keepdim=True).clamp_min(1e-3)).unbind(-1)  # (B, N) each
    along, across, sin, cos = raw.unbind(-1)
    x, y = c * along - s * across, s * along + c * across
    nothing = torch.zeros_like(x)
    return torch.stack([x, y, *[nothing] * 4, sin * c + cos * s, cos * c - sin * s, nothing, nothing], -1)
