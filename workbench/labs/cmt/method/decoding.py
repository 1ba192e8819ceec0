"""Decoding of queries to boxes, and late fusion of two lists."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from workbench.labs.cmt.method.boxes import decode
from workbench.labs.cmt.method.model import Found

MOST = 300  # boxes a scene
REACH = 61.2  # m along x and y, 10 m along z, within which a center is kept: nuScenes, as released
HEIGHT = 10.0
RADIUS = 2.0  # m between the centers of boxes that late fusion takes for one object


@dataclass(frozen=True)
class Detections:
    """Boxes of one scene, surest first.

    Attributes
    ----------
    boxes
        (K, 9): x, y, z, l, w, h in m, yaw in rad, vx, vy in m/s; see `boxes.encode`.
    scores
        (K,) in 0..1.
    labels
        (K,) class numbers.
    queries
        (K,) which query said so; -1 after late fusion.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    queries: Tensor

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, which: Tensor) -> Detections:
        return Detections(self.boxes[which], self.scores[which], self.labels[which], self.queries[which])


@torch.no_grad()
def detections(found: Found, most: int = MOST, reach: float = REACH, height: float = HEIGHT) -> list[Detections]:
    """Return the surest answers of the last layer, scene by scene; boxes that overlap are left alone (no NMS).

    Parameters
    ----------
    found
        What the network said.
    most
        How many of the N x classes scores are kept.
    reach, height
        Centers beyond in x or y, or in z, are left out (m). The sigmoid of the heads already keeps x and y inside the
        range of the network, so that 61.2 m around +-54 m bites nowhere; the free z of the released code can leave it.
    """
    classes = found.logits.shape[-1]
    scores, which = found.logits[-1].sigmoid().flatten(1).topk(min(most, found.logits[-1][0].numel()))  # (B, K) each
    query = which.div(classes, rounding_mode="floor")
    boxes = decode(found.codes[-1].gather(1, query[..., None].expand(-1, -1, found.codes.shape[-1])))  # (B, K, 9)
    limit = boxes.new_tensor((reach, reach, height))
    near = (boxes[..., :3].abs() <= limit).all(-1)  # (B, K)
    whole = zip(boxes, scores, which % classes, query, strict=True)
    return [Detections(*scene)[keep] for scene, keep in zip(whole, near, strict=True)]


def late_fusion(first: Detections, second: Detections, radius: float = RADIUS, most: int = MOST) -> Detections:
    """Return the boxes of two specialists as one list.

    Boxes of the same class whose centers are nearer than `radius` on the ground are taken for one object, each box once
    (the pairing with the largest sum of products of scores). A pair becomes the surer one's box with the score
    1 - (1 - a)(1 - b); a tie goes to the first. All other boxes stay. The rule is ours: the paper has no late fusion.

    Parameters
    ----------
    first, second
        Of one scene.
    radius
        In m.
    most
        How many boxes are kept.
    """
    gap = torch.cdist(first.boxes[:, :2], second.boxes[:, :2])  # (K1, K2)
    same = (gap < radius) & (first.labels[:, None] == second.labels)
    gain = (first.scores[:, None] * second.scores * same).cpu().numpy()
    row, column = linear_sum_assignment(gain, maximize=True)
    real = same.cpu().numpy()[row, column]
    row, column = (torch.from_numpy(np.asarray(one[real])).to(gap.device) for one in (row, column))
    joined = torch.cat([first.scores, second.scores])
    other = len(first) + column
    both = 1 - (1 - first.scores[row]) * (1 - second.scores[column])
    surer = torch.where(first.scores[row] >= second.scores[column], row, other)
    weaker = row + other - surer
    joined[surer] = both
    keep = torch.ones_like(joined, dtype=torch.bool)
    keep[weaker] = False
    whole = Detections(
        torch.cat([first.boxes, second.boxes]),
        joined,
        torch.cat([first.labels, second.labels]),
        torch.full_like(joined, -1, dtype=torch.long),
    )[keep]
    return whole[whole.scores.argsort(descending=True, stable=True)[:most]]
