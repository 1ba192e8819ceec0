"""A scene turned and mirrored, so that no training step sees it twice alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from workbench.labs.cmt.method.data import Sample


def moved(sample: Sample, yaw: float, mirrored: bool) -> Sample:
    """Return a scene turned about z and, before that, mirrored left to right with its images: augmentation."""
    flip = torch.diag(torch.tensor([1.0, -1.0 if mirrored else 1.0, 1.0, 1.0]))
    c, s = np.cos(yaw), np.sin(yaw)
    turn = torch.eye(4)
    turn[:2, :2] = torch.tensor([[c, -s], [s, c]])
    change = turn @ flip
    points, boxes, images = sample.points.clone(), sample.boxes.clone(), sample.images
    points[:, :3] = points[:, :3] @ change[:3, :3].T
    boxes[:, :3] = boxes[:, :3] @ change[:3, :3].T
    boxes[:, 6] = (-boxes[:, 6] if mirrored else boxes[:, 6]) + yaw
    boxes[:, 7:] = boxes[:, 7:] @ change[:2, :2].T
    lidar2img = sample.lidar2img @ change.inverse()
    if mirrored:
        images = images.flip(-1)
        across = torch.eye(4)
        across[0, 0], across[0, 2] = -1.0, images.shape[-1] - 1.0
        lidar2img = across @ lidar2img
    return replace(sample, points=points, boxes=boxes, images=images, lidar2img=lidar2img)


def inside(sample: Sample, area: tuple[float, ...]) -> Sample:
    """Return a scene without the boxes that were turned out of the range."""
    center = sample.boxes[:, :3]
    kept = ((center >= center.new_tensor(area[:3])) & (center < center.new_tensor(area[3:]))).all(1)
    return replace(sample, boxes=sample.boxes[kept], labels=sample.labels[kept])
