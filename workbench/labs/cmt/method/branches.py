"""From points to BEV features and from images to image features.

Shapes: B scenes, N points, V cameras, P channels of a pillar, C of the decoder, (Y, X) BEV tokens.

Group norm stands where the released networks have batch norm: batch statistics would mix scenes with and without a
sensor, and a batch of scenes without points has none.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.labs.cmt.common.shapes import Backbone, Shape
from workbench.labs.cmt.method.encoding import rays

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, for RGB in 0..1


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a short cut (He et al. 2016, basic block)."""

    def __init__(self, enter: int, leave: int, stride: int = 1):
        super().__init__()
        self.first, self.second = convolution(enter, leave, stride), convolution(leave, leave)
        plain = enter == leave and stride == 1
        self.shortcut = nn.Identity() if plain else nn.Conv2d(enter, leave, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, leave, H / stride, W / stride) of (B, enter, H, W)."""
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


def convolution(enter: int, leave: int, stride: int = 1) -> nn.Sequential:
    """Return a 3 x 3 convolution and its norm."""
    return nn.Sequential(nn.Conv2d(enter, leave, 3, stride, 1, bias=False), nn.GroupNorm(math.gcd(leave, 8), leave))


# Points ----------------------------------------------------------------------------------------------------------


def inside(points: Tensor, shape: Shape) -> Tensor:
    """Return which points (..., 5) lie in the range (...,); NaN does not."""
    low, high = points.new_tensor(shape.area[:3]), points.new_tensor(shape.area[3:])
    return ((points[..., :3] >= low) & (points[..., :3] < high)).all(-1)


def cell_of(xy: Tensor, shape: Shape, grid: tuple[int, int]) -> Tensor:
    """Return the number (M,) of the cell, y major, in which positions (M, 2) in m inside the range fall."""
    low = xy.new_tensor(shape.area[:2])
    size = xy.new_tensor([shape.extent[0] / grid[1], shape.extent[1] / grid[0]])
    at = ((xy - low) / size).long()
    x, y = at[:, 0].clamp(0, grid[1] - 1), at[:, 1].clamp(0, grid[0] - 1)  # rounding may reach the far border
    return y * grid[1] + x


def means(values: Tensor, cell: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the mean (count, K) of the rows of values (M, K) in each cell (0 if empty) and their number (count,)."""
    total = values.new_zeros(count, values.shape[1]).index_add_(0, cell, values)
    number = torch.bincount(cell, minlength=count)
    return total / number.clamp_min(1)[:, None], number


class Pillars(nn.Module):
    """Points to a BEV image: each point reads itself and its pillar, each pillar keeps the maxima (PointPillars).

    Then convolutions at two scales, joined at the finer one (as SECOND and its FPN): a cell has to know how far off an
    object is, since attention hands on what a token says, not where it stands.
    """

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        P = shape.pillar
        self.read = nn.Sequential(nn.Linear(10, P), nn.LayerNorm(P), nn.ReLU(), nn.Linear(P, P), nn.ReLU())
        halvings = int(math.log2(shape.stride))
        widths = [min(shape.width, P * 2 ** (i + 1)) for i in range(halvings)] or [P]
        strides = [2] * halvings or [1]
        blocks = [Residual(a, b, s) for a, b, s in zip([P, *widths], widths, strides, strict=False)]
        C = shape.width
        self.body = nn.Sequential(*blocks, Residual(widths[-1], C))
        self.coarse, self.out = Residual(C, C, 2), convolution(C, C)

    def forward(self, points: Tensor, filled: Tensor) -> Tensor:
        """Return BEV features (B, C, Y, X) of points (B, N, 5) of which some are filled in (B, N)."""
        B, (rows, columns) = len(points), self.shape.pillars
        scene, one = (filled & inside(points, self.shape)).nonzero(as_tuple=True)
        real = points[scene, one]  # (M, 5)
        cell = cell_of(real[:, :2], self.shape, (rows, columns))  # (M,)
        own = scene * rows * columns + cell
        middle, _ = means(real[:, :3], own, B * rows * columns)
        read = self.read(self.features(real, cell, middle[own]))  # (M, P), none below 0
        image = read.new_zeros(B * rows * columns, self.shape.pillar)
        image = image.scatter_reduce(0, own[:, None].expand_as(read), read, "amax")  # an empty pillar stays 0
        fine = self.body(image.view(B, rows, columns, -1).permute(0, 3, 1, 2))  # (B, C, Y, X)
        coarse = F.interpolate(self.coarse(fine), size=fine.shape[-2:], mode="nearest")
        return F.relu(self.out(fine + coarse))

    def features(self, points: Tensor, cell: Tensor, middle: Tensor) -> Tensor:
        """Return (M, 10): place in the range, shift from the pillar's mean and from its axis, intensity, time."""
        shape, columns = self.shape, self.shape.pillars[1]
        low, extent = points.new_tensor(shape.area[:3]), points.new_tensor(shape.extent)
        axis = torch.stack([cell % columns, cell.div(columns, rounding_mode="floor")], 1) + 0.5  # (M, 2)
        place = (points[:, :3] - low) / extent
        off_axis = (points[:, :2] - low[:2]) / shape.cell - axis
        return torch.cat([place, points[:, :3] - middle, off_axis, points[:, 3:5]], 1)


# Images ----------------------------------------------------------------------------------------------------------


class Images(nn.Module):
    """Images to features: a residual network whose last two stages are joined, the finer one kept (FPN)."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.body, (fine, coarse), self.stride = backbone(shape.backbone)
        self.fine, self.coarse = nn.Conv2d(fine, shape.width, 1), nn.Conv2d(coarse, shape.width, 1)
        self.out = nn.Conv2d(shape.width, shape.width, 3, padding=1)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("spread", torch.tensor(SPREAD)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return features (B, V, C, h, w) of images (B, V, 3, H, W) in 0..1, padded below and right."""
        B, V, _, H, W = images.shape
        whole = 2 * self.stride  # that of the coarser stage
        x = F.pad((images.flatten(0, 1) - self.mean) / self.spread, (0, -W % whole, 0, -H % whole))
        fine, coarse = self.body(x)
        joined = self.fine(fine) + F.interpolate(self.coarse(coarse), size=fine.shape[-2:], mode="nearest")
        return self.out(joined).unflatten(0, (B, V))


class SmallBody(nn.Module):
    """A convolution and three residual blocks; gives the last two, 64 channels at stride 8 and 96 at stride 16."""

    def __init__(self) -> None:
        super().__init__()
        self.early = nn.Sequential(convolution(3, 16, 2), nn.ReLU(), Residual(16, 32, 2))
        self.fine, self.coarse = Residual(32, 64, 2), Residual(64, 96, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return features at strides 8 and 16."""
        fine = self.fine(self.early(x))
        return fine, self.coarse(fine)


class LargeBody(nn.Module):
    """A ResNet of the library transformers, random weights; gives its last two stages."""

    def __init__(self, depths: tuple[int, ...], basic: bool):
        super().__init__()
        from transformers import ResNetConfig, ResNetModel

        sizes = [64, 128, 256, 512] if basic else [256, 512, 1024, 2048]
        kind = "basic" if basic else "bottleneck"
        self.net = ResNetModel(ResNetConfig(depths=list(depths), hidden_sizes=sizes, layer_type=kind))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return features at strides 16 and 32."""
        return self.net(x, output_hidden_states=True).hidden_states[-2:]


def backbone(name: Backbone) -> tuple[nn.Module, tuple[int, int], int]:
    """Return a network, the channels of its last two stages, and the stride of the finer one."""
    if name == "small":
        return SmallBody(), (64, 96), 8
    if name == "resnet18":
        return LargeBody((2, 2, 2, 2), True), (256, 512), 16
    return LargeBody((3, 4, 6 if name == "resnet50" else 23, 3), False), (1024, 2048), 16


class Lift(nn.Module):
    """Image features to BEV features: each pixel spreads over its ray by shares of depth (Lift-Splat)."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.share = nn.Conv2d(shape.width, shape.depths, 1)
        self.join = nn.Sequential(convolution(2 * shape.width, shape.width), nn.ReLU())

    def forward(self, features: Tensor, pixels: Tensor, inverse: Tensor, camera: Tensor) -> Tensor:
        """Return BEV features (B, C, Y, X); absent cameras give nothing.

        Parameters
        ----------
        features
            (B, V, C, h, w).
        pixels
            (h, w, 2): u and v of each feature cell.
        inverse, camera
            (B, V, 4, 4), and which cameras are there (B, V).
        """
        B, V, C, h, w = features.shape
        rows, columns = self.shape.grid
        share = self.share(features.flatten(0, 1)).softmax(1).unflatten(0, (B, V))  # (B, V, D, h, w)
        points = rays(pixels, inverse[:, :, None, None], self.shape)  # (B, V, h, w, D, 3)
        there = inside(points, self.shape) & camera[:, :, None, None, None]
        scene, view, y, x, d = there.nonzero(as_tuple=True)
        cell = scene * rows * columns + cell_of(points[scene, view, y, x, d, :2], self.shape, (rows, columns))
        spread = features[scene, view, :, y, x] * share[scene, view, d, y, x][:, None]  # (M, C)
        plane = features.new_zeros(B * rows * columns, C).index_add(0, cell, spread)
        return plane.view(B, rows, columns, C).permute(0, 3, 1, 2)

    def joined(self, points: Tensor, lifted: Tensor) -> Tensor:
        """Return the BEV features (B, C, Y, X) of both sensors."""
        return self.join(torch.cat([points, lifted], 1))
