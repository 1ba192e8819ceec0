"""``workbench data``: list the catalog, fetch an entry, and show the card of your own file."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from workbench.cli.options import Json, out, print_json, print_table

MIDI = (".mid", ".midi", ".kar")  # as in workbench.data.music.midi, whose import would delay every command
SCANS = (".nii", ".nii.gz", ".inv3")
ARRAYS = {"image.npy", "volume.npy", "voxels.npy", "affine.npy", "spacing.npy"}  # one of these makes an NPZ a scan
CLOUDS = (".bin", ".pcd", ".ply")
DRIVES = {"sample_data.json", "sample_info.json", "calibration.json", "velodyne", "points.npy"}  # one makes it a scene
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
PAIRS = ({"images.npy", "labels.npy"}, {"x_train.npy", "y_train.npy"}, {"train_images.npy", "train_labels.npy"})
data = typer.Typer(help="List the data catalog, fetch an entry, look at your own file.")
app = typer.Typer()
app.add_typer(data, name="data")


@data.callback(invoke_without_command=True)
def data_start(ctx: typer.Context) -> None:
    """List the data catalog, fetch an entry, look at your own file."""
    if ctx.invoked_subcommand is None:
        data_list()


@data.command("list")
def data_list(as_json: Json = False) -> None:
    """List the catalog: what there is, its licence, its size, and whether it is here."""
    from workbench.data.catalog.catalog import listing

    rows = listing()
    if as_json:
        return print_json(rows)
    columns = ("name", "modality", "licence", "size", "state", "source")
    return print_table(columns, [[str(row[key]) for key in columns] for row in rows])


@data.command("fetch")
def data_fetch(names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Catalog entries.")]) -> None:
    """Fetch catalog entries, from the mirror, a package or the web, and check them."""
    from rich.progress import Progress

    from workbench.data.catalog.catalog import fetch, get_entry

    with Progress(console=Console(stderr=True)) as bar:
        for name in names:
            entry = get_entry(name)
            if entry.noncommercial:
                size = f"{entry.size / 1e6:,.0f} MB"
                out.print(f"{name}, {size}: {entry.licence}. For non-commercial use only.", soft_wrap=True)
            task = bar.add_task(name, total=None)

            def heard(done: int, total: int, stage: str, task: Any = task, name: str = name) -> None:
                bar.update(task, completed=done, total=total or None, description=f"{name}: {stage}")

            path = fetch(name, progress=heard)
            bar.update(task, completed=1, total=1, description=name)
            out.print(f"{name}: {path} (sha256 {entry.sha256[:12]})", soft_wrap=True)


@data.command("card")
def data_card(file: Path) -> None:
    """Show the data card of your own table, images, graph, scan, scene, MIDI file or folder: what a lab would see."""
    file = file.expanduser().resolve()
    rows, preview = _card_of(file)(file)
    print_table(("", ""), rows)
    if preview is not None:
        out.print(preview.to_string(index=False), markup=False, highlight=False)


def _card_of(file: Path) -> Callable[[Path], tuple[list[tuple[str, str]], Any]]:
    """Choose the card by the suffix, and by what is inside of a folder, zip or NPZ."""
    inside: list[str] = []
    if file.is_dir():
        inside = [path.name for path in file.rglob("*")]
    elif zipfile.is_zipfile(file):
        inside = zipfile.ZipFile(file).namelist()
    name = file.name.lower()
    if any(Path(n).name.lower().startswith(("nodes.", "edgelist.")) for n in inside):
        return _graph_card
    if name.endswith(MIDI) or any(n.lower().endswith(MIDI) for n in inside):
        return _midi_card
    if name.endswith(CLOUDS) or any(DRIVES & set(Path(n).parts) or n.lower().endswith(CLOUDS) for n in inside):
        return _scene_card
    arrays = any(pair <= {n.lower() for n in inside} for pair in PAIRS)
    if arrays or any(n.lower().endswith(PICTURES) for n in inside):
        return _image_card
    scan = name.endswith(SCANS) or file.is_dir() or name.endswith(".zip") or ARRAYS & set(inside)
    return _scan_card if scan else _table_card


def _scan_card(file: Path) -> tuple[list[tuple[str, str]], None]:
    from workbench.data.volumes.card import volume_card

    card = volume_card(file)
    rows = [
        ("file", card.name),
        ("voxels", " x ".join(map(str, card.shape))),
        ("spacing", " x ".join(f"{s:.3g}" for s in card.spacing) + " mm"),
        ("axes", f"{card.axes} in the file, oblique by {card.oblique:.0f} degrees"),
        ("values", f"{card.low:g} to {card.high:g}"),
        ("modality", (card.modality or "unknown") + (" (a guess)" if card.guessed else "")),
        ("organs", ", ".join(f"{name} {size:,.0f} mL" for name, size in card.organs.items()) or "no mask"),
        ("SHA-256", card.sha256[:12]),
        *(("mind", text) for text in card.warnings),
        *(("note", text) for text in card.notes),
    ]
    return rows, None


def _scene_card(file: Path) -> tuple[list[tuple[str, str]], None]:
    from workbench.data.scenes.card import scene_card

    card = scene_card(file)
    rows = [
        ("file", card.name),
        ("points", f"{card.points:,}" + (f" of {card.beams} beams" if card.beams else "")),
        ("reach", f"{card.reach:.0f} m"),
        *((name, f"{width} x {height} pixels, {seen:,} points in view") for name, width, height, seen in card.cameras),
        ("boxes", ", ".join(f"{name} {count:,}" for name, count in card.boxes.items()) or "no annotation"),
        ("frames", f"{card.frames:,}"),
        ("SHA-256", card.sha256[:12]),
        *(("mind", text) for text in card.warnings),
        *(("note", text) for text in card.notes),
    ]
    return rows, None


def _table_card(file: Path) -> tuple[list[tuple[str, str]], Any]:
    from workbench.data.tables.table import data_card as card

    found = card(file)
    rows = [
        ("file", found.name),
        ("rows", f"{found.rows:,}"),
        ("features", f"{found.features:,} ({found.dtype})"),
        (f"{len(found.classes)} classes", ", ".join(f"{name} {count:,}" for name, count in found.classes.items())),
        ("missing cells", f"{found.missing:,}"),
        ("SHA-256", found.sha256[:12]),
        *(("mind", text) for text in found.warnings),
        *(("note", text) for text in found.notes),
    ]
    return rows, found.preview


def _graph_card(file: Path) -> tuple[list[tuple[str, str]], None]:
    from workbench.data.graphs.card import facts, graph_card
    from workbench.data.graphs.own import Unnamed, read_graph

    try:
        card = graph_card(read_graph(file))
    except Unnamed as error:  # the file is good; a run is told which columns they are
        return [("graph", file.name), ("mind", str(error))], None
    rows = [("graph", card.name), *facts(card).items()]
    return [*rows, *(("mind", text) for text in card.warnings), *(("note", text) for text in card.notes)], None


def _image_card(file: Path) -> tuple[list[tuple[str, str]], None]:
    from workbench.data.images.card import facts, image_card
    from workbench.data.images.own import read_images

    card = image_card(read_images(file))
    rows = [("images", card["name"]), *facts(card).items()]
    return [*rows, *(("mind", text) for text in card["warnings"]), *(("note", text) for text in card["notes"])], None


def _midi_card(file: Path) -> tuple[list[tuple[str, str]], None]:
    from workbench.data.music.named import groove_card
    from workbench.data.music.own import read_midi_files

    grooves, notes = read_midi_files(file)
    card = dataclasses.asdict(groove_card(grooves)) | {"notes": list(notes)}
    return [(key.replace("_", " "), _plain(value)) for key, value in card.items()], None


def _plain(value: Any) -> str:
    """Return a value of a card without Python's brackets."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {count}" for key, count in value.items())
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
