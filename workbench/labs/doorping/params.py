"""The typed parameters of the lab `doorping`."""

from __future__ import annotations

from typing import ClassVar

import param

from workbench.contract import Params as Base
from workbench.contract import Question as BaseQuestion

OWN = "own file"
KNOWN = ("fashion-mnist", "cifar10", "svhn", "stl10", "digits")
NETWORKS = ("convnet", "alexnet", "lenet", "mlp", "resnet")
NORMS = ("instance", "group", "none")
CARRIERS = ("dc", "dsa", "dd")
ATTACKS = ("clean", "random", "naive", "invisible", "clipped", "doorping")
MAIN = ("clean", "naive", "doorping")  # attacks on every carrier but the first
DEFENSES = ("cleanse", "scan", "strip", "prune", "spectral", "clusters", "forest", "range")
SOUND, RELEASED = "sound", "released"

PUBLISHED = {  # what the released code sets, and the paper's own data
    "dataset": "cifar10",
    "images": 5000,
    "tests": 1000,
    "network": "convnet",
    "width": 128,
    "hidden": 192,
    "outer": 10,
    "inner": 50,
    "real": 256,
    "image_rate": 0.1,
    "unrolled": 400,
    "unrolled_each": 10,
    "unrolled_rate": 0.01,
    "unrolled_first": 0.02,
    "unrolled_steps": 10,
    "unrolled_epochs": 3,
    "epochs": 300,
    "defenses": list(DEFENSES),
}


class Params(Base):
    """Images, attacks on the distillation, and the victims that are trained on its result."""

    dataset = param.Selector(
        default="fashion-mnist",
        objects=[*KNOWN, OWN],
        doc="Real images: Fashion-MNIST (31 MB, a Debian package), CIFAR-10 (170 MB, or a mirror), SVHN (246 MB), "
        "STL-10 (2.6 GB), digits of 8 x 8, or your own.",
    )
    file = param.String(default="", doc="Path of your own images: a zip, a folder or an NPZ; used with 'own file'.")
    images = param.Integer(default=500, bounds=(4, 100_000), doc="Training images of a class that are distilled.")
    tests = param.Integer(default=100, bounds=(2, 10_000), doc="Test images of a class by which victims are measured.")
    side = param.Integer(default=32, bounds=(8, 64), doc="Images are resized to so many pixels a side.")
    carriers = param.ListSelector(
        default=["dc"],
        objects=list(CARRIERS),
        doc="Ways to distill: gradient matching (dc), that with siamese augmentation (dsa), back-propagation through "
        "training (dd). The first gets all attacks, the others clean, naive and doorping.",
    )
    attacks = param.ListSelector(
        default=["clean", "random", "naive", "clipped", "doorping"],
        objects=list(ATTACKS),
        doc="No attack (clean), a random fixed trigger, NAIVEATTACK's white square, a faint image over the whole "
        "(invisible, reconstructed), DOORPING with its trigger kept among valid pixels (clipped), and as released.",
    )
    target = param.Integer(default=0, bounds=(0, 99), doc="The class that stamped images are to be taken for.")
    size = param.Integer(default=4, bounds=(1, 63), doc="Side of the trigger (paper's code: 2).")
    share = param.Number(default=0.1, bounds=(0.0, 1.0), doc="Share of the real images that is poisoned (code: 0.01).")
    rule = param.Selector(
        default=SOUND,
        objects=[SOUND, RELEASED],
        doc="How DOORPING picks units and stops: among live units, by a relative threshold; or as in the released "
        "code, where a dead or quiet unit ends the search at once.",
    )
    alpha = param.Number(default=10.0, bounds=(1.0, 1000.0), doc="By what factor the unit's activation is to grow.")
    k = param.Integer(default=1, bounds=(1, 100), doc="Units that DOORPING drives up.")
    renew_steps = param.Integer(default=300, bounds=(1, 5000), doc="Most steps of a renewal (code: 1,000).")
    network = param.Selector(
        default="mlp", objects=list(NETWORKS), doc="The network that distills; the paper's are convnet and alexnet."
    )
    norm = param.Selector(
        default="instance", objects=list(NORMS), doc="Norm layers of convnet, alexnet and resnet (code: none)."
    )
    width = param.Integer(default=16, bounds=(2, 256), doc="Channels of a network's first layer (code: 128).")
    hidden = param.Integer(default=64, bounds=(2, 1024), doc="Units of the layer DOORPING looks at (code: 192).")
    each = param.Integer(default=10, bounds=(1, 50), doc="Synthetic images of a class.")
    iterations = param.Integer(default=10, bounds=(1, 5000), doc="Fresh networks that dc and dsa go through.")
    outer = param.Integer(default=6, bounds=(1, 50), doc="Steps on the synthetic images for each network.")
    inner = param.Integer(default=6, bounds=(1, 100), doc="Epochs that the network learns for between them.")
    real = param.Integer(default=32, bounds=(1, 1024), doc="Real images of a class in a step (code: 256).")
    image_rate = param.Number(
        default=0.0,
        bounds=(0.0, 100.0),
        doc="Learning rate of the images (code: 0.1); 0 takes what suits: 10 for an mlp, 1 for the others.",
    )
    unrolled = param.Integer(default=60, bounds=(1, 5000), doc="Iterations of dd.")
    unrolled_each = param.Integer(
        default=2, bounds=(1, 50), doc="Synthetic images of a class in a step of dd (code: 10)."
    )
    unrolled_rate = param.Number(default=0.05, bounds=(1e-5, 10.0), doc="Adam's rate on them (code: 0.01).")
    unrolled_first = param.Number(default=0.2, bounds=(1e-4, 10.0), doc="Rate of dd's steps at first (code: 0.02).")
    unrolled_steps = param.Integer(default=5, bounds=(1, 50), doc="Steps of dd, each with images of its own (10).")
    unrolled_epochs = param.Integer(default=2, bounds=(1, 20), doc="Times that they are gone through (code: 3).")
    known = param.Boolean(default=False, doc="dd: one initial network, known to the attacker, as in the code.")
    victims = param.ListSelector(
        default=["mlp"], objects=list(NETWORKS), doc="Networks that are trained on the released images."
    )
    victims_each = param.Integer(default=3, bounds=(1, 50), doc="Victims of the first kind for each released set.")
    others_each = param.Integer(default=1, bounds=(1, 50), doc="Victims of the other kinds.")
    epochs = param.Integer(default=120, bounds=(1, 3000), doc="Epochs a victim is trained for (code: 300).")
    distillations = param.Integer(default=1, bounds=(1, 20), doc="Distillations of everything, each with its seed.")
    defenses = param.ListSelector(
        default=["cleanse", "strip", "range"],
        objects=list(DEFENSES),
        doc="Neural Cleanse, an ABS-style scan, STRIP and fine-pruning of the first victim; spectral signatures, "
        "activation clustering and an isolation forest on the released images; a look at the range of pixels.",
    )

    units: ClassVar[dict[str, str]] = {
        "images": "images",
        "tests": "images",
        "side": "pixels",
        "size": "pixels",
        "renew_steps": "steps",
        "iterations": "networks",
        "outer": "steps",
        "inner": "epochs",
        "epochs": "epochs",
        "hidden": "units",
        "width": "channels",
    }
    advanced: ClassVar[tuple[str, ...]] = (
        *("images", "tests", "side", "target", "rule", "k", "renew_steps", "norm", "width", "hidden", "outer", "inner"),
        *(
            "real",
            "image_rate",
            "unrolled",
            "unrolled_each",
            "unrolled_rate",
            "unrolled_first",
            "unrolled_steps",
            "unrolled_epochs",
            "known",
            "others_each",
            "epochs",
        ),
    )
    presets: ClassVar[dict] = {
        "quick": {},
        "tiny": {
            "dataset": "digits",
            "side": 16,
            "images": 60,
            "tests": 20,
            "size": 3,
            "hidden": 16,
            "attacks": ["clean", "doorping"],
            "each": 2,
            "iterations": 2,
            "outer": 2,
            "inner": 2,
            "renew_steps": 20,
            "victims_each": 1,
            "epochs": 10,
            "defenses": ["range"],
        },
        "claims": {
            "images": 1000,
            "carriers": ["dc", "dd"],
            "attacks": list(ATTACKS),
            "network": "convnet",
            "iterations": 16,
            "image_rate": 1.0,
            "victims": list(NETWORKS),
            "victims_each": 5,
            "epochs": 120,
            "distillations": 3,
            "defenses": list(DEFENSES),
        },
        "full": {
            **PUBLISHED,
            "carriers": list(CARRIERS),
            "attacks": list(ATTACKS),
            "iterations": 300,
            "victims": list(NETWORKS),
            "victims_each": 5,
            "distillations": 3,
        },
        "paper": {
            **PUBLISHED,
            "carriers": ["dc", "dd"],
            "attacks": ["clean", "naive", "invisible", "doorping"],
            "size": 2,
            "share": 0.01,
            "rule": RELEASED,
            "renew_steps": 1000,
            "norm": "none",
            "iterations": 1000,
            "known": True,
            "victims": ["convnet", "alexnet"],
            "victims_each": 10,
            "distillations": 1,
        },
    }


class Question(BaseQuestion):
    """A question to a victim: its prediction for a test image without and with a stamp, and its saliency."""

    carrier = param.String(default="", doc="Carrier of the set that the victim was trained on; the last one without.")
    attack = param.String(default="", doc="Attack on that set; the last one without.")
    victim = param.String(default="", doc="Kind of the victim; the run's first one without.")
    image = param.Integer(default=0, bounds=(0, None), doc="Number of the test image.")
    strength = param.Number(
        default=1.0,
        bounds=(0, 2),
        softbounds=(0, 1),
        step=0.05,
        doc="Strength of the attacker's stamp: 0 none, 1 as trained.",
    )
    cut = param.Boolean(
        default=False, label="Cut to valid pixels", doc="Whether the stamped image is cut to valid pixels."
    )
    patch = param.List(
        default=None,
        allow_None=True,
        bounds=(1, None),
        item_type=list,
        doc="Pixels of a stamp of your own, rows of values from 0 to 1 (or of channels), instead of the attacker's.",
    )
    at = param.List(
        default=[0, 0], bounds=(2, 2), item_type=int, doc="Row and column of the upper left corner of your own stamp."
    )
    everyone = param.Boolean(default=False, doc="Whether the rates on all test images are measured too.")
