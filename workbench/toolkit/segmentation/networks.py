"""Segmentation networks by name: five of MONAI's and our `ConvFormer`, each small or large.

MONAI takes ten seconds to import, so it is imported where a network of it is built, in a worker.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from workbench.contract.errors import LabError
from workbench.toolkit.segmentation.convformer import ConvFormer, Shape

NETWORKS = ("BasicUNet", "DynUNet", "SegResNet", "UNETR", "SwinUNETR", "ConvFormer")
CONVOLUTIONAL = ("BasicUNet", "DynUNet", "SegResNet")
TRANSFORMERS = ("UNETR", "SwinUNETR", "ConvFormer")
DIVISOR = {"BasicUNet": 16, "DynUNet": 8, "SegResNet": 8, "UNETR": 16, "SwinUNETR": 32, "ConvFormer": 8}
SIZES = ("small", "large")
"""``small``: about half a million parameters (SwinUNETR 3.8), so that they can be compared; ``large``: MONAI's own."""


@dataclass(frozen=True)
class Spec:
    """A network to build: its name, the number of classes with the background, the patch, and the size."""

    name: str
    classes: int
    patch: tuple[int, int, int]
    size: str = "small"

    def __post_init__(self) -> None:
        if self.name not in NETWORKS or self.size not in SIZES:
            raise LabError(f"There is no network {self.name!r} ({self.size}).", f"There are {', '.join(NETWORKS)}.")
        by = DIVISOR[self.name]
        if any(n % by for n in self.patch):
            raise LabError(
                f"{self.name} halves its patch so often that {by} must divide each side; it is {self.patch}.",
                f"Choose sides of {by}, {2 * by}, {3 * by}.",
            )
        if math.prod(self.patch) == by**3:
            raise LabError(f"A patch of {self.patch} shrinks to one voxel inside {self.name}.", "Make one side larger.")


def build(spec: Spec, generator: torch.Generator) -> nn.Module:
    """Return an untrained network (B, 1, *patch) -> (B, classes, *patch); equal generators give equal weights.

    MONAI draws from torch's global source, so that one is set for the time of the building and put back.
    """
    seed = int(torch.randint(2**62, (1,), generator=generator))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return _MAKERS[spec.name](spec)
        except ImportError as error:
            raise LabError(
                f"{spec.name} cannot be built: {error}", "Install what it names, or choose BasicUNet."
            ) from error


def parameters(model: nn.Module) -> int:
    """Return how many numbers a network learns."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _basic_unet(spec: Spec) -> nn.Module:
    from monai.networks.nets import BasicUNet

    features = (8, 8, 16, 32, 64, 8) if spec.size == "small" else (32, 32, 64, 128, 256, 32)
    return BasicUNet(3, 1, spec.classes, features=features, norm=("instance", {"affine": True}))


def _dyn_unet(spec: Spec) -> nn.Module:
    from monai.networks.nets import DynUNet

    filters = [8, 16, 32, 64] if spec.size == "small" else [32, 64, 128, 256]
    return DynUNet(
        3, 1, spec.classes, kernel_size=[3] * 4, strides=[1, 2, 2, 2], upsample_kernel_size=[2] * 3, filters=filters
    )


def _segresnet(spec: Spec) -> nn.Module:
    from monai.networks.nets import SegResNet

    width = 8 if spec.size == "small" else 32
    return SegResNet(3, width, 1, spec.classes, norm=("instance", {"affine": True}), blocks_down=(1, 2, 2, 2))


def _unetr(spec: Spec) -> nn.Module:
    from monai.networks.nets import UNETR

    small = spec.size == "small"
    narrow = {"feature_size": 4, "hidden_size": 48, "mlp_dim": 96, "num_heads": 4}
    return UNETR(1, spec.classes, spec.patch, norm_name="instance", **(narrow if small else {}))


def _swin_unetr(spec: Spec) -> nn.Module:
    from monai.networks.nets import SwinUNETR

    # MONAI wants a multiple of 12, so its smallest has 3.8 million parameters
    small = {"feature_size": 12, "num_heads": (2, 2, 4, 4), "depths": (1, 1, 1, 1)}
    return SwinUNETR(1, spec.classes, **(small if spec.size == "small" else {"feature_size": 48}))


def _convformer(spec: Spec) -> nn.Module:
    return ConvFormer(Shape(spec.classes, 8 if spec.size == "small" else 32))


_MAKERS = {
    "BasicUNet": _basic_unet,
    "DynUNet": _dyn_unet,
    "SegResNet": _segresnet,
    "UNETR": _unetr,
    "SwinUNETR": _swin_unetr,
    "ConvFormer": _convformer,
}
