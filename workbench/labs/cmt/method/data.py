"""The scenes of a run: simulated drives or a nuScenes release, each brought to what the network reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from workbench.contract import Context, LabError, stream_seed
from workbench.data.scenes.formats import nuscenes
from workbench.data.scenes.formats.nuscenes import NuScenes
from workbench.data.scenes.scene import Boxes, Camera, Scene, no_boxes
from workbench.data.scenes.simulated import NOTE, TERMS, Recipe, part, sim_scenes
from workbench.labs.cmt.params import SIM, Params

SET = 0  # the number of the simulated set: recipes were chosen on set 1, which no run sees


@dataclass(frozen=True)
class Spec:
    """Input of the network: the part of a scene that it reads.

    Attributes
    ----------
    area
        x0 y0 z0 x1 y1 z1 in m, outside of which nothing counts.
    size
        Height and width of the images in pixels.
    classes
        Names; a label is a place in them.
    points
        At most so many points, drawn at random; 0: all.
    sweeps
        Older sweeps that are joined.
    """

    area: tuple[float, ...]
    size: tuple[int, int]
    classes: tuple[str, ...]
    points: int
    sweeps: int = 0


@dataclass(frozen=True)
class Sample:
    """A scene as the network reads it.

    Attributes
    ----------
    points, rings
        (N, 5) and (N,): x, y, z, intensity, seconds before; beam, -1 unknown.
    images
        (V, 3, H, W) uint8.
    lidar2img
        (V, 4, 4).
    boxes, labels
        (M, 9) and (M,): what is to be learned; velocity NaN where it cannot be seen.
    lidar, camera
        Whether the LiDAR is on, and which cameras are, (V,) bool.
    scene
        The same without points and images, and with the boxes that count: what the metric reads.
    """

    points: Tensor
    rings: Tensor
    images: Tensor
    lidar2img: Tensor
    boxes: Tensor
    labels: Tensor
    lidar: bool
    camera: Tensor
    scene: Scene


class Samples(Sequence[Sample]):
    """Key frames of a release, prepared when they are asked for; few and small ones are kept in memory.

    Parameters
    ----------
    release, tokens
        What is read.
    spec
        How.
    still
        Every scene is a moment of its own: velocities are not to be learned.
    keep
        Whether they stay in memory.
    """

    def __init__(self, release: NuScenes, tokens: Sequence[str], spec: Spec, still: bool, keep: bool):
        self.release, self.tokens, self.spec, self.still, self.keep = release, tuple(tokens), spec, still, keep
        self.kept: dict[int, Sample] = {}

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, k: int) -> Sample:
        if k not in self.kept:
            made = prepared(self.whole(k), self.spec, self.still)
            if not self.keep:
                return made
            self.kept[k] = made
        return self.kept[k]

    def whole(self, k: int) -> Scene:
        """Return a scene as it was read."""
        return nuscenes.read_sample(self.release, self.tokens[k], self.spec.sweeps)


@dataclass(frozen=True)
class Material:
    """Training and validation scenes of a run; no drive is in both.

    Attributes
    ----------
    train, validation
        Scenes.
    spec
        How they are read.
    terms
        The errors of NDS that these data can give.
    notes
        What the reader must know of them.
    """

    train: Samples
    validation: Samples
    spec: Spec
    terms: tuple[str, ...]
    notes: tuple[str, ...]


def spec_of(params: Params) -> Spec:
    """Return what the network of a run reads of a scene."""
    reach = float(params.reach)
    return Spec(
        (-reach, -reach, *params.HEIGHTS[:1], reach, reach, *params.HEIGHTS[1:]),
        (params.height, params.width),
        tuple(params.classes),
        params.points,
        0 if params.dataset == SIM else params.sweeps,
    )


def material(params: Params, ctx: Context) -> Material:
    """Return the scenes of a run.

    Raises
    ------
    LabError
        If the release is not where it should be, or has too few drives.
    """
    if not params.classes:
        raise LabError("No class is chosen.", "Choose at least car.")
    spec = spec_of(params)
    if params.dataset == SIM:
        release = nuscenes.open_nuscenes(sim_scenes(recipe_of(params), ctx.progress))
        train, validation = part(release, "train"), part(release, "validation")
        terms, notes = TERMS, (f"{NOTE}.", terms_note(params))
    else:
        if not params.folder:
            raise LabError("No folder is named.", "Give that of a nuScenes release under 'folder'.")
        release = nuscenes.open_nuscenes(Path(params.folder).expanduser())
        train, validation = divided(release)
        terms, notes = (*TERMS, "AVE"), (terms_note(params), *([release.note] if release.note else []))
    still, keep = params.dataset == SIM, len(train) * params.height * params.width < 2e7
    return Material(
        Samples(release, train[: params.train or None], spec, still, keep),
        Samples(release, validation[: params.validation or None], spec, still, keep),
        spec,
        terms,
        notes,
    )


def recipe_of(params: Params) -> Recipe:
    """Return the simulated set of a run."""
    reach, size = params.reach, {"height": params.height, "width": params.width}
    return Recipe(params.train, params.validation, SET, reach, cameras=params.cameras, **size)


def terms_note(params: Params) -> str:
    """Return a note on the terms that NDS has here."""
    if params.dataset == SIM:
        return (
            "NDS here is (5 mAP + ATE, ASE and AOE scores) / 8: a simulated scene is a moment of its own, so "
            "velocity (AVE) and attribute (AAE) cannot be seen in it. The paper's NDS has all five."
        )
    return "NDS here is (5 mAP + ATE, ASE, AOE, AVE scores) / 9: the network names no attributes, so AAE is left out."


def divided(release: NuScenes) -> tuple[list[str], list[str]]:
    """Return the key frames for training and for validation: every fifth drive is for validation.

    The official split of 700 and 150 drives is a list that we do not hold; so scores are no official ones.
    """
    drives = sorted({release.drive(s) for s in release.samples})
    if len(drives) < 2:
        raise LabError(
            f"{release.folder.name} holds {len(drives)} drive.", "Two are needed: one to learn, one to test."
        )
    test = set(drives[4::5] or drives[-1:])
    return [s for s in release.samples if release.drive(s) not in test], [
        s for s in release.samples if release.drive(s) in test
    ]


# One scene -------------------------------------------------------------------------------------------------------


def prepared(scene: Scene, spec: Spec, still: bool = False) -> Sample:
    """Return what the network reads of a scene."""
    small = lightened(scene, spec)
    own = no_boxes(spec.classes) if small.boxes is None else small.boxes
    velocity = np.full_like(own.velocity, np.nan) if still else own.velocity
    rows = np.concatenate([own.center, own.size, own.yaw[:, None], velocity], 1)
    shots = small.cameras
    images = np.stack([c.image for c in shots]) if shots else np.zeros((0, *spec.size, 3), np.uint8)
    lidar2img = np.stack([c.projection for c in shots]) if shots else np.zeros((0, 4, 4))
    return Sample(
        torch.from_numpy(small.points.astype(np.float32)),
        torch.from_numpy(small.rings.astype(np.int64)),
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(lidar2img).float(),
        torch.from_numpy(rows).float(),
        torch.from_numpy(own.label),
        len(small.points) > 0,
        torch.ones(len(shots), dtype=torch.bool),
        replace(small, points=small.points[:0], rings=small.rings[:0], cameras=(), boxes=own),
    )


def lightened(scene: Scene, spec: Spec) -> Scene:
    """Return a scene with the points, image sizes and boxes that the network reads: also what people are shown."""
    low, high = np.array(spec.area[:3], np.float32), np.array(spec.area[3:], np.float32)
    near = np.flatnonzero(((scene.points[:, :3] >= low) & (scene.points[:, :3] < high)).all(1))
    if spec.points and len(near) > spec.points:
        rng = np.random.default_rng(stream_seed(0, f"cmt/points/{scene.name}"))
        near = np.sort(rng.choice(near, spec.points, replace=False))
    return replace(
        scene,
        points=scene.points[near],
        rings=scene.rings[near],
        cameras=tuple(shrunk(camera, spec.size) for camera in scene.cameras),
        boxes=None if scene.boxes is None else counted(scene.boxes, spec),
    )


def counted(boxes: Boxes, spec: Spec) -> Boxes:
    """Return the boxes of the classes and the range that are looked at, in which some sensor of range saw a point."""
    known = boxes.index_in(spec.classes)
    inside = ((boxes.center >= spec.area[:3]) & (boxes.center < spec.area[3:])).all(1)
    good = inside & ((boxes.points != 0) | (boxes.radar > 0)) & (known >= 0)
    return replace(boxes.take(good), label=known[good], classes=spec.classes)


def shrunk(camera: Camera, size: tuple[int, int]) -> Camera:
    """Return a camera with an image of another size.

    It is scaled to the width; of what is then too high the upper part goes (sky), what is too low is black above.
    """
    from PIL import Image

    height, width = size
    own_height, own_width = camera.image.shape[:2]
    if (own_height, own_width) == (height, width):
        return camera
    scaled = max(1, round(own_height * width / own_width))
    image = np.asarray(Image.fromarray(camera.image).resize((width, scaled), Image.Resampling.BOX))
    whole = np.zeros((height, width, 3), np.uint8)
    whole[max(0, height - scaled) :] = image[max(0, scaled - height) :]
    wide, high = width / own_width, scaled / own_height
    change = np.eye(3)  # of pixels; the middle of the upper left one is (0, 0)
    change[0, [0, 2]] = wide, (wide - 1) / 2
    change[1, [1, 2]] = high, (high - 1) / 2 + height - scaled
    return replace(camera, image=whole, intrinsics=change @ camera.intrinsics)
