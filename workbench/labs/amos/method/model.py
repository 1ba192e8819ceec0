"""The method of the benchmark, from a scan to its mask: prepare, segment window by window, bring back, score.

1. **Prepare** (`workbench.toolkit.segmentation.preprocessing`): CT cut to [-125, 275] HU, MR to its percentiles 2 to 98
   and z-scored; both resampled to one spacing.
2. **Learn** (`training`, `patches`): patches, half of them around an organ; soft Dice + cross entropy; AdamW. The
   joint arm
   draws CT and MR equally often, so that it sees of each what the separate arms see together.
3. **Segment** (`windows`): a window slides by half its size; its shares count by a Gaussian.
4. **Bring back** (`preprocessing.native_mask`): shares resampled to the scan's own grid, the largest wins.
5. **Score** (`scores`): DSC and NSD organ by organ, on that grid.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from torch import nn

from workbench.data.volumes.organs import AMOS
from workbench.data.volumes.volume import Labels, Volume
from workbench.labs.amos.method.data import CLASSES
from workbench.labs.amos.params import CT, JOINT, MR, Params
from workbench.toolkit.segmentation.networks import TRANSFORMERS, Spec, build
from workbench.toolkit.segmentation.preprocessing import Recipe, native_mask, prepared
from workbench.toolkit.segmentation.scores import Rules, score_case
from workbench.toolkit.segmentation.windows import sliding

MODALITIES = {JOINT: ("CT", "MR"), CT: ("CT",), MR: ("MR",)}


def spec_of(name: str, params: Params) -> Spec:
    """Return what network to build."""
    return Spec(name, CLASSES, (params.patch_x, params.patch_y, params.patch_z), params.size)


def network(name: str, params: Params, generator: torch.Generator, device: str) -> nn.Module:
    """Return an untrained network on its device."""
    return build(spec_of(name, params), generator).to(device)


def rules_of(params: Params) -> Rules:
    """Return how masks are scored."""
    return Rules(params.tolerance, params.surface, params.absent, params.smallest)


def steps_of(arm: str, params: Params) -> int:
    """Return the training steps of an arm: as many for each modality that it learns."""
    return params.steps * len(MODALITIES[arm])


def rate_of(name: str, params: Params) -> float:
    """Return the learning rate of a network: what suits convolutions lets transformers learn nothing."""
    return params.transformer_rate if name in TRANSFORMERS else params.rate


def segmented(
    model: nn.Module, volume: Volume, spec: Spec, preparation: Recipe, device: str
) -> Iterator[tuple[int, int, np.ndarray | None]]:
    """Segment a scan on its own grid.

    Yields
    ------
    done, total, mask
        Windows; the mask (X, Y, Z) uint8 comes with the last.
    """
    image = prepared(volume.voxels, volume.spacing, volume.modality, preparation)
    for done, total, shares in sliding(model, image, spec.patch, spec.classes, device):
        yield done, total, None if shares is None else native_mask(shares, volume.shape)


def scored(mask: np.ndarray, truth: Labels, rules: Rules) -> pd.DataFrame:
    """Return DSC and NSD of every organ of AMOS."""
    return score_case(mask, truth.voxels, truth.spacing, AMOS, rules)
