"""Matching of queries and objects, and the losses: Hungarian matching, focal loss, weighted L1.

Shapes: L decoder layers, B scenes, N queries, G objects of the scene that has most, K classes. All layers are costed
and summed up at once; only the assignment itself, scipy's, goes scene by scene.

No term hides a NaN: a scene without objects has nothing to match, its queries are all "no object", and normalizers are
at least 1, so losses and gradients are finite by definition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from workbench.contract import LabError
from workbench.labs.cmt.method.boxes import WEIGHTS
from workbench.labs.cmt.method.model import Found

ALPHA, GAMMA = 0.25, 2.0  # of the focal loss
CLASS_WEIGHT, BOX_WEIGHT = 2.0, 0.25  # of cost and loss alike
MATCHED = 8  # numbers of the code that the cost reads: not the velocity
NEGATIVE = 0.1  # how much an unmatched query counts in the normalizer of the focal loss


@dataclass(frozen=True)
class Truth:
    """Objects of B scenes.

    Attributes
    ----------
    codes
        (B, G, 10), see `boxes.CODE`; a velocity may be NaN, which asks for none.
    labels
        (B, G) class numbers; -1 where a scene has fewer than G objects.
    """

    codes: Tensor
    labels: Tensor

    @property
    def there(self) -> Tensor:
        """Mask (B, G) of the places that hold an object."""
        return self.labels >= 0


@dataclass(frozen=True)
class Losses:
    """Losses of the queries, each a sum over the decoder layers.

    Attributes
    ----------
    classes, boxes
        Focal and L1 loss, weighted, scalars.
    """

    classes: Tensor
    boxes: Tensor

    @property
    def total(self) -> Tensor:
        """The sum of both."""
        return self.classes + self.boxes


def truth_of(codes: list[Tensor], labels: list[Tensor]) -> Truth:
    """Return objects of several scenes, codes (G_b, 10) and labels (G_b,) each, as one batch."""
    most = max((len(one) for one in labels), default=0)
    return Truth(
        torch.stack([F.pad(one.float(), (0, 0, 0, most - len(one))) for one in codes]),
        torch.stack([F.pad(one.long(), (0, most - len(one)), value=-1) for one in labels]),
    )


# Matching --------------------------------------------------------------------------------------------------------


def costs(found: Found, truth: Truth) -> Tensor:
    """Return what it costs each query to answer for each object (L, B, N, G): focal plus L1.

    The focal part is the difference that saying the object's class makes to the focal loss; the intersection over union
    has weight 0 in the released configuration, and none here.
    """
    log_p, log_not = F.logsigmoid(found.logits), F.logsigmoid(-found.logits)
    p = log_p.exp()
    say, deny = ALPHA * (1 - p) ** GAMMA * -log_p, (1 - ALPHA) * p**GAMMA * -log_not  # (L, B, N, K)
    L, B, N, _ = found.logits.shape
    label = truth.labels.clamp_min(0)[None, :, None].expand(L, -1, N, -1)  # (L, B, N, G)
    classes = (say - deny).gather(-1, label)
    weight = found.codes.new_tensor(WEIGHTS[:MATCHED])
    boxes = torch.cdist(
        found.codes[..., :MATCHED] * weight, (truth.codes[..., :MATCHED] * weight).expand(L, -1, -1, -1), 1
    )
    return CLASS_WEIGHT * classes + BOX_WEIGHT * boxes


@torch.no_grad()
def matched(found: Found, truth: Truth) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the pairs of least cost, each object with one query of each layer.

    Returns
    -------
    layer, scene, query, object
        (M,) each.

    Raises
    ------
    LabError
        A cost is not finite: the training has diverged, or an object's code is not a number.
    """
    L, B = found.logits.shape[:2]
    cost = costs(found, truth).cpu().double().numpy()  # (L, B, N, G)
    count = truth.there.sum(1).tolist()
    place = [np.flatnonzero(row) for row in truth.there.cpu().numpy()]
    if not np.isfinite(cost.swapaxes(2, 3)[:, truth.there.cpu().numpy()]).all():
        raise LabError(
            "A cost of the matching is not a finite number.",
            "The training has diverged: lower the learning rate. Else a box of the data is not a number.",
        )
    parts = [(np.zeros(0, int),) * 4]
    for layer, scene in np.ndindex(L, B):
        if count[scene]:
            query, one = linear_sum_assignment(cost[layer, scene][:, place[scene]])
            parts.append((np.full_like(query, layer), np.full_like(query, scene), query, place[scene][one]))
    return tuple(torch.from_numpy(np.concatenate(part)).to(found.logits.device) for part in zip(*parts, strict=True))


# Losses ----------------------------------------------------------------------------------------------------------


def focal(logits: Tensor, target: Tensor) -> Tensor:
    """Return the focal loss (Lin et al. 2017) of every logit, as the logits; target is 0 or 1 of the same shape."""
    p = logits.sigmoid()
    miss = torch.where(target > 0, 1 - p, p)  # how far the answer is from the target
    weight = torch.where(target > 0, ALPHA, 1 - ALPHA)
    return weight * miss**GAMMA * F.binary_cross_entropy_with_logits(logits, target, reduction="none")


def distance(codes: Tensor, target: Tensor) -> Tensor:
    """Return the weighted L1 distance (M,) of codes (M, 10) to their targets; numbers unknown (NaN) count nothing."""
    known = target.isfinite()
    gap = (codes - torch.where(known, target, codes.detach())).abs()  # NaN out first: 0 x NaN has a NaN gradient
    return (gap * codes.new_tensor(WEIGHTS)).sum(-1)


def matching_losses(found: Found, truth: Truth) -> Losses:
    """Return what the queries cost.

    Focal loss over all queries and classes, divided by max(1, P + 0.1 (B N - P)) with P matched queries of the batch in
    a layer; L1 over the matched, divided by max(1, P).
    """
    _, B, N, _ = found.logits.shape
    layer, scene, query, one = matched(found, truth)
    target = torch.zeros_like(found.logits)
    target[layer, scene, query, truth.labels[scene, one]] = 1
    positive = len(one) / len(found.logits)  # P is the same in every layer
    return Losses(
        CLASS_WEIGHT * focal(found.logits, target).sum() / max(1.0, positive + NEGATIVE * (B * N - positive)),
        BOX_WEIGHT * distance(found.codes[layer, scene, query], truth.codes[scene, one]).sum() / max(1.0, positive),
    )
