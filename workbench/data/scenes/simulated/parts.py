"""Bodies of a simulated world, upright blocks and ellipsoids, and the rays that meet them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOCK, ELLIPSOID = 0, 1
PLAIN, BANDS, STRIPES, CHECKER, SPOTS, WINDOWS = range(6)  # patterns; see `painted`


@dataclass(frozen=True)
class Parts:
    """K parts.

    Attributes
    ----------
    center, half
        (K, 3) m; half of the length, width and height.
    yaw
        (K,) rad.
    kind
        (K,) `BLOCK` or `ELLIPSOID`.
    color, second
        (K, 3) in [0, 1], mixed by the pattern.
    pattern, scale
        (K,) which, and its period in m.
    shine
        (K,) in [0, 1], the share of a laser pulse that comes back; it has nothing to do with the color.
    """

    center: np.ndarray
    half: np.ndarray
    yaw: np.ndarray
    kind: np.ndarray
    color: np.ndarray
    second: np.ndarray
    pattern: np.ndarray
    scale: np.ndarray
    shine: np.ndarray

    @classmethod
    def of(cls, rows: list[dict]) -> Parts:
        """Return the parts of one dict each."""
        kinds = {"kind": np.int64, "pattern": np.int64}
        return cls(**{k: np.array([r[k] for r in rows], kinds.get(k, np.float32)) for k in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Hits:
    """Where R rays ended: distance (R,) m, inf for the sky; part (R,), -1 for the ground; normal and local place (R,
    3)."""

    distance: np.ndarray
    part: np.ndarray
    normal: np.ndarray
    local: np.ndarray


def cast(
    origin: np.ndarray, rays: np.ndarray, pairs: tuple[np.ndarray, np.ndarray], parts: Parts, slope: np.ndarray
) -> Hits:
    """Follow rays to the first surface.

    Parameters
    ----------
    origin
        (3,) m, level with the world.
    rays
        (R, 3) of length 1.
    pairs
        (ray (P,), part (P,)): who may meet whom; see `windows`.
    slope
        (2,): the ground is z = slope . (x, y).
    """
    ray, part = pairs
    c, s = np.cos(parts.yaw), np.sin(parts.yaw)
    to = origin.astype(np.float32) - parts.center  # (K, 3)
    start = np.stack([c * to[:, 0] + s * to[:, 1], c * to[:, 1] - s * to[:, 0], to[:, 2]], 1) / parts.half
    far = np.empty(len(ray), np.float32)
    for kind, meet in ((BLOCK, _block), (ELLIPSOID, _ball)):
        mine = np.flatnonzero(parts.kind[part] == kind)
        r, k = ray[mine], part[mine]
        x, y, z = (rays[:, j].astype(np.float32)[r] for j in range(3))
        along = c[k] * x + s[k] * y, c[k] * y - s[k] * x, z  # in the part's own axes
        way = [w / parts.half[k, j] for j, w in enumerate(along)]
        far[mine] = meet([start[k, j] for j in range(3)], way)  # blocks are [-1, 1]^3 then, ellipsoids the unit ball
    drop = rays[:, 2] - rays[:, :2] @ slope
    high = origin[2] - origin[:2] @ slope
    with np.errstate(divide="ignore"):
        nearest = np.where(drop < -1e-6, high / -drop, np.inf).astype(np.float32)
    ground = nearest.copy()
    np.minimum.at(nearest, ray, far)
    wins = far <= nearest[ray]
    wins &= np.isfinite(far)
    owner = np.full(len(rays), -1)
    owner[ray[wins]] = part[wins]
    normal = np.tile(np.float32([-slope[0], -slope[1], 1]) / np.sqrt(1 + slope @ slope), (len(rays), 1)).astype(
        np.float32
    )
    local = (origin + rays * np.where(np.isfinite(ground), ground, 0)[:, None]).astype(np.float32)
    hit = np.flatnonzero(owner >= 0)
    k = owner[hit]
    spot = origin + rays[hit] * nearest[hit, None] - parts.center[k]
    place = np.stack([c[k] * spot[:, 0] + s[k] * spot[:, 1], c[k] * spot[:, 1] - s[k] * spot[:, 0], spot[:, 2]], 1)
    unit = place / parts.half[k]
    face = np.eye(3)[np.abs(unit).argmax(1)] * np.sign(unit)
    out = np.where((parts.kind[k] == BLOCK)[:, None], face, unit / parts.half[k])
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    normal[hit] = np.stack([c[k] * out[:, 0] - s[k] * out[:, 1], s[k] * out[:, 0] + c[k] * out[:, 1], out[:, 2]], 1)
    local[hit] = place
    return Hits(nearest, owner, normal, local)


def _block(begin: list[np.ndarray], way: list[np.ndarray]) -> np.ndarray:
    """Return the distance at which rays, three arrays (P,), enter [-1, 1]^3, inf if they do not."""
    enter, leave = np.float32(-np.inf), np.float32(np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        for start, step in zip(begin, way, strict=True):
            a, b = (-1 - start) / step, (1 - start) / step
            enter, leave = np.fmax(enter, np.fmin(a, b)), np.fmin(leave, np.fmax(a, b))
    return np.where((enter <= leave) & (enter > 0.05), enter, np.float32(np.inf))


def _ball(begin: list[np.ndarray], way: list[np.ndarray]) -> np.ndarray:
    """Return the distance at which rays, three arrays (P,), enter the unit ball, inf if they do not."""
    a, b, c = (sum(p * q for p, q in zip(x, y, strict=True)) for x, y in ((way, way), (begin, way), (begin, begin)))
    root = b * b - a * (c - 1)
    enter = (-b - np.sqrt(np.maximum(root, 0))) / a
    return np.where((root >= 0) & (enter > 0.05), enter, np.float32(np.inf))


def windows(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """List the rays of a grid that may meet each part.

    Parameters
    ----------
    rows, columns
        (K, 2) first and last index, both included, that a part can reach; columns may run over either end of the grid
        and then count round. An empty window has a last below its first.
    shape
        Rows and columns of the grid.

    Returns
    -------
    ((P,), (P,)) int64
        Ray (row * columns + column) and part of each pair.
    """
    high = np.maximum(rows[:, 1] - rows[:, 0] + 1, 0)
    wide = np.clip(columns[:, 1] - columns[:, 0] + 1, 0, shape[1])
    many = high * wide
    part = np.repeat(np.arange(len(many)), many)
    step = np.arange(len(part)) - np.repeat(np.cumsum(many) - many, many)
    row, column = rows[part, 0] + step // wide[part], (columns[part, 0] + step % wide[part]) % shape[1]
    return row * shape[1] + column, part


def painted(parts: Parts, part: np.ndarray, local: np.ndarray) -> np.ndarray:
    """Return the color (R, 3) of places (R, 3) on parts (R,)."""
    u = local / parts.scale[part, None]  # in periods
    kind = parts.pattern[part]
    wave = u - np.floor(u)
    cells = np.floor(u).astype(np.int64)
    share = np.select(
        [kind == BANDS, kind == STRIPES, kind == CHECKER, kind == SPOTS, kind == WINDOWS],
        [
            wave[:, 2] < 0.5,
            (u[:, 0] + u[:, 1] + u[:, 2]) % 1 < 0.5,
            cells.sum(1) % 2 == 0,
            hashed(cells * 7 + part[:, None]),
            (wave > 0.3).all(1) & (local[:, 2] > -0.2 * parts.half[part, 2]),
        ],
        default=0.0,
    ).astype(np.float32)[:, None]
    return parts.color[part] * (1 - share) + parts.second[part] * share


def hashed(cells: np.ndarray) -> np.ndarray:
    """Return a number in [0, 1) for each row of whole numbers (R, D): the same one wherever it is asked for."""
    mixed = np.zeros(len(cells), np.uint64)
    for column in cells.T.astype(np.int64).astype(np.uint64):
        mixed = (mixed ^ column) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return (mixed >> np.uint64(40)).astype(np.float32) / np.float32(2**24)
