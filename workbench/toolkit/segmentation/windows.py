"""Sliding-window inference: overlapping patches, each weighted by a Gaussian: its middle counts most."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

Size = tuple[int, int, int]
SIGMA = 0.125  # of the patch's side, as nnU-Net and MONAI have it
LEAST = 1e-3  # weight at the rim, so that no voxel is divided by nothing


def starts(length: int, patch: int, overlap: float) -> list[int]:
    """Return where patches start along one axis; the last ends at its end.

    >>> starts(70, 32, 0.5)
    [0, 16, 32, 38]
    """
    if length <= patch:
        return [0]
    step = max(1, int(patch * (1 - overlap)))
    return [*range(0, length - patch, step), length - patch]


def gaussian(patch: Size) -> Tensor:
    """Return the weights of a patch, (X, Y, Z), 1 in the middle."""
    axes = []
    for n in patch:
        x = torch.arange(n, dtype=torch.float32) - (n - 1) / 2
        axes.append(torch.exp(-(x**2) / (2 * (SIGMA * n) ** 2)))
    weights = axes[0][:, None, None] * axes[1][:, None] * axes[2]
    return (weights / weights.max()).clamp_min(LEAST)


@torch.no_grad()
def sliding(
    model: nn.Module, image: np.ndarray, patch: Size, classes: int, device: str = "cpu", overlap: float = 0.5
) -> Iterator[tuple[int, int, np.ndarray | None]]:
    """Segment a prepared scan window by window.

    Parameters
    ----------
    model
        Takes (1, 1, *patch), returns logits (1, classes, *patch).
    image
        (X, Y, Z) float32; where it is smaller than the patch, it is padded with its lowest value.
    patch, classes, device, overlap
        Size of the windows, classes with the background, torch's device, share of a window that the next one covers.

    Yields
    ------
    done, total, shares
        Windows done and all; `shares` is None until the last: (classes, X, Y, Z) float32, softmax averaged.
    """
    shape = image.shape
    padding = [max(0, p - n) for p, n in zip(patch, shape, strict=True)]
    padded = np.pad(image, [(0, p) for p in padding], constant_values=float(image.min()))
    x = torch.from_numpy(np.ascontiguousarray(padded))[None, None].to(device)  # (1, 1, X, Y, Z)
    weights = gaussian(patch).to(device)
    shares = torch.zeros((classes, *padded.shape), device=device)
    norm = torch.zeros(padded.shape, device=device)
    corners = [
        (i, j, k)
        for i in starts(padded.shape[0], patch[0], overlap)
        for j in starts(padded.shape[1], patch[1], overlap)
        for k in starts(padded.shape[2], patch[2], overlap)
    ]
    model.eval()
    for done, corner in enumerate(corners, 1):
        where = tuple(slice(c, c + p) for c, p in zip(corner, patch, strict=True))
        shares[:, *where] += model(x[:, :, *where])[0].softmax(0) * weights
        norm[where] += weights
        if done < len(corners):
            yield done, len(corners), None
    shares /= norm
    yield len(corners), len(corners), shares[:, : shape[0], : shape[1], : shape[2]].cpu().numpy()


def segment(model: nn.Module, image: np.ndarray, patch: Size, classes: int, device: str = "cpu") -> np.ndarray:
    """Return the shares of the classes at once; see `sliding`."""
    *_, (_, _, shares) = sliding(model, image, patch, classes, device)
    return shares
