"""Data cards: what a file holds, said before anything runs; one way for the page, the terminal and `workbench.card`."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.contract.errors import LabError
from workbench.data.catalog import archives, cache
from workbench.data.graphs import card as graphs
from workbench.data.graphs import own as own_graphs
from workbench.data.images import card as images
from workbench.data.images import own as own_images
from workbench.data.music import named as grooves
from workbench.data.music import own as own_grooves
from workbench.data.music.midi import MIDI_SUFFIXES
from workbench.data.reader import reader
from workbench.data.scenes import card as scenes
from workbench.data.scenes import own as own_scenes
from workbench.data.scenes.formats import points as point_files
from workbench.data.tables import formats, table
from workbench.data.uploads import MAX_BYTES, MAX_VOLUME
from workbench.data.volumes import card as volumes
from workbench.data.volumes import volume
from workbench.data.volumes.own import NIFTI

PICTURES = (".png", ".jpg", ".jpeg", ".jfif", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
DRIVES = {"sample_data.json", "sample_info.json", "calibration.json", "velodyne", "points.npy"}  # one makes a scene
PAIRS = ({"images", "labels"}, {"x_train", "y_train"}, {"train_images", "train_labels"})  # one makes a set of images
SCANS = {"image", "volume", "voxels", "affine", "spacing"}  # arrays of which one makes a scan


@dataclass(frozen=True)
class Card:
    """Contents of a file, to be looked at before a run.

    Attributes
    ----------
    modality
        A key of `KINDS`.
    name
        Of the file.
    facts
        Figures by name, as words.
    warnings, notes
        What a model may stumble over, and what was done on reading.
    sha256
        Of the file or folder.
    preview
        The first rows of a table.
    record
        The card of its modality, with pictures if there are any: a `VolumeCard`, a `SceneCard` and so on.
    """

    modality: str
    name: str
    facts: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sha256: str = ""
    preview: pd.DataFrame | None = field(default=None, repr=False)
    record: Any = field(default=None, repr=False)

    def __str__(self) -> str:
        rows = [*self.facts.items(), *(("mind", text) for text in self.warnings), *(("note", t) for t in self.notes)]
        width = max((len(key) for key, _ in rows), default=0)
        return "\n".join([f"{self.name} ({self.modality})", *(f"{key:<{width}}  {value}" for key, value in rows)])


def card(path: Path | str, modality: str = "") -> Card:
    """Describe a file or folder of the user's own.

    Parameters
    ----------
    path
        A table, images, a graph, a scan, a scene or MIDI, as one file, a folder or a zip.
    modality
        A key of `KINDS`; found by the suffix and by what is inside if empty. Any other word stands for tables.

    Raises
    ------
    LabError
        In words, for everything that is wrong with it; never another exception.
    """
    return _card(Path(path).expanduser(), modality)


@reader
def _card(path: Path, modality: str) -> Card:
    if not path.exists():
        raise LabError(f"There is no file or folder {path}.", "Check the path, or upload the file again.")
    modality = modality or find_modality(path)
    return KINDS.get(modality, KINDS["Tables"]).describe(path)


def find_modality(path: Path) -> str:
    """Return the key of `KINDS` that fits a path, by its suffix and by what is inside of a folder, zip or NPZ."""
    inside: list[str] = []
    if path.is_dir():
        inside = [str(p.relative_to(path)) for p in path.rglob("*")]
    elif zipfile.is_zipfile(path) or path.suffix.lower() in (".zip", ".npz"):
        inside = archives.names(path)
    name, names = path.name.lower(), {Path(n).name.lower() for n in inside}

    def ends(*suffixes: str) -> bool:
        return name.endswith(suffixes) or any(n.endswith(suffixes) for n in names)

    if any(n.startswith(("nodes.", "edgelist.")) for n in names):
        return "Graphs"
    if ends(*MIDI_SUFFIXES):
        return "Music"
    if ends(*point_files.SUFFIXES) or any(DRIVES & set(Path(n).parts) for n in inside):
        return "Scenes"
    arrays = {n.removesuffix(".npy") for n in names if n.endswith(".npy")}
    if any(pair <= arrays for pair in PAIRS) or ends(*PICTURES):
        return "Images"
    scan = name.endswith((".zip", ".inv3", ".dcm", ".ima", ".img", ".img.gz", *NIFTI))
    return "Volumes" if scan or path.is_dir() or SCANS & arrays else "Tables"


def _table(path: Path) -> Card:
    found = table.data_card(path)
    notes = (tuple(found.warnings), tuple(found.notes))
    return Card("Tables", found.name, table.facts(found), *notes, found.sha256, found.preview, found)


def _images(path: Path) -> Card:
    found = images.image_card(own_images.read_images(path))
    notes = (tuple(found["warnings"]), tuple(found["notes"]))
    return Card("Images", path.name, images.facts(found), *notes, cache.sha256(path), record=found)


def _music(path: Path) -> Card:
    read, notes = own_grooves.read_midi_files(path)
    found = grooves.groove_card(read)
    return Card("Music", path.name, grooves.facts(found), (*found.warnings, *notes), record=found)


def _volume(path: Path) -> Card:
    found = volumes.volume_card(path)
    return Card("Volumes", found.name, volumes.facts(found), found.warnings, found.notes, found.sha256, record=found)


def _graph(path: Path) -> Card:
    try:
        found = graphs.graph_card(own_graphs.read_graph(path))
    except own_graphs.Unnamed as error:  # the file is good, and a run is told which columns they are
        return Card("Graphs", path.name, warnings=(str(error),))
    return Card("Graphs", path.name, graphs.facts(found), tuple(found.warnings), tuple(found.notes), record=found)


def _scene(path: Path) -> Card:
    found = scenes.scene_card(path)
    return Card("Scenes", found.name, scenes.facts(found), found.warnings, found.notes, found.sha256, record=found)


@dataclass(frozen=True)
class Kind:
    """A modality: the suffixes of its files, how many bytes of one are taken by the page, and how one is described."""

    suffixes: tuple[str, ...]
    limit: int
    describe: Callable[[Path], Card]


KINDS = {
    "Tables": Kind(formats.SUFFIXES, MAX_BYTES, _table),
    "Images": Kind(own_images.SUFFIXES, MAX_BYTES, _images),
    "Music": Kind(own_grooves.SUFFIXES, MAX_BYTES, _music),
    "Volumes": Kind(volume.SUFFIXES, MAX_VOLUME, _volume),
    "Graphs": Kind(own_graphs.SUFFIXES, MAX_BYTES, _graph),
    "Scenes": Kind(own_scenes.SUFFIXES, MAX_VOLUME, _scene),
}
