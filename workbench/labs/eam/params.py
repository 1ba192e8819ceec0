"""The typed parameters of the lab `eam`."""

from __future__ import annotations

from typing import ClassVar

import param

from workbench.contract import Params as Base
from workbench.contract import Question as BaseQuestion

SIM, ABDOMEN, CARDIAC = "simulated abdomen", "abdomen (BTCV, CHAOS)", "heart (MM-WHS)"
MR_ONLY, CT_ONLY, JOINT, NORMS, UMMKD, EAM = (
    "MR only",
    "CT only",
    "joint",
    "joint + norms",
    "joint + UMMKD",
    "joint + EAM",
)
NO_IMAGE, NO_MODALITY, NO_CORRELATION = "EAM, no image level", "EAM, no modality level", "EAM, no correlation"
ATTENTION, KEPT = "EAM, attention only", "EAM kept"
ARMS = (MR_ONLY, CT_ONLY, JOINT, NORMS, UMMKD, EAM)
ABLATIONS = (NO_IMAGE, NO_MODALITY, NO_CORRELATION, ATTENTION, KEPT)
SHOTS = (1, 2, 3, 5, 10)
MODALITIES = ("CT", "MR")


class Params(Base):
    """Data, numbers of annotated subjects, and the trainings that are compared."""

    dataset = param.Selector(
        default=SIM,
        objects=[SIM, ABDOMEN, CARDIAC],
        doc="Simulated CT and MR from three real organ maps, or published sets that you hold (two folders).",
    )
    ct_folder = param.String(
        default="", doc="Folder of the CT: BTCV (img, label) or MM-WHS; not for the simulated set."
    )
    mr_folder = param.String(default="", doc="Folder of the MR: CHAOS or MM-WHS; not for the simulated set.")
    arms = param.ListSelector(
        default=[JOINT, EAM],
        objects=[*ARMS, *ABLATIONS],
        doc="Trainings that are compared; 'EAM kept' is the same training as 'joint + EAM', other at test.",
    )
    wide = param.ListSelector(
        default=[MR_ONLY, CT_ONLY, JOINT, EAM],
        objects=[*ARMS, *ABLATIONS],
        doc="Arms that learn with every number of annotated subjects; the others only with the first.",
    )
    few = param.Selector(
        default="MR",
        objects=["MR", "CT", "both"],
        doc="Which modality has few annotated subjects; 'both': one after the other.",
    )
    shots = param.ListSelector(
        default=[3],
        objects=list(SHOTS),
        doc="How many annotated subjects that modality has; each number is a training.",
    )
    reference = param.Integer(
        default=0,
        bounds=(0, 200),
        doc="Annotated subjects of one more separate network, which few are compared with; 0: none.",
    )
    many = param.Integer(default=10, bounds=(1, 200), doc="Annotated subjects of the other modality.")
    test = param.Integer(default=4, bounds=(1, 100), doc="Test subjects of each modality, seen by no training.")
    validation = param.Integer(default=2, bounds=(1, 50), doc="Subjects of each modality to choose loss weights by.")
    slices = param.Integer(default=6, bounds=(1, 40), doc="Slices of each subject.")
    size = param.Integer(default=48, bounds=(16, 256), step=8, doc="Pixels along each side of a slice.")
    width = param.Integer(
        default=8, bounds=(4, 64), step=4, doc="Channels at full resolution; they double three times."
    )
    scales = param.Integer(
        default=2, bounds=(1, 4), doc="At how many resolutions a module is attached, coarsest first."
    )
    steps = param.Integer(default=150, bounds=(1, 1_000_000), doc="Training steps of every arm.")
    batch = param.Integer(default=4, bounds=(1, 64), doc="Slices of each modality in a training step.")
    rate = param.Number(default=0.008, bounds=(1e-6, 0.1), doc="Highest learning rate (AdamW); it falls to nothing.")
    values = param.Selector(
        default="learned",
        objects=["learned", "identity"],
        doc="Wv of the modules. Learned, it can make all classes alike, and the image level then asks nothing.",
    )
    attention = param.Number(default=0.3, bounds=(0, 10), doc="Weight of the loss that ties tokens to classes.")
    image_level = param.Number(default=0.2, bounds=(0, 10), doc="Weight of the image-level consistency.")
    modality_level = param.Number(default=0.1, bounds=(0, 10), doc="Weight of the modality-level consistency.")
    ramp = param.Number(default=0.3, bounds=(0, 1), doc="Share of the training over which both consistencies grow.")
    distillation = param.Number(default=0.5, bounds=(0, 10), doc="Weight of UMMKD's distillation.")
    seeds = param.Integer(default=1, bounds=(1, 20), doc="Trainings of each arm; each draws other annotated subjects.")

    units: ClassVar[dict[str, str]] = {
        "reference": "subjects",
        "many": "subjects",
        "test": "subjects",
        "validation": "subjects",
        "size": "pixels",
        "batch": "slices",
    }
    advanced: ClassVar[tuple[str, ...]] = (
        "ct_folder",
        "mr_folder",
        "wide",
        "reference",
        "validation",
        "slices",
        "size",
        "width",
        "scales",
        "batch",
        "rate",
        "values",
        "attention",
        "image_level",
        "modality_level",
        "ramp",
        "distillation",
    )
    presets: ClassVar[dict] = {
        "quick": {},
        "tiny": {
            "many": 3,
            "test": 2,
            "validation": 1,
            "slices": 3,
            "size": 16,
            "width": 4,
            "steps": 3,
            "batch": 2,
            "shots": [1],
        },
        "claims": {
            "arms": [MR_ONLY, CT_ONLY, JOINT, EAM, ATTENTION],
            "shots": [1, 3],
            "reference": 10,
            "many": 24,
            "test": 20,
            "validation": 4,
            "batch": 2,
            "steps": 1500,
            "seeds": 5,
        },
        "full": {
            "arms": [*ARMS, *ABLATIONS],
            "wide": [*ARMS, *ABLATIONS],
            "few": "both",
            "shots": list(SHOTS),
            "many": 24,
            "test": 20,
            "validation": 8,
            "slices": 8,
            "size": 64,
            "steps": 6000,
            "width": 16,
            "rate": 0.004,
            "seeds": 5,
        },
        "paper": {
            "dataset": ABDOMEN,
            "arms": [MR_ONLY, CT_ONLY, JOINT, UMMKD, EAM],
            "shots": [1, 3, 10],
            "many": 24,
            "size": 256,
            "width": 32,
            "slices": 40,
            "scales": 3,
            "steps": 40_000,
            "batch": 8,
            "rate": 1e-3,
            "seeds": 3,
        },
    }


class Question(BaseQuestion):
    """A question about a pixel of a test subject: its class, and where that class is seen in CT and in MR."""

    subject = param.String(default="", doc="A kept test subject by name; the first one without.")
    other = param.String(default="", doc="The subject of the other modality beside it; the first one without.")
    at = param.List(
        default=None,
        allow_None=True,
        bounds=(3, 3),
        item_type=(int, float),
        doc="Pixel (x, y, slice); the middle without.",
    )
    scale = param.Integer(default=0, bounds=(0, None), doc="Number of the external attention module, 0 the coarsest.")
    organ = param.String(default="", doc="A class by name; the one that the network finds at the pixel without.")
