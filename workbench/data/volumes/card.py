"""The data card of a volume."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workbench.data.catalog import cache
from workbench.data.volumes import own as own_volumes
from workbench.data.volumes.volume import AIR, Labels, Volume, count_voxels

SOFT_TISSUE = (-160.0, 240.0)  # HU
SAMPLE = 200_000  # voxels that stand for all
MASKLIKE = 120  # different values up to which small whole numbers look like those of a mask


@dataclass(frozen=True)
class VolumeCard:
    """A volume in figures.

    Attributes
    ----------
    name, shape, spacing
        Of the canonical grid; spacing in mm.
    axes, oblique
        Where the axes of the file ran (``"LPS"``), and by how many degrees they lean from the body's.
    low, high, middle
        Lowest and highest value, and the 1st and 99th percentile.
    modality, guessed
        As of `Volume`; True if only the values say so.
    organs
        Volume in mL by name, largest first; empty without a mask.
    sha256
        Of the file.
    notes, warnings
        What was done on reading, and what a model may stumble over.
    slices
        The middle axial, coronal and sagittal slice, uint8, as seen from the feet, the front and the right: rows run
        down, and the patient's right (in the sagittal, the front) is on the left.
    """

    name: str
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    axes: str
    oblique: float
    low: float
    high: float
    middle: tuple[float, float]
    modality: str
    guessed: bool
    organs: dict[str, float]
    sha256: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    slices: tuple[np.ndarray, ...] = field(default=(), repr=False)


def volume_card(path: Path) -> VolumeCard:
    """Describe a scan of the user's own.

    Raises
    ------
    LabError
        If it cannot be read.
    """
    volume, labels, (axes, said) = own_volumes.open_told(path)
    sample = _sample(volume)
    low, high = float(volume.voxels.min()), float(volume.voxels.max())
    middle = tuple(float(p) for p in np.percentile(sample, (1, 99)))
    directions = volume.affine[:3, :3] / np.array(volume.spacing)
    return VolumeCard(
        name=volume.name,
        shape=volume.shape,
        spacing=volume.spacing,
        axes=axes,
        oblique=float(np.degrees(np.arccos(np.clip(np.diag(directions).min(), -1, 1)))),
        low=low,
        high=high,
        middle=middle,
        modality=volume.modality,
        guessed=not said,
        organs=organ_volumes(labels) if labels else {},
        sha256=cache.sha256(path),
        notes=tuple(filter(None, [*volume.note.split("; "), *(labels.note if labels else "").split("; ")])),
        warnings=tuple(_warnings(volume, sample, low, high)),
        slices=_middle(volume, *window(volume)),
    )


def facts(card: VolumeCard) -> dict[str, str]:
    """Return the figures of a card as words, for a page or a terminal."""
    axes = f"{card.axes} in the file" + ("" if card.axes == "RAS" else ", turned to RAS")
    if card.oblique > 0.5:
        axes += f", oblique by {card.oblique:.0f}°"
    words = {
        "Voxels": " × ".join(map(str, card.shape)),
        "Spacing": " × ".join(f"{s:.3g}" for s in card.spacing) + " mm",
        "Extent": " × ".join(f"{n * s:.0f}" for n, s in zip(card.shape, card.spacing, strict=True)) + " mm",
        "Orientation": axes,
        "Values": f"{card.low:g} to {card.high:g}; 98 % within {card.middle[0]:g} to {card.middle[1]:g}",
        "Modality": (card.modality or "unknown") + (", guessed from the values" if card.guessed else ""),
    }
    if card.organs:
        sizes = ", ".join(f"{name} {size:,.0f} mL" for name, size in list(card.organs.items())[:6])
        more = len(card.organs) - 6
        words[f"{len(card.organs)} organs"] = sizes + (f" and {more} more" if more > 0 else "")
    return words


def window(volume: Volume) -> tuple[float, float]:
    """Return what to show as black and as white: soft tissue in HU, or the 1st and the 99.5th percentile."""
    if volume.modality == "CT":
        return SOFT_TISSUE
    low, high = np.percentile(_sample(volume), (1, 99.5))
    return float(low), float(max(high, low + 1e-6))


def organ_volumes(labels: Labels) -> dict[str, float]:
    """Return the volume of each organ present, in mL, the largest first."""
    voxel = float(abs(np.linalg.det(labels.affine[:3, :3]))) / 1000  # mL
    found = {labels.names[k]: count * voxel for k, count in count_voxels(labels.voxels).items()}
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def _sample(volume: Volume) -> np.ndarray:
    return volume.voxels.ravel(order="K")[:: max(1, volume.voxels.size // SAMPLE)]


def _warnings(volume: Volume, sample: np.ndarray, low: float, high: float) -> list[str]:
    found = []
    extent = [n * s for n, s in zip(volume.shape, volume.spacing, strict=True)]
    if low == high:
        found.append(f"All voxels are {low:g}.")
    elif low == 0 and high <= 255 and sample.dtype == np.int16 and len(np.unique(sample)) <= MASKLIKE:
        found.append(f"It looks like a mask, whole numbers from 0 to {high:g}: give the scan, not its mask.")
    if max(volume.spacing) > 3 * min(volume.spacing):
        found.append(f"Voxels are {max(volume.spacing) / min(volume.spacing):.1f} times as long as wide.")
    if min(volume.shape) < 8:
        found.append(f"Only {min(volume.shape)} slices along one axis: a network that sees in 3-D has little to see.")
    if not 20 < max(extent) < 2500:
        found.append(f"It is {max(extent):.3g} mm long: is its spacing in mm?")
    if not volume.modality:
        found.append("Neither headers nor values say whether it is CT or MR.")
    elif volume.modality not in ("CT", "MR"):
        found.append(f"Its header says {volume.modality}: labs of CT and MR treat it like an MR.")
    elif volume.modality == "CT" and low > AIR:
        found.append(f"A CT of a body has air at -1000 HU, but its lowest value is {low:g}: is its intercept lost?")
    return found


def _middle(volume: Volume, low: float, high: float) -> tuple[np.ndarray, ...]:
    """The slices through the middle, from `low` to `high` as black to white."""
    x, y, z = (n // 2 for n in volume.shape)
    planes = volume.voxels[:, :, z].T[::-1, ::-1], volume.voxels[:, y, :].T[::-1, ::-1], volume.voxels[x].T[::-1, ::-1]
    scale = 255 / max(high - low, 1e-6)
    return tuple(np.clip((p.astype(np.float32) - low) * scale, 0, 255).astype(np.uint8) for p in planes)
