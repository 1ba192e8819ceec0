"""Plugin for napari (see ``napari.yaml``): readers and sample data."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from workbench.contract.errors import LabError
from workbench.data.volumes.named import open_set
from workbench.data.volumes.nifti import open_nifti
from workbench.data.volumes.own import open_own
from workbench.data.volumes.volume import read_labels
from workbench.viewers import desktop
from workbench.viewers.volumes import backward, face, layers, mask_options, placed

Layers = list[tuple[Any, dict[str, Any], str]]
NOTHING: Any = [(None,)]  # napari's word for a file that was taken and gives no layer
SUFFIXES = (".nii", ".nii.gz", ".npz", ".zip", ".inv3")


def get_reader(path: str | list[str]) -> Callable[[Any], Layers] | None:
    """Return napari's reader of a path, or None if it is none of ours. Several files are a stack: not ours either."""
    if isinstance(path, list) and len(path) != 1:
        return None
    place = Path(path[0] if isinstance(path, list) else path)
    return read if place.is_dir() or place.name.lower().endswith(SUFFIXES) else None


def read(path: str | list[str]) -> Layers:
    """Return the layers of a file or folder: the scan, and its mask if it came along.

    A NIfTI file that says that it is a mask, by a table of names in its header or by its own name, becomes labels.
    """
    place = Path(path[0] if isinstance(path, list) else path)
    return _told(lambda: masks(place) if is_mask(place) else layers(*open_own(place)))


def sample(name: str) -> Layers:
    """Return the layers of a volume of the catalog; it is downloaded if it is not here."""
    return _told(lambda: layers(*open_set(name)))


def is_mask(path: Path) -> bool:
    """Return whether a NIfTI file says that it is a mask: by a table of names, or in its own name."""
    name = path.name.lower()
    if not name.endswith((".nii", ".nii.gz")):
        return False
    return any(word in name for word in ("label", "mask", "seg")) or bool(open_nifti(path).names)


def masks(path: Path) -> Layers:
    """Return the layer of a file that is a mask."""
    labels = read_labels(path)
    return [(backward(labels.voxels), mask_options(labels, path.name) | placed(labels.affine), "labels")]


def _told(open_it: Callable[[], Layers]) -> Layers:
    try:
        found = open_it()
    except LabError as error:  # napari shows a message of its own for this, and a traceback for the rest
        desktop("napari.utils.notifications").show_error(str(error))
        return NOTHING
    viewer = desktop("napari").current_viewer()
    if viewer is not None and not viewer.layers:  # a window in use keeps the direction its user gave it
        face(viewer)
    return found


abdomen_ct = partial(sample, "abdomen_ct")
abdomen_ct_small = partial(sample, "abdomen_ct_small")
abdomen_mr = partial(sample, "abdomen_mr")
thorax_ct = partial(sample, "thorax_ct")
mni_brain = partial(sample, "mni_brain")
head_ct = partial(sample, "head_ct")
brain_series = partial(sample, "brain_series")
