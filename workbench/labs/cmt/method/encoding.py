"""Coordinates encoding: where a pixel, a BEV cell and a query's anchor are, in one space of C channels.

Shapes: B scenes, V cameras, D depths, n sines and cosines an axis, C channels. "In the range" means 0..1 along x, y, z
of the space looked at (`Shape.area`); what lies outside it leaves that interval and is not cut.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from workbench.contract import LabError
from workbench.labs.cmt.common.shapes import Ladder, Shape

NEAREST = 1.0  # m: first depth on a ray
HIDDEN = 1024  # units of the network on rays, at C = 256
OCTAVES = 4.5  # that the ladder of this name spans


def ladder(name: Ladder, count: int) -> Tensor:
    """Return the frequencies (n,) of psi, in turns per range, pairs of them equal.

    ``released``: 1 / (1 + 2 floor(i/2) / n), so periods from 1 to 2 ranges; the argument "temperature" of the released
    function is not used. ``textbook``: 10000^(-2 floor(i/2) / n), flatter still. ``octaves`` (deviation): from 1 to
    2^4.5 in equal ratios.
    """
    step = 2 * torch.div(torch.arange(count), 2, rounding_mode="floor") / count  # (n,) from 0 to nearly 1
    if name == "released":
        return 1 / (1 + step)
    if name == "textbook":
        return 10_000.0**-step
    if name == "octaves":
        return 2.0 ** (OCTAVES * step)
    raise LabError(f"There is no ladder {name!r}.", "There are released, textbook and octaves.")


def psi(xy: Tensor, frequencies: Tensor) -> Tensor:
    """Return sines and cosines (..., 2 n) of positions (..., 2) in the range: first those of y, then those of x."""
    angles = 2 * math.pi * xy.flip(-1)[..., None] * frequencies  # (..., 2, n)
    even, odd = angles[..., 0::2].sin(), angles[..., 1::2].cos()  # (..., 2, n / 2) each
    return torch.stack([even, odd], -1).flatten(-3)  # sin, cos, sin, cos, ...


def cells(grid: tuple[int, int], device: torch.device | None = None) -> Tensor:
    """Return the centers (Y, X, 2) of BEV cells, x and y in the range."""
    y, x = ((torch.arange(n, device=device) + 0.5) / n for n in grid)
    return torch.stack([x[None].expand(grid), y[:, None].expand(grid)], -1)


def corners(size: tuple[int, int], stride: int, device: torch.device | None = None) -> Tensor:
    """Return the upper left corners (h, w, 2) of feature cells in pixels, u and v: no centers, as released."""
    v, u = (torch.arange(n, device=device) * float(stride) for n in size)
    return torch.stack([u[None].expand(size), v[:, None].expand(size)], -1)


def depths(shape: Shape, device: torch.device | None = None) -> Tensor:
    """Return D depths in m, in equal steps from 1 m towards the far end of the range along x."""
    return NEAREST + torch.arange(shape.depths, device=device) * (shape.area[3] - NEAREST) / shape.depths


def to_range(points: Tensor, shape: Shape) -> Tensor:
    """Return points (..., 3) in m as places in the range."""
    low, high = points.new_tensor(shape.area[:3]), points.new_tensor(shape.area[3:])
    return (points - low) / (high - low)


def from_range(places: Tensor, shape: Shape) -> Tensor:
    """Return places (..., 3) in the range as points in m."""
    low, high = places.new_tensor(shape.area[:3]), places.new_tensor(shape.area[3:])
    return places * (high - low) + low


def inverted(lidar2img: Tensor, camera: Tensor) -> Tensor:
    """Return the inverse (B, V, 4, 4) of each calibration; that of an absent camera is the identity, whatever it was.

    Raises
    ------
    LabError
        The calibration of a camera that is there has no inverse.
    """
    eye = torch.eye(4, device=lidar2img.device)
    matrices = torch.where(camera[..., None, None], lidar2img, eye)
    inverse, problem = torch.linalg.inv_ex(matrices)
    bad = (problem != 0) | ~inverse.isfinite().all(-1).all(-1)
    if bool(bad.any()):
        scene, view = (int(i) for i in bad.nonzero()[0])
        raise LabError(
            f"The calibration of camera {view} in scene {scene} has no inverse.",
            "Its 4 x 4 matrix should be intrinsics times extrinsics, of full rank; or leave the camera out.",
        )
    return inverse


def rays(pixels: Tensor, inverse: Tensor, shape: Shape) -> Tensor:
    """Return D points in m on the ray through each pixel.

    Parameters
    ----------
    pixels
        (..., 2): u and v.
    inverse
        (..., 4, 4) image to LiDAR, batch axes that broadcast with those of the pixels.

    Returns
    -------
    Tensor
        (..., D, 3): L^-1 [u d, v d, d, 1].
    """
    d = depths(shape, pixels.device)  # (D,)
    flat = torch.cat([pixels, torch.ones_like(pixels[..., :1])], -1)  # (..., 3)
    # affine in d: L^-1 [u, v, 1, 0] d + L^-1 [0, 0, 0, 1]
    direction = (inverse[..., :3, :3] @ flat[..., None])[..., 0]  # (..., 3)
    return direction[..., None, :] * d[:, None] + inverse[..., None, :3, 3]


def projected(points: Tensor, lidar2img: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return where points fall in each image, and whether they do.

    Parameters
    ----------
    points
        (B, N, 3) in m.
    lidar2img
        (B, V, 4, 4).
    size
        Height and width of the images in pixels.

    Returns
    -------
    pixels, seen
        (B, V, N, 2) and (B, V, N) bool: before the camera and inside the image.
    """
    flat = torch.cat([points, torch.ones_like(points[..., :1])], -1)  # (B, N, 4)
    at = torch.einsum("bvij,bnj->bvni", lidar2img[..., :3, :], flat)  # (B, V, N, 3)
    depth = at[..., 2:]
    pixels = at[..., :2] / depth.clamp_min(1e-5)
    inside = (pixels >= 0) & (pixels < pixels.new_tensor((size[1], size[0])))
    return pixels, inside.all(-1) & (depth[..., 0] > 1e-5)


class Encoding(nn.Module):
    """The two networks that turn positions into C channels: tokens and queries share them, which aligns the sensors."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        hidden = HIDDEN * shape.width // 256
        self.register_buffer("frequencies", ladder(shape.ladder, shape.waves), persistent=False)
        listed = shape.depths * 3 * (1 + 2 * shape.octaves)
        self.on_ray = nn.Sequential(nn.Linear(listed, hidden), nn.ReLU(), nn.Linear(hidden, shape.width))
        self.on_plane = nn.Sequential(
            nn.Linear(2 * shape.waves, shape.width), nn.ReLU(), nn.Linear(shape.width, shape.width)
        )
        self.level = nn.LayerNorm(shape.width) if shape.aligned else nn.Identity()
        if shape.aligned:
            self.center()

    @torch.no_grad()
    def center(self) -> None:
        """Shift both networks so that encodings of the whole range are 0 in the mean.

        What they have in common would make all of them alike, and a query would look everywhere.
        """
        xy = cells(self.shape.grid).flatten(0, 1)
        self.on_plane[-1].bias -= self.on_plane(psi(xy, self.frequencies)).mean(0)
        yaw, pitch = torch.linspace(-math.pi, math.pi, 65)[1:, None], torch.linspace(-0.4, 0.4, 17)
        pitch = pitch.expand(len(yaw), -1)
        ahead = torch.stack([yaw.cos() * pitch.cos(), yaw.sin() * pitch.cos(), pitch.sin()], -1)  # rays from the LiDAR
        places = to_range(ahead[..., None, :] * depths(self.shape)[:, None], self.shape).flatten(-2)
        self.on_ray[-1].bias -= self.on_ray(self.listed(places)).flatten(0, -2).mean(0)

    def plane(self, xy: Tensor) -> Tensor:
        """Return the encoding (..., C) of BEV positions (..., 2) in the range: height has no say in it."""
        return self.level(self.on_plane(psi(xy, self.frequencies)))

    def ray(self, pixels: Tensor, inverse: Tensor) -> Tensor:
        """Return the encoding (..., C) of pixels; see `rays`."""
        places = to_range(rays(pixels, inverse, self.shape), self.shape).flatten(-2)  # (..., 3 D)
        return self.level(self.on_ray(self.listed(places)))

    def listed(self, places: Tensor) -> Tensor:
        """Return what the network on rays reads of their coordinates (..., 3 D)."""
        if not self.shape.octaves:
            return places
        # deviation: a network reads small differences of its input badly
        turns = math.pi * 2.0 ** torch.arange(self.shape.octaves, device=places.device)
        angles = places[..., None] * turns  # (..., 3 D, octaves)
        return torch.cat([places[..., None], angles.sin(), angles.cos()], -1).flatten(-2)

    def query(
        self, anchors: Tensor, lidar2img: Tensor, inverse: Tensor, camera: Tensor, size: tuple[int, int]
    ) -> Tensor:
        """Return the encoding of anchors: that of their BEV position, plus that of their ray in each view they fall in.

        Parameters
        ----------
        anchors
            (B, N, 3) in the range.
        lidar2img, inverse, camera
            (B, V, 4, 4) twice, and which cameras are there (B, V).
        size
            Height and width of the images in pixels.

        Returns
        -------
        Tensor
            (B, N, C).
        """
        B, N, _ = anchors.shape
        shape = self.shape
        place = self.plane(anchors[..., :2]) if shape.point_encoding else anchors.new_zeros(B, N, shape.width)
        if not (shape.image_encoding and camera.shape[1]):
            return place
        pixels, seen = projected(from_range(anchors, shape), lidar2img, size)
        scene, view, one = (seen & camera[..., None]).nonzero(as_tuple=True)  # most anchors fall in one view
        share = self.ray(pixels[scene, view, one], inverse[scene, view])  # (pairs, C)
        return place.flatten(0, 1).index_add(0, scene * N + one, share).view(B, N, -1)
