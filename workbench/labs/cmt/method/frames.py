"""A batch of scenes as tensors, with masks of the sensors that are present."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from workbench.contract import LabError

FEATURES = 5  # x, y, z in m in the LiDAR frame, intensity in 0..1, seconds before the key frame


class Frames(NamedTuple):  # and no dataclass: Fabric takes apart what goes into a network
    """A batch of B scenes with up to N points and V cameras; an absent sensor is not an error.

    Attributes
    ----------
    points, filled
        (B, N, 5), N >= 1, and (B, N) bool: which rows are points and not padding.
    images
        (B, V, 3, H, W) RGB in 0..1; V = 0 without cameras.
    lidar2img
        (B, V, 4, 4) from the LiDAR frame to (u d, v d, d, 1), u and v in pixels of these images, d in m.
    lidar, camera
        (B,) and (B, V) bool: what is there.
    """

    points: Tensor
    filled: Tensor
    images: Tensor
    lidar2img: Tensor
    lidar: Tensor
    camera: Tensor

    def to(self, device: torch.device | str) -> Frames:
        """Return the same on another device."""
        return Frames(*(tensor.to(device) for tensor in self))

    @property
    def batch(self) -> int:
        """B."""
        return len(self.points)


def framed(
    points: Sequence[Tensor] | Tensor | None, images: Tensor | None = None, lidar2img: Tensor | None = None
) -> Frames:
    """Return a batch from clouds and images.

    Parameters
    ----------
    points
        B clouds (N_b, 4 or 5), or None without a LiDAR. A cloud without points is a scene without a LiDAR; rows with
        NaN or infinity are left out; a missing fifth column (time) is 0.
    images, lidar2img
        (B, V, 3, H, W) and (B, V, 4, 4), or None without cameras.

    Raises
    ------
    LabError
        Neither sensor is given, or sizes do not fit.
    """
    if points is None and images is None:
        raise LabError("There are neither points nor images.", "Give at least one of them.")
    if (images is None) != (lidar2img is None):
        raise LabError("Images and calibration come together.", "Give both, or neither.")
    batch = len(points) if points is not None else len(images)
    if images is None:
        images, lidar2img = torch.zeros(batch, 0, 3, 1, 1), torch.zeros(batch, 0, 4, 4)
    if images.dim() != 5 or images.shape[2] != 3:
        raise LabError(
            f"Images have the shape {tuple(images.shape)}.", "It should be (batch, cameras, 3, height, width)."
        )
    if lidar2img.shape != (*images.shape[:2], 4, 4) or len(images) != batch:
        raise LabError(
            f"{tuple(images.shape[:2])} images, {tuple(lidar2img.shape)} calibrations, {batch} clouds do not fit.",
            "Give one 4 x 4 matrix an image, and one cloud a scene.",
        )
    if points is None:
        points = [torch.zeros(0, FEATURES)] * batch
    clouds = [whole(cloud) for cloud in points]
    sizes = torch.tensor([len(cloud) for cloud in clouds], device=images.device)
    padded = pad_sequence([*clouds, images.new_zeros(1, FEATURES)], batch_first=True)[:-1]  # (B, N >= 1, 5)
    filled = torch.arange(padded.shape[1], device=images.device) < sizes[:, None]
    camera = torch.ones(images.shape[:2], dtype=torch.bool, device=images.device)
    return Frames(padded, filled, images, lidar2img.float(), sizes > 0, camera)


def whole(cloud: Tensor) -> Tensor:
    """Return the points of a cloud (N, 4 or 5) that are finite, with five columns, as float32."""
    if cloud.dim() != 2 or cloud.shape[1] not in (FEATURES - 1, FEATURES):
        raise LabError(f"A cloud has the shape {tuple(cloud.shape)}.", "It should be (points, 4 or 5).")
    cloud = torch.nn.functional.pad(cloud.float(), (0, FEATURES - cloud.shape[1]))
    return cloud[cloud.isfinite().all(1)]


def zeroed(frames: Frames) -> Frames:
    """Return frames in which absent sensors are the paper's (``mask_modal``): black images, all points at the origin.

    Every scene and camera then counts as there. A scene without any point gets one at the origin, since the released
    code, whose sparse convolution fails on empty clouds, does not say what else.
    """
    filled = frames.filled.clone()
    filled[:, 0] |= ~filled.any(1)
    return frames._replace(
        points=frames.points.masked_fill(~frames.lidar[:, None, None], 0),
        filled=filled,
        images=frames.images.masked_fill(~frames.camera[..., None, None, None], 0),
        lidar=torch.ones_like(frames.lidar),
        camera=torch.ones_like(frames.camera),
    )
