"""Questions to a run's network: what is here? And what would it be if the picture were worse?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import ndimage
from torch import nn

from workbench.contract import LabError, LoadedRun, Result
from workbench.data.volumes.amos import Case, read_case
from workbench.data.volumes.organs import AMOS
from workbench.data.volumes.volume import Labels, Volume
from workbench.labs.amos.method.data import material
from workbench.labs.amos.method.model import rules_of, spec_of
from workbench.labs.amos.params import Params, Question
from workbench.toolkit.cases import chosen_voxel
from workbench.toolkit.memory import MemoryContext
from workbench.toolkit.segmentation.networks import Spec
from workbench.toolkit.segmentation.preprocessing import Recipe, intensities, native_mask, resampled
from workbench.toolkit.segmentation.scores import score_case
from workbench.toolkit.segmentation.simulation import bias_field
from workbench.toolkit.segmentation.windows import segment


@dataclass
class Loaded:
    """A network ready to answer.

    Attributes
    ----------
    model, spec, preparation
        The network, its size, and how it wants a scan.
    cases
        The cases that can be asked about, by name.
    """

    model: nn.Module
    spec: Spec
    preparation: Recipe
    cases: dict[str, Case]


def loaded(run: LoadedRun, model: nn.Module) -> Loaded:
    """Return the network of a run with its cases."""
    data = material(run.params, MemoryContext(run.seed, run.device))
    spec = spec_of(run.params.networks[0], run.params)
    return Loaded(model, spec, data.preparation, {c.name: c for c in data.validation})


def answer(question: Question, ready: Loaded, params: Params, device: str) -> Result:
    """Answer a question.

    Returns
    -------
    Result
        Arrays, cut to the neighborhood that the network sees: ``image`` as it was spoiled, ``truth``, ``clean`` and
        ``prediction`` (masks of the untouched and of the spoiled picture), all (X, Y, Z); ``affine`` (4, 4);
        ``corner`` (3,), where the neighborhood begins; ``at`` (3,), the crosshair within. Table ``organs``: DSC and
        NSD of both masks within the neighborhood. Metrics ``dsc``, ``dsc_clean``, ``nsd``, ``nsd_clean``.

    Raises
    ------
    LabError
        If there is no such case, or the voxel lies outside of it.
    """
    name = question.case or next(iter(ready.cases))
    if name not in ready.cases:
        raise LabError(f"This run has no case {name!r}.", f"It has {', '.join(list(ready.cases)[:6])}.")
    volume, truth = read_case(ready.cases[name])
    at = chosen_voxel(question.at, volume.shape)
    spoiled = spoil(volume, question)
    where = neighborhood(volume, at, ready)
    clean = look(ready, volume, volume.voxels, 1.0, where, device)
    share = question.window
    touched = bool(np.any(spoiled != volume.voxels)) or share != 1
    mask = look(ready, volume, spoiled, share, where, device) if touched else clean
    real = np.asarray(truth.voxels[where]) if truth is not None else np.zeros_like(mask)
    table = compared(mask, clean, real, truth, params)
    means = table[["dsc", "nsd", "dsc_clean", "nsd_clean"]].mean()
    corner = np.array([s.start for s in where])
    affine = volume.affine.copy()
    affine[:3, 3] = volume.affine[:3, :3] @ corner + volume.affine[:3, 3]
    return Result(
        metrics={k: float(v) for k, v in means.items()},
        arrays={
            "image": np.asarray(spoiled[where], np.float32),
            "truth": real.astype(np.uint8),
            "clean": clean,
            "prediction": mask,
            "affine": affine,
            "corner": corner,
            "at": at - corner,
        },
        tables={"organs": table},
        notes=[str(rules_of(params)), f"{name}: {volume.modality}. {volume.note}".strip()],
    )


def compared(
    mask: np.ndarray, clean: np.ndarray, real: np.ndarray, truth: Labels | None, params: Params
) -> pd.DataFrame:
    """Return the organs that the neighborhood holds, with the scores of both masks."""
    spacing = truth.spacing if truth is not None else (1.0, 1.0, 1.0)
    rules = rules_of(params)
    now, before = (score_case(m, real, spacing, AMOS, rules) for m in (mask, clean))
    table = now[["organ", "name", "dsc", "nsd", "state"]].assign(dsc_clean=before["dsc"], nsd_clean=before["nsd"])
    return table[np.isfinite(table["dsc"]) | np.isfinite(table["dsc_clean"])].reset_index(drop=True)


def spoil(volume: Volume, question: Question) -> np.ndarray:
    """Return the voxels of a scan as a worse scanner would give them, float32."""
    voxels = np.asarray(volume.voxels, np.float32)
    noise, bias, thickness = question.noise, question.bias, question.thickness
    rng = np.random.default_rng(question.seed)
    field, grain = bias_field(voxels.shape, bias, rng), rng.normal(size=voxels.shape)
    if thickness > 1:
        few = max(1, round(voxels.shape[2] / thickness))
        voxels = resampled(resampled(ndimage.uniform_filter1d(voxels, round(thickness), axis=2),
                                     (*voxels.shape[:2], few), 1), voxels.shape, 1)  # fmt: skip
    if bias:  # a CT has no bias field, but one may ask: around air, as a factor
        low = float(voxels.min())
        voxels = (voxels - low) * field + low
    if noise:
        low, high = np.percentile(volume.voxels, (25, 95))
        voxels = voxels + noise * (high - low) / 2 * grain
    return voxels.astype(np.float32)


def look(
    ready: Loaded, volume: Volume, voxels: np.ndarray, share: float, where: tuple[slice, ...], device: str
) -> np.ndarray:
    """Segment the neighborhood `where` of a scan: one window of the network; the values are those of the whole scan."""
    recipe = ready.preparation
    if volume.modality == "CT" and share != 1:
        low, high = recipe.window
        middle, half = (low + high) / 2, (high - low) / 2 * share
        recipe = Recipe(recipe.spacing, (middle - half, middle + half))
    values = intensities(voxels, volume.modality, recipe)
    if volume.modality != "CT" and share != 1:
        span = float(values.max() - values.min()) or 1.0
        values = ((values - values.min()) / span) ** share * span + values.min()
    part = values[where]
    scale = np.array(volume.spacing) / recipe.spacing
    grid = tuple(int(min(p, max(1, round(n * s)))) for p, n, s in zip(ready.spec.patch, part.shape, scale, strict=True))
    shares = segment(
        ready.model, resampled(part, grid, 1).astype(np.float32), ready.spec.patch, ready.spec.classes, device
    )
    return native_mask(shares, part.shape)


def neighborhood(volume: Volume, at: np.ndarray, ready: Loaded) -> tuple[slice, ...]:
    """Return the box around a voxel that fills one window of the network, inside the scan."""
    found = []
    for axis in range(3):
        size = round(ready.spec.patch[axis] * ready.preparation.spacing[axis] / volume.spacing[axis])
        size = max(1, min(size, volume.shape[axis]))
        start = int(np.clip(at[axis] - size // 2, 0, volume.shape[axis] - size))
        found.append(slice(start, start + size))
    return tuple(found)
