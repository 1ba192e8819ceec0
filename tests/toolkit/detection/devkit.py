"""The metric of nuscenes-devkit 1.2.0 on the inputs of `cases`: makes devkit.json, the numbers that the tests expect.

    python -m venv ENV && ENV/bin/pip install nuscenes-devkit==1.2.0 "numpy<2"
    ENV/bin/python tests/toolkit/detection/devkit.py

In an environment of its own, for the devkit needs NumPy 1. Everything runs through the devkit: its boxes, its filter,
its evaluation. Only its database is stood in for: the vehicle at the origin, and the racks.
"""

from __future__ import annotations

import json
import math
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from cases import ATTRIBUTES, CASES, CLASSES, digest, racks  # noqa: E402

ERRORS = ("trans_err", "scale_err", "orient_err", "vel_err", "attr_err")


class Database:
    """As much of a NuScenes object as the filter asks for: every scene has the racks."""

    def __init__(self) -> None:
        told = racks()
        self.racks = [
            {
                "category_name": "static_object.bicycle_rack",
                "translation": told["xyz"][k].tolist(),
                "size": told["lwh"][k, [1, 0, 2]].tolist(),
                "rotation": quaternion(told["yaw"][k]),
            }
            for k in range(len(told["yaw"]))
        ]

    def get(self, table: str, token: object) -> dict:
        return {"anns": range(len(self.racks))} if table == "sample" else self.racks[token]


def quaternion(yaw: float) -> list:
    return [math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)]


def to_boxes(table: dict, scenes: int, kind: type, holder: type) -> object:
    boxes, told = holder(), table
    for scene in range(scenes):
        boxes.add_boxes(f"s{scene:05d}", [])
    for k, scene in enumerate(told["scene"].tolist()):
        xyz = told["xyz"][k].tolist()
        more = {"num_pts": int(told["points"][k])} if "points" in told else {"detection_score": float(told["score"][k])}
        box = kind(
            sample_token=f"s{scene:05d}",
            translation=xyz,
            size=told["lwh"][k, [1, 0, 2]].tolist(),
            rotation=quaternion(float(told["yaw"][k])),
            velocity=told["velocity"][k].tolist(),
            ego_translation=xyz,
            detection_name=CLASSES[told["label"][k]],
            attribute_name=ATTRIBUTES[told["attribute"][k]],
            **more,
        )
        boxes.add_boxes(f"s{scene:05d}", [box])
    return boxes


def prepare(case: tuple[dict, dict]) -> object:
    """Return the devkit's evaluation of a case, filtered and ready to evaluate."""
    from nuscenes.eval.common.config import config_factory
    from nuscenes.eval.common.data_classes import EvalBoxes
    from nuscenes.eval.common.loaders import filter_eval_boxes
    from nuscenes.eval.detection.data_classes import DetectionBox
    from nuscenes.eval.detection.evaluate import DetectionEval

    scenes = 1 + max([int(t["scene"].max()) for t in case if len(t["scene"])], default=0)
    ready = DetectionEval.__new__(DetectionEval)
    ready.cfg, ready.verbose = config_factory("detection_cvpr_2019"), False
    both = [to_boxes(t, scenes, DetectionBox, EvalBoxes) for t in case]
    ready.gt_boxes, ready.pred_boxes = (
        filter_eval_boxes(Database(), b, ready.cfg.class_range) if len(b.all) else b for b in both
    )
    return ready


def measure(case: tuple[dict, dict]) -> dict:
    metrics, _ = prepare(case).evaluate()
    return {
        "inputs": digest(case),
        "ap": [[metrics.get_label_ap(c, th) for th in metrics.cfg.dist_ths] for c in CLASSES],
        "errors": [[none(metrics.get_label_tp(c, e)) for e in ERRORS] for c in CLASSES],
        "map": metrics.mean_ap,
        "tp_errors": [none(metrics.tp_errors[e]) for e in ERRORS],
        "nds": metrics.nd_score,
    }


def none(number: float) -> float | None:
    return None if math.isnan(number) else float(number)


def main() -> None:
    told = {name: measure(make()) for name, make in CASES.items()}
    recipe = {
        "devkit": version("nuscenes-devkit"),
        "numpy": np.__version__,
        "made by": "tests/toolkit/detection/devkit.py",
    }
    path = Path(__file__).with_name("devkit.json")
    rows = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in told.items())
    path.write_text(f'{{"recipe": {json.dumps(recipe)},\n"cases": {{\n{rows}\n}}}}\n', encoding="utf-8")
    for name, row in told.items():
        print(f"{name:40} mAP {row['map']:.4f} NDS {row['nds']:.4f}")


if __name__ == "__main__":
    main()
