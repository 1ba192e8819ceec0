"""Guidance: in training, every token is also asked by itself which object's center it holds, and where in it.

Deviation, none of the paper's. The published networks begin with image features of a trained detector and see nuScenes
twenty times; from random weights the decoder alone teaches tokens next to nothing in a few thousand steps. A trained
network looks without it.

Shapes: B scenes, V cameras, G objects of the scene that has most, K classes; (Y, X) BEV tokens, (h, w) of an image.
"""

from __future__ import annotations

import torch
from torch import Tensor

from workbench.labs.cmt.common.shapes import Shape
from workbench.labs.cmt.method.encoding import projected, to_range
from workbench.labs.cmt.method.frames import Frames
from workbench.labs.cmt.method.matching import CLASS_WEIGHT, Truth, focal
from workbench.labs.cmt.method.model import PLACES, Cmt, Guesses

PLACE_WEIGHT = 0.5


def guidance_losses(guesses: Guesses, frames: Frames, truth: Truth, model: Cmt) -> Tensor:
    """Return what the tokens' guesses cost, a scalar.

    Of each sensor: focal loss over the tokens of those that are there, and L1 of the place in the tokens that hold a
    center, both divided by the number of centers.
    """
    total = truth.codes.new_zeros(())
    if guesses.bev is not None:
        alive = frames.lidar & frames.filled.any(1)
        alive = (alive | frames.camera.any(1) if model.shape.bev else alive)[:, None]  # (B, 1)
        total = total + cost(guesses.bev[:, None], bev_goals(truth, model.shape), truth.labels, alive)
    if guesses.views is not None:
        goals = view_goals(truth, frames, guesses.views.shape[2:4], model.images.stride)
        total = total + cost(guesses.views, goals, truth.labels, frames.camera)
    return total


def bev_goals(truth: Truth, shape: Shape) -> tuple[Tensor, Tensor, Tensor]:
    """Return which BEV token (row, column) holds each center (B, 1, G, 2), where in it (B, 1, G, 3), and if any does.

    The place: shift from the token's middle in tokens along x and y, and the height in the range.
    """
    size = truth.codes.new_tensor(shape.grid[::-1])
    at = to_range(truth.codes[..., :3], shape)  # (B, G, 3)
    cell = (at[..., :2] * size).floor()
    place = torch.cat([at[..., :2] * size - cell - 0.5, at[..., 2:]], -1)
    there = truth.there & ((cell >= 0) & (cell < size)).all(-1)
    return cell.flip(-1).long()[:, None], place[:, None], there[:, None]


def view_goals(truth: Truth, frames: Frames, grid: tuple[int, int], stride: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same of image tokens: (B, V, G, 2), (B, V, G, 3), (B, V, G).

    The place: shift from the token's corner in tokens along u and v, and the logarithm of the depth in m.
    """
    center, size = truth.codes[..., :3], frames.images.shape[-2:]
    pixels, seen = projected(center, frames.lidar2img, size)
    flat = torch.cat([center, torch.ones_like(center[..., :1])], -1)
    depth = torch.einsum("bvj,bgj->bvg", frames.lidar2img[..., 2, :], flat).clamp_min(0.1)
    # tokens stand at the upper left corners of their cells, so the nearest counts; the last may hang over the border
    last = pixels.new_tensor([grid[1] - 1, grid[0] - 1])
    fine = pixels / stride
    cell = fine.round().clamp_min(0).minimum(last)
    place = torch.cat([fine - cell, depth.log()[..., None]], -1)
    return cell.flip(-1).long(), place, seen & truth.there[:, None]


def cost(said: Tensor, goals: tuple[Tensor, Tensor, Tensor], labels: Tensor, alive: Tensor) -> Tensor:
    """Return what guesses (B, V, rows, columns, K + 3) cost, of the views that are `alive` (B, V)."""
    cell, place, there = goals
    logits, where = said.tensor_split([said.shape[-1] - PLACES], -1)
    scene, view, one = (there & alive[..., None]).nonzero(as_tuple=True)
    token = scene, view, *cell[scene, view, one].unbind(-1)
    target = torch.zeros_like(logits)
    target[(*token, labels[scene, one])] = 1
    many = max(1, len(one))
    far = (where[token] - place[scene, view, one]).abs().sum()
    return (CLASS_WEIGHT * focal(logits, target)[alive].sum() + PLACE_WEIGHT * far) / many
