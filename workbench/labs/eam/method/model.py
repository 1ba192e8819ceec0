"""External attention modules on a shared network for CT and MR, and what they are compared with.

A RE-IMPLEMENTATION AFTER THE PAPER'S DESCRIPTION (arXiv 2206.10571): the abstract says what is aligned (class
representations and their correlations, at image and modality level, progressively, by modules that are thrown away);
the equations below are ours, since the paper's own could not be read. Letters: B images, K classes with the
background, C channels, N = h w tokens of a stage; modality m is 0 for CT, 1 for MR.

    S = (E^m Wq)(X Wk)^T / sqrt(C)                      (B, K, N)  attention logits of a stage's features X
    L_att = CE(softmax_K S, y_down)                     row k belongs to class k: nothing else would tie it there
    Z = softmax_N(S) X Wv                               (B, K, C)  class representations of an image
    R(Z)_kl = cos(Z_k, Z_l)                             (K, K)     their correlations
    P^m_k <- .95 P^m_k + .05 mean Z_k                   prototypes, over images of m that hold k; no gradient
    L_img = mean_k [1 - cos(Z_k, P^m'_k)] + mean_kl (R(Z) - R(P^m'))_kl^2       m' the other modality; k, l in the
                                                        image and seen in m'
    L_mod = mean_k [1 - cos(E^CT_k, E^MR_k)] + |R(E^CT) - R(E^MR)|_F^2 / K^2
    L = CE + Dice + sum over stages [.3 L_att + r(t) (.2 L_img + .1 L_mod)]     r grows from 0 to 1

UMMKD (Dou et al., TMI 2020), equations verified: batch norm of its own for each modality, and a distillation between
the class-wise mean logits of CT and MR at temperature 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - as everybody calls it

from workbench.toolkit.segmentation.convformer import ConvFormer, Shape
from workbench.toolkit.segmentation.training import dice_ce

KEEP = 0.95  # of a prototype at each step
TEMPERATURE = 2.0  # of UMMKD


@dataclass(frozen=True)
class Plan:
    """Terms that a training adds to Dice and cross entropy.

    Attributes
    ----------
    scales
        Stages with a module, coarsest first; 0: none.
    attention, image, modality
        Weights of L_att, L_img and L_mod.
    correlation
        Whether L_img and L_mod compare correlations, too.
    ramp
        Share of the steps over which r(t) grows.
    values
        Whether Wv is learned; otherwise it is the identity, and Z are features of the network.
    norms
        Whether each modality has batch norms of its own.
    distillation
        Weight of UMMKD's distillation; 0: none.
    """

    scales: int = 0
    attention: float = 0.3
    image: float = 0.2
    modality: float = 0.1
    correlation: bool = True
    ramp: float = 0.3
    values: bool = True
    norms: bool = False
    distillation: float = 0.0


# The modules ------------------------------------------------------------------------------------------------------


class ExternalAttention(nn.Module):
    """The module of one stage; see the top of this file."""

    def __init__(self, width: int, classes: int, values: bool = True):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(2, classes, width))  # E
        self.query, self.key, value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.value = value if values else nn.Identity()
        self.register_buffer("prototypes", torch.zeros(2, classes, width))  # P
        self.register_buffer("seen", torch.zeros(2, classes, dtype=torch.bool))

    def forward(self, x: Tensor, modality: Tensor) -> tuple[Tensor, Tensor]:
        """Return S (B, K, N) and Z (B, K, C) of features (B, C, h, w) and modalities (B,)."""
        t = x.flatten(2).transpose(1, 2)  # (B, N, C)
        q = self.query(self.embedding[modality])  # (B, K, C)
        s = q @ self.key(t).transpose(1, 2) / t.shape[-1] ** 0.5  # (B, K, N)
        return s, s.softmax(-1) @ self.value(t)

    def image_loss(self, z: Tensor, present: Tensor, modality: Tensor, correlation: bool = True) -> Tensor:
        """Return L_img of class representations (B, K, C); `present` (B, K) says which classes an image holds."""
        other = self.prototypes[1 - modality]  # (B, K, C), a buffer: no gradient
        counts = (present & self.seen[1 - modality]).to(z.dtype)  # (B, K)
        some = counts.sum(1) > 0
        if not bool(some.any()):
            return z.sum() * 0
        counts = counts[some]
        away = 1 - F.cosine_similarity(z[some], other[some], dim=-1)
        loss = (away * counts).sum(1) / counts.sum(1)  # (B',)
        if correlation:
            pairs = counts[:, :, None] * counts[:, None]  # (B', K, K)
            gap = (correlations(z[some]) - correlations(other[some])) ** 2
            loss = loss + (gap * pairs).sum((1, 2)) / pairs.sum((1, 2))
        return loss.mean()

    def modality_loss(self, correlation: bool = True) -> Tensor:
        """Return L_mod."""
        ct, mr = self.embedding
        loss = (1 - F.cosine_similarity(ct, mr, dim=-1)).mean()
        return loss + ((correlations(ct) - correlations(mr)) ** 2).mean() if correlation else loss

    @torch.no_grad()
    def update(self, z: Tensor, present: Tensor, modality: Tensor) -> None:
        """Move the prototypes towards the class representations (B, K, C) of a batch; the first is taken whole."""
        for m in (0, 1):
            counts = present[modality == m].to(z.dtype)  # (b, K)
            here = counts.sum(0) > 0
            mean = torch.einsum("bk,bkc->kc", counts, z[modality == m]) / counts.sum(0).clamp_min(1)[:, None]
            keep = torch.where(self.seen[m], KEEP, 0.0)[:, None]
            moved = keep * self.prototypes[m] + (1 - keep) * mean
            self.prototypes[m] = torch.where(here[:, None], moved, self.prototypes[m])
            self.seen[m] |= here


def correlations(z: Tensor) -> Tensor:
    """Return R (..., K, K), the cosines between the rows of (..., K, C)."""
    unit = F.normalize(z, dim=-1)
    return unit @ unit.transpose(-1, -2)


def attention_loss(s: Tensor, shares: Tensor) -> Tensor:
    """Return L_att of logits (B, K, N) and the share of each class in each token (B, K, N).

    The label map is down-sampled to shares, so that an organ smaller than a token still counts.
    """
    return -(shares * s.log_softmax(1)).sum(1).mean()


def shares_of(masks: Tensor, classes: int, size: tuple[int, int]) -> Tensor:
    """Return masks (B, H, W) as the share of every class in every token, (B, K, h w)."""
    hot = F.one_hot(masks, classes).movedim(-1, 1).float()
    return F.adaptive_avg_pool2d(hot, size).flatten(2)


# UMMKD ------------------------------------------------------------------------------------------------------------


def distillation(logits: Tensor, masks: Tensor, modality: Tensor) -> Tensor:
    """Return UMMKD's loss between CT and MR of a batch.

    For class k, q^m_k is the softmax at temperature 2 of the mean logits over pixels of class k in images of m; the
    loss is the mean over k of [KL(q^CT_k | q^MR_k) + KL(q^MR_k | q^CT_k)] / 2. Only classes in both modalities of the
    batch count: the official code gives absent ones a uniform q, and so a pull towards nothing.
    """
    classes = logits.shape[1]
    hot = F.one_hot(masks, classes).to(logits.dtype).flatten(1, 2)  # (B, P, K)
    sums = torch.einsum("bpk,bcp->bkc", hot, logits.flatten(2))  # (B, K, K)
    counts = hot.sum(1)  # (B, K)
    own = [modality == m for m in (0, 1)]
    both = torch.stack([counts[o].sum(0) > 0 for o in own]).all(0)
    if not bool(both.any()):
        return logits.sum() * 0
    mean = [sums[o].sum(0)[both] / counts[o].sum(0)[both][:, None] for o in own]  # each (K', K)
    a, b = ((m / TEMPERATURE).log_softmax(1) for m in mean)
    return ((a.exp() - b.exp()) * (a - b)).sum(1).mean() / 2  # both KL in one


class SwitchNorm(nn.Module):
    """Batch norm with statistics and weights of its own for each modality; `which` says whose turn it is."""

    def __init__(self, width: int):
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2))
        self.which = 0

    def forward(self, x: Tensor) -> Tensor:
        return self.norms[self.which](x)


def with_norms(model: nn.Module) -> nn.Module:
    """Put a `SwitchNorm` in the place of every instance norm of a network; layer norms stay shared."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.InstanceNorm2d):
                setattr(parent, name, SwitchNorm(child.num_features))
    return model


# The whole --------------------------------------------------------------------------------------------------------


def features(f: ConvFormer, x: Tensor, modality: Tensor) -> list[Tensor]:
    """Return the features of images (B, 1, H, W), coarsest first; images of one modality stand together in a batch."""
    switches = [m for m in f.modules() if isinstance(m, SwitchNorm)]
    if not switches:
        return f.features(x)
    parts = []
    for m in modality.unique_consecutive().tolist():
        for switch in switches:
            switch.which = int(m)
        parts.append(f.features(x[modality == m]))
    return [torch.cat(stage) for stage in zip(*parts, strict=True)]


class Learner(nn.Module):
    """The shared network `f`, the modules outside of it, and the loss that trains both.

    Parameters
    ----------
    f
        The network that is kept. It knows nothing of the modules.
    classes
        With the background.
    plan
        What is added to Dice and cross entropy.
    modality
        (B,), 0 or 1: what each image of a training batch is.
    steps
        Of the training.
    """

    def __init__(self, f: ConvFormer, classes: int, plan: Plan, modality: list[int], steps: int):
        super().__init__()
        self.f, self.classes, self.plan, self.steps = f, classes, plan, steps
        self.modules_outside = nn.ModuleList(
            ExternalAttention(f.widths[::-1][s], classes, plan.values) for s in range(plan.scales)
        )
        self.register_buffer("modality", torch.tensor(modality))
        self.register_buffer("count", torch.tensor(0))  # steps done, in the state: a resumed ramp goes on
        self.terms: dict[str, float] = {}

    def forward(self, x: Tensor) -> tuple[Tensor, list[tuple[Tensor, Tensor, Tensor]]]:
        """Return logits (B, K, H, W), and for every stage with a module its S, Z and size (h, w)."""
        stages = features(self.f, x, self.modality)
        found = []
        for outside, stage in zip(self.modules_outside, stages, strict=False):
            found.append((*outside(stage, self.modality), torch.tensor(stage.shape[2:])))
        return self.f.head(stages[-1]), found

    def loss(self, found: tuple[Tensor, list], masks: Tensor) -> Tensor:
        """Return the whole loss of what `forward` found and the masks (B, H, W); moves the prototypes on."""
        logits, stages = found
        plan = self.plan
        total = dice_ce(logits, masks)
        terms = {"dice_ce": total}
        if plan.distillation:
            terms["distillation"] = distillation(logits, masks, self.modality)
            total = total + plan.distillation * terms["distillation"]
        present = F.one_hot(masks, self.classes).flatten(1, 2).any(1)  # (B, K)
        grown = self.ramp()
        for outside, (s, z, size) in zip(self.modules_outside, stages, strict=True):
            shares = shares_of(masks, self.classes, (int(size[0]), int(size[1])))
            parts = {
                "attention": attention_loss(s, shares),
                "image": outside.image_loss(z, present, self.modality, plan.correlation),
                "modality": outside.modality_loss(plan.correlation),
            }
            total = total + plan.attention * parts["attention"]
            total = total + grown * (plan.image * parts["image"] + plan.modality * parts["modality"])
            terms |= {key: terms.get(key, 0) + value for key, value in parts.items()}
            outside.update(z.detach(), present, self.modality)
        self.count += 1
        self.terms = {key: float(value.detach()) for key, value in terms.items()}
        return total

    def ramp(self) -> float:
        """Return r(t), from 0 to 1."""
        length = self.plan.ramp * self.steps
        return min(1.0, int(self.count) / length) if length else 1.0


def backbone(width: int, classes: int, generator: torch.Generator, norms: bool = False) -> ConvFormer:
    """Return an untrained network of slices (B, 1, H, W) -> (B, K, H, W); equal generators give equal weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
        f = ConvFormer(Shape(classes, width, dims=2))
    return with_norms(f) if norms else f


def learner(
    f: ConvFormer, classes: int, plan: Plan, modality: list[int], steps: int, generator: torch.Generator
) -> Learner:
    """Return a `Learner`, its modules drawn from the generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
        return Learner(f, classes, plan, modality, steps)


@torch.no_grad()
def predict(f: ConvFormer, images: Tensor, m: int) -> Tensor:
    """Return logits (B, K, H, W) of images (B, 1, H, W) of modality m: the network alone."""
    f.eval()
    return f.head(features(f, images, torch.full((len(images),), m, device=images.device))[-1])


@torch.no_grad()
def attend(f: ConvFormer, outside: nn.ModuleList, images: Tensor, m: int, by: int | None = None) -> list[Tensor]:
    """Return for every module softmax_K(S) as maps (B, K, h, w), asked by the embedding of modality `by`, or of m."""
    f.eval()
    own = torch.full((len(images),), m, device=images.device)
    stages = features(f, images, own)
    maps = []
    for module, stage in zip(outside, stages, strict=False):
        s, _ = module(stage, own if by is None else torch.full_like(own, by))
        maps.append(s.softmax(1).unflatten(2, stage.shape[2:]))
    return maps


def with_modules(logits: Tensor, maps: list[Tensor]) -> Tensor:
    """Return shares (B, K, H, W) where the modules are kept at test: half the network's, half the modules' mean."""
    grown = [F.interpolate(m, logits.shape[2:], mode="bilinear", align_corners=False) for m in maps]
    return (logits.softmax(1) + torch.stack(grown).mean(0)) / 2
