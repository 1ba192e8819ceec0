"""Size and variant of a network, as numbers; needs neither torch nor data.

Fields called deviations below default to what the released code does (junjie18/CMT); `SMALL` switches some on, so that
a network learns within minutes on a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from workbench.contract import LabError

Sensors = Literal["both", "lidar", "camera"]
Ladder = Literal["released", "textbook", "octaves"]
Backbone = Literal["small", "resnet18", "resnet50", "resnet101"]


@dataclass(frozen=True)
class Shape:
    """A network in numbers; the defaults are those of the published configuration (voxel 0.075, 1600x640).

    Attributes
    ----------
    classes
        Classes of objects.
    area
        Space that is looked at, x0 y0 z0 x1 y1 z1 in m, in the LiDAR frame ("pc_range").
    cell, stride
        Side of a pillar in m, and how many pillars of each axis one BEV token stands for (a power of two). The grid is
        derived from them: the released 0.1 m configuration wrote 1024 cells where 108 m / 0.1 m are 1080.
    pillar
        Channels of a pillar. Deviation: dense pillars stand in for the sparse 3-D encoder (no spconv).
    backbone
        Of the images. ``small``: a convolution and three residual blocks, last two at strides 8 and 16; ``resnet18``,
        ``resnet50``, ``resnet101``: of the library transformers with random weights, last two at 16 and 32. The finer
        of the last two stages, joined with the coarser, gives the tokens.
    width, heads, layers, inner, hidden
        Of the decoder: channels, attention heads, layers, hidden units of a layer's network, and those of a head.
    queries
        Anchors, each of which may become one box.
    depths
        Points on a pixel's ray that its encoding lists.
    waves
        Sines and cosines an axis of psi, the encoding of a BEV position.
    ladder
        Their periods: ``released``, ``textbook`` or ``octaves`` (deviation); see `encoding.ladder`.
    octaves
        Deviation: so many octaves of sines and cosines of each ray coordinate are listed beside it; 0: none.
    grid_anchors
        Deviation: anchors start on a grid, not at random places.
    aligned
        Deviation: position encodings are layer-normed and start with a mean of 0 over the range, the key projection of
        cross-attention starts equal to the query projection, and self-attention starts at nothing; so that from its
        first step a query looks where its anchor is. Few and wide heads help: in 12 channels a thousand encodings are
        not far enough apart.
    polar
        Deviation: heads give shift and heading twice, and the sum counts: along the LiDAR's axes, and along and across
        the direction in which the anchor lies. What a camera sees of an object tells the latter: its distance, and how
        it is turned against the ray, whatever the ray's direction.
    guided
        Deviation: in training every token is also asked by itself which object's center it holds; see `guidance`.
    released_code
        Bug-compatible: the heads' numbers are read in the order that the released code trains. See `boxes.RELEASED`.
    sensors, bev
        Which sensors the network has at all; and whether it joins them on a BEV grid (images lifted by depth bins, in
        the manner of BEVFusion) in the place of joining tokens in the decoder.
    absent
        What a missing sensor is. ``none``: it gives no tokens. ``null``: nor does it, but a learned token says so.
        ``zeroed``: as in the paper, its pixels are 0 before normalization, its points all stand at the origin.
    image_encoding, point_encoding
        Ablation: whether image and BEV tokens (and the queries' shares of the same networks) carry positions.
    """

    classes: int = 10
    area: tuple[float, float, float, float, float, float] = (-54.0, -54.0, -5.0, 54.0, 54.0, 3.0)
    cell: float = 0.075
    stride: int = 8
    pillar: int = 64
    backbone: Backbone = "resnet50"
    width: int = 256
    heads: int = 8
    layers: int = 6
    inner: int = 1024
    hidden: int = 64
    queries: int = 900
    depths: int = 64
    waves: int = 256
    ladder: Ladder = "released"
    octaves: int = 0
    grid_anchors: bool = False
    aligned: bool = False
    polar: bool = False
    guided: bool = False
    released_code: bool = False
    sensors: Sensors = "both"
    bev: bool = False
    absent: Literal["none", "null", "zeroed"] = "none"
    image_encoding: bool = True
    point_encoding: bool = True

    def __post_init__(self) -> None:
        for low, high in zip(self.area[:3], self.area[3:], strict=True):
            if not low < high:
                raise LabError(
                    f"The range {self.area} is empty along an axis.", "Give x0 y0 z0 x1 y1 z1, each 0 below 1."
                )
        for axis in (0, 1):
            tokens = (self.area[axis + 3] - self.area[axis]) / (self.cell * self.stride)
            if abs(tokens - round(tokens)) > 1e-6 or tokens < 1:
                raise LabError(
                    f"{self.area[axis + 3] - self.area[axis]:g} m do not divide into BEV tokens of "
                    f"{self.stride} x {self.cell:g} m.",
                    "Change the cell, the stride or the range, so that they do.",
                )
        if self.stride < 1 or self.stride & (self.stride - 1):
            raise LabError(f"A stride of {self.stride} is no power of two.", "Choose 1, 2, 4, 8 or 16.")
        if self.width % self.heads:
            raise LabError(f"{self.width} channels do not divide among {self.heads} heads.", "Change one of them.")
        if self.bev and self.sensors != "both":
            raise LabError("BEV concatenation needs both sensors.", "Choose sensors 'both', or bev off.")

    @property
    def extent(self) -> tuple[float, float, float]:
        """Size of the range along x, y, z in m."""
        return tuple(high - low for low, high in zip(self.area[:3], self.area[3:], strict=True))

    @property
    def grid(self) -> tuple[int, int]:
        """BEV tokens along y and x."""
        return tuple(round(self.extent[axis] / (self.cell * self.stride)) for axis in (1, 0))

    @property
    def pillars(self) -> tuple[int, int]:
        """Pillars along y and x."""
        return self.grid[0] * self.stride, self.grid[1] * self.stride


PAPER = Shape()
"""The published numbers, with ResNet-50 and dense pillars in the places of VoVNet-99 and of the sparse encoder."""

PAPER_R50 = Shape(cell=0.1)
"""For 800x320 images. 1080 pillars and 135 tokens a side; the released file writes 1024 and 128."""

SMALL = Shape(
    classes=4,
    area=(-25.6, -25.6, -3.0, 25.6, 25.6, 3.0),
    cell=0.4,
    stride=2,
    pillar=24,
    backbone="small",
    width=64,
    heads=2,
    layers=2,
    inner=128,
    hidden=32,
    queries=64,
    depths=16,
    waves=64,
    ladder="octaves",
    octaves=4,
    grid_anchors=True,
    aligned=True,
    polar=True,
    guided=True,
)
"""For minutes on a CPU: +-25.6 m, BEV tokens of 0.8 m, deviations on.

`aligned` counts most: on the scenes of tests/labs/cmt/conftest.py, one seed, BEV features at one scale, `TINY` after
1,000 steps of 8 scenes had an average precision (1 m) of 0.82 with it and of 0.02 without.
"""

TINY = replace(
    SMALL,
    classes=2,
    area=(-12.8, -12.8, -3.0, 12.8, 12.8, 3.0),
    cell=0.8,
    stride=1,
    pillar=16,
    width=32,
    heads=2,
    inner=64,
    hidden=16,
    queries=16,
    depths=8,
    waves=32,
    octaves=3,
)
"""For tests."""


# Arms ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arm:
    """One way to train and to join the sensors.

    Attributes
    ----------
    title
        For people.
    network
        Fields of `Shape` that differ.
    masked
        Whether sensors are dropped in training (masked-modal training).
    denoised
        Whether denoising queries help in training.
    parts
        Other arms whose detections are joined; such an arm is not trained itself.
    """

    title: str
    network: dict[str, object]
    masked: bool = False
    denoised: bool = True
    parts: tuple[str, ...] = ()


ARMS: dict[str, Arm] = {
    "plain": Arm("Fusion, trained with both sensors", {}),
    "masked": Arm("Fusion, masked-modal training", {}, masked=True),
    "lidar": Arm("LiDAR specialist", {"sensors": "lidar"}),
    "camera": Arm("Camera specialist", {"sensors": "camera"}),
    "late": Arm("Late fusion of the two specialists", {}, parts=("lidar", "camera")),
    "bev": Arm("BEV concatenation", {"bev": True}),
    "no image encoding": Arm("Plain fusion, image tokens without positions", {"image_encoding": False}),
    "no point encoding": Arm("Plain fusion, BEV tokens without positions", {"point_encoding": False}),
    "no denoising": Arm("Plain fusion, no denoising queries", {}, denoised=False),
}
