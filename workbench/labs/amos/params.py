"""The typed parameters of the lab `amos`."""

from __future__ import annotations

from typing import ClassVar

import param

from workbench.contract import Params as Base
from workbench.contract import Question as BaseQuestion

SIM, AMOS22, FOLDER = "AMOS-sim (simulated)", "AMOS22", "own folder"
JOINT, CT, MR = "joint", "CT only", "MR only"
ARMS = (JOINT, CT, MR)
NETWORKS = ("BasicUNet", "DynUNet", "SegResNet", "UNETR", "SwinUNETR", "ConvFormer")


class Params(Base):
    """Data, networks, training modalities and scoring rules of a run."""

    dataset = param.Selector(
        default=SIM,
        objects=[SIM, AMOS22, FOLDER],
        doc="Scans to train on and to score: simulated ones in AMOS's layout, the AMOS22 release (23 GB, on your word)"
        ", or a folder of yours in that layout.",
    )
    folder = param.String(default="", doc="Your folder with imagesTr and labelsTr; used with 'own folder'.")
    file = param.String(default="", doc="A scan of yours (NIfTI, DICOM, NPZ) that the first network segments as well.")
    networks = param.ListSelector(
        default=["BasicUNet"],
        objects=list(NETWORKS),
        doc="Networks; the first is trained in every arm, the others in the joint arm only.",
    )
    size = param.Selector(
        default="small", objects=["small", "large"], doc="About half a million parameters each, or MONAI's own widths."
    )
    arms = param.ListSelector(
        default=[JOINT], objects=list(ARMS), doc="What a network is trained on: CT and MR together, or one of them."
    )
    steps = param.Integer(
        default=120, bounds=(1, 1_000_000), doc="Training steps for each modality; the joint arm takes twice as many."
    )
    batch = param.Integer(default=2, bounds=(1, 64), doc="Patches a training step.")
    rate = param.Number(default=0.02, bounds=(1e-6, 0.1), doc="Highest learning rate (AdamW); it falls to nothing.")
    transformer_rate = param.Number(default=0.01, bounds=(1e-6, 0.1), doc="The same for UNETR, SwinUNETR, ConvFormer.")
    patch_x = param.Integer(default=48, bounds=(16, 256), step=16, doc="Patch, left to right.")
    patch_y = param.Integer(default=32, bounds=(16, 256), step=16, doc="Patch, back to front.")
    patch_z = param.Integer(default=16, bounds=(16, 256), step=16, doc="Patch, foot to head.")
    spacing_xy = param.Number(default=6.0, bounds=(0.5, 10), doc="Voxel that the network sees, in the plane.")
    spacing_z = param.Number(default=6.0, bounds=(0.5, 10), doc="Voxel that the network sees, foot to head.")
    seeds = param.Integer(default=1, bounds=(1, 20), doc="Trainings of each network and arm.")
    cases = param.Integer(
        default=8, bounds=(2, 500), doc="Validation cases that are scored, half CT, half MR, at most."
    )
    ct_train = param.Integer(default=16, bounds=(1, 450), doc="Simulated CT to train on.")
    mr_train = param.Integer(default=4, bounds=(1, 90), doc="Simulated MR to train on: fewer, as in AMOS.")
    tolerance = param.Number(
        default=4.0,
        bounds=(0, 50),
        doc="Of the NSD: how far a surface may be off. AMOS's own is not verified; 1 mm is recalled.",
    )
    surface = param.Selector(
        default="area",
        objects=["area", "voxels"],
        doc="Surface by area (DeepMind) or by edge voxels (MONAI's default).",
    )
    absent = param.Selector(
        default="penalize",
        objects=["penalize", "skip"],
        doc="An organ that the reference lacks and the prediction holds counts 0, or is skipped.",
    )
    smallest = param.Number(default=0.0, bounds=(0, 100_000), doc="Components below this are taken out of both masks.")
    first_mr = param.Integer(default=500, bounds=(0, 10_000), doc="Number of the first MR case; those before are CT.")

    units: ClassVar[dict[str, str]] = {
        "batch": "patches",
        "patch_x": "voxels",
        "patch_y": "voxels",
        "patch_z": "voxels",
        "spacing_xy": "mm",
        "spacing_z": "mm",
        "tolerance": "mm",
        "smallest": "mm3",
        "cases": "scans",
        "ct_train": "scans",
        "mr_train": "scans",
    }
    advanced: ClassVar[tuple[str, ...]] = (
        "folder",
        "size",
        "batch",
        "rate",
        "transformer_rate",
        "patch_x",
        "patch_y",
        "patch_z",
        "spacing_xy",
        "spacing_z",
        "ct_train",
        "mr_train",
        "surface",
        "absent",
        "smallest",
        "first_mr",
    )
    presets: ClassVar[dict] = {
        "quick": {},
        "tiny": {
            "networks": ["ConvFormer"],
            "steps": 4,
            "patch_x": 16,
            "patch_y": 16,
            "patch_z": 16,
            "cases": 2,
            "ct_train": 2,
            "mr_train": 1,
        },
        "claims": {
            "arms": list(ARMS),
            "networks": ["BasicUNet", "UNETR", "ConvFormer"],
            "steps": 500,
            "seeds": 3,
            "cases": 24,
        },
        "full": {
            "arms": list(ARMS),
            "networks": list(NETWORKS),
            "steps": 5000,
            "seeds": 3,
            "cases": 24,
            "batch": 4,
            "patch_x": 64,
            "patch_z": 32,
            "spacing_xy": 4.5,
            "spacing_z": 4.5,
        },
        "paper": {
            "dataset": AMOS22,
            "arms": list(ARMS),
            "size": "large",
            "networks": ["DynUNet", "SegResNet", "UNETR", "SwinUNETR"],
            "steps": 125_000,
            "batch": 2,
            "rate": 1e-3,
            "transformer_rate": 1e-4,
            "patch_x": 128,
            "patch_y": 128,
            "patch_z": 64,
            "spacing_xy": 1.5,
            "spacing_z": 2.0,
            "tolerance": 1.0,
            "cases": 120,
        },
    }


class Question(BaseQuestion):
    """A question about the neighborhood of a voxel of a validation case, its picture degraded or not."""

    case = param.String(default="", doc="A validation case by name; the first one without.")
    at = param.List(
        default=None, allow_None=True, bounds=(3, 3), item_type=(int, float), doc="Voxel (x, y, z); the middle without."
    )
    noise = param.Number(
        default=0.0, bounds=(0, 5), softbounds=(0, 2), step=0.05, doc="Standard deviation of added noise."
    )
    bias = param.Number(
        default=0.0,
        bounds=(0, 1),
        softbounds=(0, 0.9),
        step=0.05,
        label="Bias field",
        doc="Largest deviation of a bias field from 1.",
    )
    thickness = param.Number(
        default=1.0,
        bounds=(1, 6),
        softbounds=(1, 4),
        step=0.5,
        label="Slice thickness",
        doc="Slice thickness, as a multiple of the scan's own.",
    )
    window = param.Number(
        default=1.0,
        bounds=(0.2, 5),
        softbounds=(0.3, 3),
        step=0.1,
        label="Window, or gamma of MR",
        doc="CT: width of the window, as a share of the usual one. MR: exponent of a gamma.",
    )
    seed = param.Integer(default=0, bounds=(0, 2**31 - 1), doc="Seed of noise and bias field.")

    units: ClassVar[dict[str, str]] = {"noise": "times the scan's spread", "thickness": "times", "window": "times"}
