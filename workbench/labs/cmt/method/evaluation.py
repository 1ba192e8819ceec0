"""Evaluation of a trained network: boxes in every scene and condition, and nuScenes' metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from workbench.contract import LabError, stream_seed
from workbench.data.scenes.scene import Boxes, boxes
from workbench.labs.cmt.common.conditions import BOTH, CONDITIONS, NO_CAMERAS, NO_LIDAR, Condition
from workbench.labs.cmt.method.data import Sample
from workbench.labs.cmt.method.decoding import Detections, detections
from workbench.labs.cmt.method.jobs import gathered
from workbench.labs.cmt.method.model import Cmt
from workbench.toolkit.detection.counting import evaluate_scenes
from workbench.toolkit.detection.nds import ERRORS, THRESHOLDS, Scores, summarize
from workbench.toolkit.jobs import Headline

MOST = 100  # boxes a scene
LEAST = 0.01  # score below which a box is not kept
TOGETHER = 8  # scenes
DRAWS = 300  # of the bootstrap over scenes


def spoiled(sample: Sample, condition: Condition, seed: int = 0) -> Sample:
    """Return a scene with sensors taken away or disturbed; the same in every arm, since it hangs on its name.

    Raises
    ------
    LabError
        Beams are to be left out of a cloud that has none.
    """
    rng = np.random.default_rng(stream_seed(seed, f"cmt/spoiled/{sample.scene.name}"))
    camera, lidar2img, points, rings = sample.camera, sample.lidar2img, sample.points, sample.rings
    order = torch.from_numpy(rng.permutation(len(camera)))
    if condition.missing:
        camera = camera.clone()
        camera[order if condition.missing < 0 else order[: condition.missing]] = False
    if condition.beams > 1:
        kept = thinned(points, rings, condition.beams)
        points, rings = points[kept], rings[kept]
    if condition.shake and len(camera):
        axes = rng.normal(size=(len(camera), 3))
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        lidar2img = lidar2img @ turns(torch.from_numpy(axes).float() * np.radians(condition.shake))
    on = sample.lidar and condition.lidar and len(points) > 0
    return replace(sample, points=points, rings=rings, lidar=on, camera=camera, lidar2img=lidar2img)


def thinned(points: torch.Tensor, rings: torch.Tensor, beams: int) -> torch.Tensor:
    """Return which points (N,) are of every `beams`-th beam."""
    if len(rings) and int(rings.min()) < 0:
        raise LabError("This cloud does not tell which beam a point is of.", "Leave its beams as they are.")
    return rings % beams == 0


def turns(vectors: torch.Tensor) -> torch.Tensor:
    """Return the rotations (V, 4, 4) about vectors (V, 3) by their lengths in rad."""
    cross = vectors.new_zeros(len(vectors), 4, 4)
    x, y, z = vectors.T
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -z, y, -x
    cross[:, 1, 0], cross[:, 2, 0], cross[:, 2, 1] = z, -y, x
    return torch.linalg.matrix_exp(cross)


@torch.no_grad()
def looked(
    model: Cmt, samples: Sequence[Sample], condition: str, classes: tuple[str, ...], device: str
) -> Iterator[list[Boxes]]:
    """Find boxes, some scenes at a time."""
    model.eval()
    for first in range(0, len(samples), TOGETHER):
        some = [samples[k] for k in range(first, min(first + TOGETHER, len(samples)))]
        frames = gathered([spoiled(sample, CONDITIONS[condition]) for sample in some]).to(device)
        yield [as_boxes(found, classes) for found in detections(model(frames), MOST)]


def as_boxes(found: Detections, classes: tuple[str, ...], least: float = LEAST) -> Boxes:
    """Return detections as the boxes that metric and pictures read."""
    found = found[found.scores >= least]
    rows = found.boxes.double().cpu().numpy()
    return boxes(
        rows[:, :3],
        rows[:, 3:6],
        rows[:, 6],
        found.labels.cpu().numpy(),
        classes,
        velocity=rows[:, 7:],
        score=found.scores.double().cpu().numpy(),
    )


def as_detections(found: Boxes) -> Detections:
    """Return boxes as detections."""
    rows = np.concatenate([found.center, found.size, found.yaw[:, None], found.velocity], 1)
    labels = torch.from_numpy(found.label)
    return Detections(torch.from_numpy(rows), torch.from_numpy(found.score), labels, torch.full_like(labels, -1))


def scored(samples: Sequence[Sample], found: Sequence[Boxes], classes: tuple[str, ...]) -> Scores:
    """Return nuScenes' metric of the boxes found in scenes."""
    return evaluate_scenes([samples[k].scene for k in range(len(samples))], found, classes)


def rows_of(scores: Scores, terms: tuple[str, ...]) -> list[dict]:
    """Return a row for all classes together (``all``) and one for each: NDS, mAP or AP, AP at each distance, errors."""
    whole = {"class": "all", "nds": scores.score(terms), "ap": scores.map, **scores.tp_errors}
    whole |= {f"ap {t:g} m": float(v) for t, v in zip(THRESHOLDS, scores.ap.mean(0), strict=True)}
    rows = [whole]
    for k, name in enumerate(scores.classes):
        row = {"class": name, "nds": np.nan, "ap": float(scores.ap[k].mean())}
        row |= dict(zip(ERRORS, scores.errors[k].tolist(), strict=True))
        rows.append(row | {f"ap {t:g} m": float(v) for t, v in zip(THRESHOLDS, scores.ap[k], strict=True)})
    return [{k: v for k, v in row.items() if k not in ERRORS or k in terms} for row in rows]


def redrawn(scores: Scores, terms: tuple[str, ...], scenes: int) -> np.ndarray:
    """Return NDS (DRAWS,) of scenes drawn with replacement: the same scenes for every arm, condition and seed."""
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, scenes, (DRAWS, scenes))
    return np.array([summarize(scores.matches, one).score(terms) for one in chosen], np.float32)


def headline(tables: dict[str, pd.DataFrame]) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the metrics of `Lab.metrics`; a value a seed."""
    scores = tables["scores"][tables["scores"]["class"] == "all"]
    arms = list(dict.fromkeys(scores["arm"]))
    main = "masked" if "masked" in arms else arms[0]
    numbers = Headline()

    def add(key: str, arm: str, condition: str, column: str = "nds") -> None:
        own = scores[(scores["arm"] == arm) & (scores["condition"] == condition)].sort_values("seed")
        if column in own:
            numbers.add(key, own[column].astype(float))

    add("nds", main, BOTH)
    add("nds_no_cameras", main, NO_CAMERAS)
    add("nds_no_lidar", main, NO_LIDAR)
    add("map", main, BOTH, "ap")
    for error in ("ATE", "ASE", "AOE"):
        add(error.lower(), main, BOTH, error)
    add("nds_plain", "plain", BOTH)
    add("nds_plain_no_lidar", "plain", NO_LIDAR)
    add("nds_plain_no_cameras", "plain", NO_CAMERAS)
    add("nds_lidar", "lidar", BOTH)
    add("nds_camera", "camera", BOTH)
    return numbers.metrics, numbers.samples
