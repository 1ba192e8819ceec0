"""The sensors of the simulator: 32 beams that turn round, and cameras around the vehicle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.data.scenes.geometry import inverse, moved, rigid, turn_z
from workbench.data.scenes.scene import Camera
from workbench.data.scenes.simulated.parts import Hits, Parts, cast, hashed, painted, windows
from workbench.data.scenes.simulated.world import World

LIDAR = rigid(np.eye(3), np.array([0.94, 0.0, 1.84]))  # from the scene's frame to the vehicle's
BEAMS, STEPS, RANGE = 32, 1080, 70.0
ELEVATIONS = np.radians(np.linspace(-30.67, 10.67, BEAMS))  # of an HDL-32E, which nuScenes drove with
MOUNTS = {  # yaw and horizontal field of view in degrees, and place in m, as on nuScenes' vehicles, rounded
    "CAM_FRONT": (0, 70, (1.7, 0.0, 1.5)),
    "CAM_FRONT_LEFT": (55, 70, (1.5, 0.5, 1.5)),
    "CAM_FRONT_RIGHT": (-55, 70, (1.5, -0.5, 1.5)),
    "CAM_BACK": (180, 110, (0.0, 0.0, 1.55)),
    "CAM_BACK_LEFT": (110, 70, (1.0, 0.5, 1.6)),
    "CAM_BACK_RIGHT": (-110, 70, (1.0, -0.5, 1.6)),
}


@dataclass(frozen=True)
class Light:
    """Of one scene: where the sun stands (3,), its share, the sky's two colors (3,), how far one sees in m,
    brightness."""

    sun: np.ndarray
    direct: float
    sky: np.ndarray
    zenith: np.ndarray
    sight: float
    bright: float


def draw_light(rng: np.random.Generator) -> Light:
    """Draw an hour and a weather."""
    high, side = rng.uniform(0.3, 1.3), rng.uniform(-np.pi, np.pi)
    sun = np.array([np.cos(high) * np.cos(side), np.cos(high) * np.sin(side), np.sin(high)])
    sky = np.clip(np.array([0.7, 0.78, 0.88]) + rng.normal(0, 0.1, 3), 0, 1)
    bright = float(np.exp(rng.uniform(np.log(0.2), np.log(1.6))))
    return Light(sun, rng.uniform(0.1, 0.7), sky, sky * rng.uniform(0.4, 1, 3), float(rng.uniform(40, 300)), bright)


def sweep(rng: np.random.Generator, world: World) -> tuple[np.ndarray, np.ndarray]:
    """Return a sweep: points (N, 5) float32 in the scene's frame, and their beams (N,) int16."""
    azimuth = np.pi - (np.arange(STEPS) + rng.random()) * (2 * np.pi / STEPS)  # clockwise, as it turns
    e, a = np.meshgrid(ELEVATIONS, azimuth, indexing="ij")  # (32, 1080)
    rays = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], -1).reshape(-1, 3)
    origin, parts = LIDAR[:3, 3], world.parts
    to = parts.center - origin
    flat, reach = np.hypot(to[:, 0], to[:, 1]), np.linalg.norm(parts.half, axis=1)
    side = np.where(flat > reach, np.arcsin(np.clip(reach / np.maximum(flat, 1e-6), 0, 1)), np.pi)
    middle = (azimuth[0] - np.arctan2(to[:, 1], to[:, 0])) / (2 * np.pi / STEPS)
    wide = side / (2 * np.pi / STEPS) + 1
    near = np.maximum(flat - np.hypot(parts.half[:, 0], parts.half[:, 1]), 0.1)
    low, top = to[:, 2] - parts.half[:, 2], to[:, 2] + parts.half[:, 2]
    most = np.maximum(np.arctan2(top, near), np.arctan2(top, near + 2 * reach))
    least = np.minimum(np.arctan2(low, near), np.arctan2(low, near + 2 * reach))
    rows = np.stack([np.searchsorted(ELEVATIONS, least), np.searchsorted(ELEVATIONS, most) - 1], 1)
    columns = np.stack([np.floor(middle - wide), np.ceil(middle + wide)], 1).astype(np.int64)
    hits = cast(origin, rays, windows(rows, columns, (BEAMS, STEPS)), parts, world.slope)
    slant = np.abs((hits.normal * rays).sum(1))
    ground = 0.15 + 0.2 * hashed(np.floor(hits.local[:, :2] / 2).astype(np.int64))
    shine = np.where(hits.part >= 0, parts.shine[hits.part], ground) * (0.3 + 0.7 * slant)
    echo = shine * np.exp(-hits.distance / 60)  # what comes back gets weaker, and is lost at random
    kept = (hits.distance < RANGE) & (rng.random(len(rays)) < 1 - np.exp(-echo / 0.02)) & (rng.random(len(rays)) > 0.03)
    distance = hits.distance[kept] + rng.normal(0, 0.02, kept.sum())
    points = np.zeros((len(distance), 5), np.float32)
    points[:, :3] = rays[kept] * distance[:, None]  # the LiDAR's frame is the vehicle's, moved
    points[:, 3] = np.clip(shine[kept] + rng.normal(0, 0.03, len(distance)), 0, 1)
    points[:, 3] = np.rint(points[:, 3] * 255) / 255  # as a file keeps it
    return points, np.repeat(np.arange(BEAMS), STEPS)[kept].astype(np.int16)


def photograph(
    rng: np.random.Generator, world: World, light: Light, name: str, size: tuple[int, int], fine: int
) -> Camera:
    """Take one camera's picture.

    Parameters
    ----------
    name
        One of `MOUNTS`.
    size
        Height and width in pixels.
    fine
        Rays a pixel, along each side.
    """
    yaw, view, place = MOUNTS[name]
    height, width = size
    focal = width / 2 / np.tan(np.radians(view) / 2)
    intrinsics = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    axes = turn_z(np.radians(float(yaw))) @ np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0.0]])  # from camera to vehicle
    mount = rigid(axes, np.array(place))
    rows, columns = height * fine, width * fine
    v, u = np.meshgrid((np.arange(rows) + 0.5) / fine - 0.5, (np.arange(columns) + 0.5) / fine - 0.5, indexing="ij")
    local = np.stack([(u - intrinsics[0, 2]) / focal, (v - intrinsics[1, 2]) / focal, np.ones_like(u)], -1).reshape(
        -1, 3
    )
    rays = (local / np.linalg.norm(local, axis=1, keepdims=True)) @ axes.T
    pairs = _seen(world.parts, inverse(mount), intrinsics, (rows, columns), fine)
    hits = cast(np.array(place), rays, pairs, world.parts, world.slope)
    color = _shaded(world.parts, hits, rays, light).reshape(height, fine, width, fine, 3).mean((1, 3))
    image = _developed(rng, color * light.bright)
    return Camera(name, image, intrinsics, inverse(mount) @ LIDAR)


def _seen(parts: Parts, to_camera: np.ndarray, intrinsics: np.ndarray, shape: tuple, fine: int) -> tuple:
    """Return the pairs of rays and parts: each part may be seen in the rectangle around its eight corners."""
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8).T
    reach = signs * parts.half[:, None, :]  # (K, 8, 3)
    corners = np.einsum("kij,knj->kni", turn_z(parts.yaw.astype(float)), reach) + parts.center[:, None, :]
    seen = moved(to_camera, corners.reshape(-1, 3)).reshape(-1, 8, 3)
    depth = seen[..., 2]
    uv = (seen @ intrinsics.T)[..., :2] / np.maximum(depth, 1e-3)[..., None]
    uv = (uv + 0.5) * fine  # of the finer grid
    limit = np.array([shape[1], shape[0]])
    cut = (depth < 0.05).any(1)[:, None]  # reaches behind the camera: it may be anywhere
    first = np.where(cut, 0, np.clip(np.floor(uv.min(1)) - 1, 0, limit)).astype(np.int64)
    last = np.where(cut, limit - 1, np.clip(np.ceil(uv.max(1)) + 1, -1, limit - 1)).astype(np.int64)
    last[(depth < 0.05).all(1)] = -1
    return windows(
        np.stack([first[:, 1], last[:, 1]], 1),
        np.stack([first[:, 0], np.maximum(last[:, 0], first[:, 0] - 1)], 1),
        shape,
    )


def _shaded(parts: Parts, hits: Hits, rays: np.ndarray, light: Light) -> np.ndarray:
    """Return the light (R, 3) that reaches the lens."""
    up = np.clip(rays[:, 2:], 0, 1)
    sky = light.sky * (1 - up) + light.zenith * up
    color = _ground(hits.local)
    solid = np.flatnonzero(hits.part >= 0)
    color[solid] = painted(parts, hits.part[solid], hits.local[solid])
    lit = (1 - light.direct) * (0.65 + 0.35 * hits.normal[:, 2]) + light.direct * np.maximum(hits.normal @ light.sun, 0)
    far = np.isfinite(hits.distance)
    clear = np.where(far, np.exp(-np.where(far, hits.distance, 0) / light.sight), 0)[:, None]
    return color * lit[:, None] * clear + sky * (1 - clear)


def _ground(place: np.ndarray) -> np.ndarray:
    """Asphalt with stains and lane markings, meadow beside it; (R, 3)."""
    stain = sum(hashed(np.floor(place[:, :2] * k).astype(np.int64)) / n for k, n in ((0.5, 2), (2.0, 4), (8.0, 8)))
    road = np.abs(place[:, 1]) < 12.3
    line = road & (np.abs((place[:, 1] + 1.75) % 3.5 - 0.0) < 0.12) & (place[:, 0] % 6 < 3.5)
    color = np.where(road[:, None], [0.33, 0.33, 0.35], [0.28, 0.36, 0.2]) * (0.6 + stain[:, None])
    color[line] = 0.8
    return color


def _developed(rng: np.random.Generator, light: np.ndarray) -> np.ndarray:
    """Exposure and white balance that miss, the noise of photons and of the sensor; (H, W, 3) uint8."""
    gain = np.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.06, 3))
    photons = light * gain
    photons = photons + rng.normal(size=light.shape) * (
        np.sqrt(np.maximum(photons, 0)) * 0.05 + rng.uniform(0.005, 0.03)
    )
    return np.rint(255 * np.clip(1 - np.exp(-1.6 * np.maximum(photons, 0)), 0, 1)).astype(np.uint8)
