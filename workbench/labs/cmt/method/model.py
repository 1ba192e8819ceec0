"""The cross-modal transformer: points and images to tokens, queries that look at all of them, and a box from each.

1. **Tokens** (`branches`): pillars and a small network give BEV features, a residual network gives image features;
   every cell of either is one token.
2. **Positions** (`encoding`): BEV cells through psi, pixels through their rays; a query's anchor through the same two
   networks. Sharing them is what aligns the sensors.
3. **Decoder**: queries attend to each other, then to the tokens of both sensors at once.
4. **Heads**: after each layer, class logits and a box for every query; a box's center is a shift from the anchor.

A sensor that is absent gives no tokens (`Shape.absent` has the alternatives), and nothing else changes.

Shapes: B scenes, V cameras, N queries, S tokens, C channels, L decoder layers, H heads.
Paper: Yan et al., ICCV 2023, sections 3.1 to 3.4; details follow the released code (junjie18/CMT).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.labs.cmt.common.shapes import Shape
from workbench.labs.cmt.method.boxes import placed
from workbench.labs.cmt.method.branches import Images, Lift, Pillars
from workbench.labs.cmt.method.encoding import Encoding, cells, corners, inverted
from workbench.labs.cmt.method.frames import Frames, zeroed

BRANCHES = {"center": 2, "height": 1, "size": 3, "turn": 2, "speed": 2}  # of a box, in the order of the released heads
RARE = -2.19  # bias of class logits: a share of 0.1
PLACES, RARER = 3, -4.0  # numbers that say where in a token a center lies; hardly any token holds one
LOGIT = 16.0  # of equal encodings in a fresh aligned network: a thousand tokens elsewhere must not outweigh one here


class Found(NamedTuple):
    """Predictions for every query, after each decoder layer.

    Attributes
    ----------
    logits
        (L, B, N, classes).
    codes
        (L, B, N, 10), in the order of `boxes.CODE`.
    """

    logits: Tensor
    codes: Tensor

    def part(self, queries: slice) -> Found:
        """Return what is said of some of the queries."""
        return Found(self.logits[:, :, queries], self.codes[:, :, queries])


class Guesses(NamedTuple):
    """Predictions of the tokens by themselves, used in training only (see `workbench.labs.cmt.method.guidance`).

    Attributes
    ----------
    bev, views
        (B, Y, X, K + 3) and (B, V, h, w, K + 3); None of a sensor that the network or the scenes lack.
    """

    bev: Tensor | None = None
    views: Tensor | None = None


@dataclass(frozen=True)
class Tokens:
    """Tokens that queries attend to: BEV first (y major), then those of each camera, row by row, then learned nulls.

    Attributes
    ----------
    content, place
        (B, S, C) each: features and position encodings.
    there
        (B, S) bool: those that may be looked at.
    bev, views
        (Y, X) or None, and (V, h, w) or None: how the tokens lie.
    """

    content: Tensor
    place: Tensor
    there: Tensor
    bev: tuple[int, int] | None
    views: tuple[int, int, int] | None

    def laid_out(self, values: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Return values of tokens (..., S) as BEV (..., Y, X) and views (..., V, h, w); None for what there is not."""
        cut = self.bev[0] * self.bev[1] if self.bev else 0
        end = cut + (self.views[0] * self.views[1] * self.views[2] if self.views else 0)
        plane = values[..., :cut].unflatten(-1, self.bev) if self.bev else None
        return plane, values[..., cut:end].unflatten(-1, self.views) if self.views else None


@dataclass(frozen=True)
class Looked:
    """Attention of one query, and the similarity of its position encoding to that of each token.

    Attributes
    ----------
    bev_attention, view_attention
        (L, H, Y, X) and (L, H, V, h, w): shares of attention; one layer's head sums to 1 over both. None for a sensor
        that the network does not have, 0 where a sensor is absent.
    bev_similarity, view_similarity
        (Y, X) and (V, h, w): cosine of position encodings, in -1..1.
    """

    bev_attention: Tensor | None
    view_attention: Tensor | None
    bev_similarity: Tensor | None
    view_similarity: Tensor | None


class Cmt(nn.Module):
    """The network.

    Parameters
    ----------
    shape
        Its size and variant.
    generator
        From which the first weights are drawn; the global one belongs to nobody.
    """

    def __init__(self, shape: Shape, generator: torch.Generator | None = None):
        super().__init__()
        seed = int(torch.randint(2**62, (1,), generator=generator))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.shape = shape
            self.points = Pillars(shape) if shape.sensors != "camera" else None
            self.images = Images(shape) if shape.sensors != "lidar" else None
            self.lift = Lift(shape) if shape.bev else None
            self.encoding = Encoding(shape)
            self.null = nn.Parameter(torch.randn(2, shape.width)) if shape.absent == "null" else None
            self.anchors = nn.Parameter(first_anchors(shape))  # (N, 3) in the range
            self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
            self.norm = nn.LayerNorm(shape.width)
            self.heads = Heads(shape)
            asked = {"bev": shape.sensors != "camera", "views": shape.sensors != "lidar" and not shape.bev}
            self.guides = nn.ModuleDict({name: guide(shape) for name in asked if asked[name] and shape.guided})

    def forward(
        self, frames: Frames, extra: Tensor | None = None, mask: Tensor | None = None, guided: bool = False
    ) -> Found | tuple[Found, Guesses]:
        """Return what is found in scenes.

        Parameters
        ----------
        frames
            B scenes. Sensors that the network does not have are not read.
        extra
            More anchors (B, E, 3) in the range, put before the network's own: those of denoising.
        mask
            (B, 1, E + N, E + N) bool: which query may attend to which; None: all to all.
        guided
            Also ask the tokens by themselves.

        Returns
        -------
        Found
            Of E + N queries; with `guided` and the guesses of the tokens.

        Raises
        ------
        LabError
            The calibration of a camera that is there has no inverse.
        """
        tokens, anchors, place = self.prepared(frames, extra)
        x = torch.stack(self.decoded(tokens, place, mask))  # (L, B, E + N, C)
        logits, raw = self.heads(self.norm(x))
        found = Found(logits, placed(raw, anchors, self.shape.area, self.shape.released_code))
        return (found, self.guesses(tokens)) if guided else found

    def guesses(self, tokens: Tokens) -> Guesses:
        """Return what tokens say by themselves."""
        plane, views = tokens.laid_out(tokens.content.transpose(1, 2))  # (B, C, ...) each
        asked = {"bev": plane, "views": views}
        return Guesses(**{k: self.guides[k](v.movedim(1, -1)) for k, v in asked.items() if v is not None})

    def prepared(self, frames: Frames, extra: Tensor | None = None) -> tuple[Tokens, Tensor, Tensor]:
        """Return tokens, and anchors (B, N, 3) of queries with their position encodings (B, N, C)."""
        if self.shape.absent == "zeroed":
            frames = zeroed(frames)
        own = self.anchors.clamp(0, 1).expand(frames.batch, -1, -1)
        anchors = own if extra is None else torch.cat([extra, own], 1)
        seeing = self.images is not None and frames.images.shape[1] > 0
        camera = frames.camera if seeing else frames.camera[:, :0]  # (B, V), V = 0 for the LiDAR specialist
        lidar2img = frames.lidar2img[:, : camera.shape[1]]
        inverse = inverted(lidar2img, camera)
        tokens = self.tokens(frames, camera, inverse)
        if self.lift is not None:  # all tokens lie on the BEV plane: rays say nothing
            camera, lidar2img, inverse = camera[:, :0], lidar2img[:, :0], inverse[:, :0]
        place = self.encoding.query(anchors, lidar2img, inverse, camera, frames.images.shape[-2:])
        return tokens, anchors, place

    def features(
        self, frames: Frames, camera: Tensor, inverse: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Return BEV features (B, C, Y, X), image features (B, V, C, h, w), and the pixels (h, w, 2) of the latter.

        None for a sensor that the network or the scenes lack; on a common BEV grid there are no image features left.
        """
        plane = views = pixels = None
        if self.points is not None:
            plane = self.points(frames.points, frames.filled & frames.lidar[:, None])
        if camera.shape[1]:
            views = self.images(frames.images.masked_fill(~camera[..., None, None, None], 0))  # absent: never read
            pixels = corners(views.shape[-2:], self.images.stride, views.device)
        if self.lift is not None:
            lifted = torch.zeros_like(plane) if views is None else self.lift(views, pixels, inverse, camera)
            plane, views = self.lift.joined(plane, lifted), None
        return plane, views, pixels

    def tokens(self, frames: Frames, camera: Tensor, inverse: Tensor) -> Tokens:
        """Return what there is to look at."""
        shape, B, device = self.shape, frames.batch, frames.points.device
        plane, features, pixels = self.features(frames, camera, inverse)
        content, place, there, bev, views = [], [], [], None, None
        lidar = frames.lidar & frames.filled.any(1)  # (B,)
        if plane is not None:
            bev = shape.grid
            content.append(plane.flatten(2).transpose(1, 2))  # (B, Y X, C)
            encoded = self.encoding.plane(cells(bev, device)).flatten(0, 1)  # (Y X, C)
            place.append((encoded * shape.point_encoding).expand(B, -1, -1))
            alive = lidar | camera.any(1) if shape.bev else lidar
            there.append(alive[:, None].expand(-1, bev[0] * bev[1]))
        if features is not None:
            _, V, C, h, w = features.shape
            views = (V, h, w)
            content.append(features.permute(0, 1, 3, 4, 2).reshape(B, -1, C))  # (B, V h w, C)
            encoded = self.encoding.ray(pixels, inverse[:, :, None, None])  # (B, V, h, w, C)
            place.append(encoded.reshape(B, -1, C) * shape.image_encoding)
            there.append(camera[:, :, None].expand(-1, -1, h * w).flatten(1))
        if self.null is not None:
            content.append(self.null.expand(B, -1, -1))
            place.append(torch.zeros_like(content[-1]))
            there.append(torch.stack([~lidar, ~camera.any(1)], 1))
        if not content:  # a camera specialist without any camera: one token that nobody may look at
            content = place = [torch.zeros(B, 1, shape.width, device=device)]
            there = [torch.zeros(B, 1, dtype=torch.bool, device=device)]
        return Tokens(torch.cat(content, 1), torch.cat(place, 1), torch.cat(there, 1), bev, views)

    def decoded(self, tokens: Tokens, place: Tensor, mask: Tensor | None = None) -> list[Tensor]:
        """Return the queries' contents (B, N, C) after each layer; they start at zero."""
        keys = tokens.content + tokens.place
        there = None if bool(tokens.there.all()) else tokens.there[:, None, None]  # (B, 1, 1, S)
        x, all_of_them = torch.zeros_like(place), []
        for layer in self.layers:
            x = layer(x, place, keys, tokens.content, mask, there)
            all_of_them.append(x)
        return all_of_them

    @torch.no_grad()
    def look(self, frames: Frames, query: int) -> Looked:
        """Return where a query of the first scene looks, for people."""
        tokens, _, place = self.prepared(frames)
        one = slice(query, query + 1)
        keys, before = tokens.content + tokens.place, [torch.zeros_like(place), *self.decoded(tokens, place)]
        shares = [
            layer.shares(x, place, keys, tokens.there[:, None, None], one)[0, :, 0]  # (H, S)
            for layer, x in zip(self.layers, before, strict=False)
        ]
        alike = F.cosine_similarity(place[0, query], tokens.place[0], -1)  # (S,)
        return Looked(*tokens.laid_out(torch.stack(shares)), *tokens.laid_out(alike))


def first_anchors(shape: Shape) -> Tensor:
    """Return anchors (N, 3) in 0..1: random, or (deviation) spread over x and y at half height."""
    if not shape.grid_anchors:
        return torch.rand(shape.queries, 3)
    side = ceil(shape.queries**0.5)
    at = torch.arange(side * side)[torch.linspace(0, side * side - 1, shape.queries).round().long()]
    x, y = (at % side + 0.5) / side, (at.div(side, rounding_mode="floor") + 0.5) / side
    return torch.stack([x, y, torch.full_like(x, 0.5)], 1)


# Decoder ---------------------------------------------------------------------------------------------------------


class Attention(nn.Module):
    """Attention of several heads through `scaled_dot_product_attention`, keys and values given apart."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.join = (nn.Linear(width, width) for _ in range(4))
        for linear in (self.q, self.k, self.v):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        """Return (B, N, C) for queries (B, N, C), keys and values (B, S, C), and a mask of what may be seen.

        A query that may see nothing gets 0 before the last projection, not NaN.
        """
        q, k, v = self.split(self.q(q)), self.split(self.k(k)), self.split(self.v(v))  # (B, H, N or S, C / H)
        mixed = F.scaled_dot_product_attention(q, k, v, mask)
        return self.join(mixed.transpose(1, 2).flatten(2))

    def shares(self, q: Tensor, k: Tensor, mask: Tensor) -> Tensor:
        """Return how much of each key's value a query takes (B, H, N, S); 0 of all if it may see none."""
        q, k = self.split(self.q(q)), self.split(self.k(k))
        logits = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).masked_fill(~mask, -torch.inf)
        return logits.softmax(-1).masked_fill(~mask, 0)

    def split(self, x: Tensor) -> Tensor:
        """Return (B, H, N, C / H) of (B, N, C)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Layer(nn.Module):
    """One post-norm layer: queries attend to each other, then to the tokens, then think for themselves."""

    def __init__(self, shape: Shape):
        super().__init__()
        C = shape.width
        self.own, self.cross = Attention(C, shape.heads), Attention(C, shape.heads)
        self.think = nn.Sequential(nn.Linear(C, shape.inner), nn.ReLU(), nn.Linear(shape.inner, C))
        self.norms = nn.ModuleList(nn.LayerNorm(C) for _ in range(3))
        if shape.aligned:  # equal encodings then have a logit of `LOGIT`, unlike ones of about 0
            nn.init.orthogonal_(self.cross.q.weight, gain=(LOGIT / (C / shape.heads) ** 0.5) ** 0.5)
            self.cross.k.weight.data.copy_(self.cross.q.weight)
            nn.init.zeros_(self.own.join.weight)  # else a vector that all queries share would look for itself
            nn.init.zeros_(self.own.join.bias)

    def forward(
        self, x: Tensor, place: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, there: Tensor | None
    ) -> Tensor:
        """Return the contents (B, N, C) after this layer; see `Cmt.decoded`."""
        x = self.among(x, place, mask)
        x = self.norms[1](x + self.cross(x + place, keys, values, there))
        return self.norms[2](x + self.think(x))

    def among(self, x: Tensor, place: Tensor, mask: Tensor | None) -> Tensor:
        """Return the contents (B, N, C) after the queries attended to each other."""
        return self.norms[0](x + self.own(x + place, x + place, x, mask))

    def shares(self, x: Tensor, place: Tensor, keys: Tensor, there: Tensor, which: slice) -> Tensor:
        """Return the attention (B, H, n, S) of some queries to the tokens, from the contents before this layer."""
        x = self.among(x, place, None)
        return self.cross.shares((x + place)[:, which], keys, there)


class Heads(nn.Module):
    """A class head and five box heads for every decoder layer, all layers at once: linear, norm, ReLU, linear."""

    def __init__(self, shape: Shape):
        super().__init__()
        L, C, K = shape.layers, shape.width, shape.hidden
        self.branches = {**BRANCHES, "polar": 4} if shape.polar else BRANCHES
        outs = {"class": shape.classes, **self.branches}
        size = (len(outs), K)
        self.enter, self.enter_bias = uniform(C, L, C, len(outs) * K), uniform(C, L, 1, 1, len(outs) * K)
        self.scale = nn.Parameter(torch.ones(L, 1, 1, *size))
        self.shift = nn.Parameter(torch.zeros(L, 1, 1, *size))
        self.leave = nn.ParameterDict((name, uniform(K, L, K, out)) for name, out in outs.items())
        self.bias = nn.ParameterDict((name, nn.Parameter(torch.zeros(L, 1, 1, out))) for name, out in outs.items())
        nn.init.constant_(self.bias["class"], RARE)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return class logits (L, B, N, classes) and raw boxes (L, B, N, 10 or 14) of contents (L, B, N, C)."""
        branches, hidden = self.scale.shape[-2:]
        h = torch.einsum("lbnc,lck->lbnk", x, self.enter) + self.enter_bias
        h = F.layer_norm(h.unflatten(-1, (branches, hidden)), (hidden,)) * self.scale + self.shift
        h = h.relu().unbind(-2)  # one (L, B, N, hidden) for each branch
        logits, *box = (
            torch.einsum("lbnk,lko->lbno", one, self.leave[name]) + self.bias[name]
            for one, name in zip(h, ("class", *self.branches), strict=True)
        )
        return logits, torch.cat(box, -1)


def guide(shape: Shape) -> nn.Linear:
    """Return what reads class logits and a place from a token, C -> K + 3; see `workbench.labs.cmt.method.guidance`."""
    made = nn.Linear(shape.width, shape.classes + PLACES)
    nn.init.constant_(made.bias[: shape.classes], RARER)
    return made


def uniform(fan: int, *size: int) -> nn.Parameter:
    """Return weights as `nn.Linear` draws them for an input of `fan` numbers."""
    return nn.Parameter(torch.empty(size).uniform_(-(fan**-0.5), fan**-0.5))
