"""Export of a run: a report, a notebook, a zip or a folder for another workbench."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from workbench.contract.errors import LabError
from workbench.contract.lab import get_lab
from workbench.contract.result import PART
from workbench.runs.record import Run
from workbench.runs.reproduce import command_line, notebook
from workbench.transfer.bundle import FORMAT, MANIFEST, MAX_RATIO, MEGABYTE, OWN

Piece = tuple[str, bytes | Path]  # a name in the zip, and what stands there
PACKED = (".parquet", ".npy", ".safetensors", ".png")  # gain little by being packed again


def export(run: Run, target: Path | str, *, figures: bool = True, force: bool = False) -> Path:
    """Write a run to a file or a folder, atomically.

    Parameters
    ----------
    target
        ``*.html``: the report; ``*.ipynb``: the notebook; ``*.zip``: all of the run, which another workbench imports;
        anything else: a folder with the same files.
    figures
        With a zip or a folder: draw every figure as PNG and SVG too, which takes a Chromium and some seconds.
    force
        Write over what is there.

    Raises
    ------
    LabError
        If the run has not ended, or the target exists or cannot be written.
    """
    target = Path(target).expanduser()
    if not run.finished:
        raise LabError(f"{run.name} has not ended yet.", "Export it when it is done.")
    if (target.exists() and not force) or (force and target.is_dir() and target.suffix in (".zip", ".html", ".ipynb")):
        raise LabError(f"{target} exists already.", "Choose another name, or add --force to write over a file.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as place:
            made = Path(place) / target.name
            if target.suffix == ".html":
                made.write_text(report(run), encoding="utf-8")
            elif target.suffix == ".ipynb":
                made.write_text(notebook(run), encoding="utf-8")
            elif target.suffix == ".zip":
                with made.open("wb") as file:
                    write_zip(file, pieces(run, figures))
            else:
                write_folder(made, pieces(run, figures))
                if target.is_dir():  # --force: what else is there stays
                    write_folder(target, ((str(p.relative_to(made)), p) for p in made.rglob("*") if p.is_file()))
                    return target
            made.replace(target)
    except OSError as error:
        raise LabError(f"{target} cannot be written: {error.strerror or error}.", "Choose another place.") from None
    return target


def report(run: Run) -> str:
    """Return the run as one HTML page that needs nothing else."""
    return importlib.import_module("workbench.transfer.report").report_html(run)  # draws, so it is loaded only here


def pieces(run: Run, figures: bool = True) -> Iterator[Piece]:
    """Yield every file of an exported run; the manifest comes last."""
    sums: dict[str, str] = {}
    for name, piece in _pieces(run, figures):
        sums[name] = _digest(piece)
        yield name, piece
    yield MANIFEST, _json({**FORMAT, "lab": run.lab, "run": run.id, "files": sums})


def _pieces(run: Run, figures: bool) -> Iterator[Piece]:
    yield "README.txt", readme(run).encode()
    yield "run.json", _json(run.to_json())
    for path in sorted(run.folder.rglob("*")):
        name = path.relative_to(run.folder).as_posix()
        if path.is_file() and name != "run.json" and OWN.fullmatch(name) and not name.endswith(PART):
            yield name, path
    if not (run.folder / "result.json").exists():  # it failed before it had any
        yield "result.json", _json({"metrics": {}, "samples": {}, "curves": {}, "notes": [], "partial": True})
    yield from table_pieces(run, "csv")
    yield "reproduce.ipynb", notebook(run).encode()
    html = report(run)
    yield "report.html", html.encode()
    if figures:
        yield from figure_pieces(html)


def table_pieces(run: Run, kind: str) -> Iterator[Piece]:
    """Yield the tables as ``csv/NAME.csv`` or ``tables/NAME.parquet``."""
    for name, table in run.result.tables.items():
        if kind == "csv":
            yield f"csv/{name}.csv", table.to_csv(index=False).encode()
        else:
            yield f"tables/{name}.parquet", run.folder / "tables" / f"{name}.parquet"


def figure_pieces(html: str) -> Iterator[Piece]:
    """Yield every figure of a report as ``figures/NAME.png`` and ``.svg``; without a Chromium, a word on that."""
    drawing = importlib.import_module("workbench.transfer.figures")
    try:
        for name, blob in drawing.draw(html).items():
            yield f"figures/{name}", blob
    except LabError as error:
        yield "figures/README.txt", f"{error}\n".encode()


def write_zip(file: io.BufferedIOBase, found: Iterator[Piece]) -> None:
    """Write pieces as a zip that `workbench.transfer.bundle` accepts, whatever is in them."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as box:
        for name, piece in found:
            if Path(name).suffix in PACKED:
                if isinstance(piece, Path):
                    box.write(piece, name, zipfile.ZIP_STORED)
                else:
                    box.writestr(name, piece, zipfile.ZIP_STORED)
                continue
            blob = piece.read_bytes() if isinstance(piece, Path) else piece
            box.writestr(name, blob, zipfile.ZIP_STORED if _like_a_bomb(blob) else zipfile.ZIP_DEFLATED)


def _like_a_bomb(blob: bytes) -> bool:
    """Return True if honest bytes would look like a bomb: a long file that says one thing again and again."""
    return len(blob) > MEGABYTE and len(blob) > MAX_RATIO // 2 * len(zlib.compress(blob, 1))


def write_folder(folder: Path, found: Iterator[Piece]) -> None:
    """Write pieces as files."""
    for name, piece in found:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(piece.read_bytes() if isinstance(piece, Path) else piece)


def zip_of(found: Iterator[Piece]) -> bytes:
    """Return pieces as the bytes of a zip: what the page sends."""
    file = io.BytesIO()
    write_zip(file, found)
    return file.getvalue()


def readme(run: Run) -> str:
    """Return what stands first in the zip."""
    return f"""{get_lab(run.lab).title}: {run.name} ({run.status})

Take it in:    workbench import THIS.zip
Run it again:  {command_line(run)}
               or open reproduce.ipynb
Read it:       report.html opens in any browser, without a network

run.json, result.json, provenance.json, log.txt   what was asked, what came out, what it was made with
tables/ (Parquet), csv/                           the tables, twice
arrays/, media/, models/ (safetensors)            the rest of the result, where the lab has any
figures/ (PNG, SVG)                               every figure of the report
manifest.json                                     the SHA-256 of each file
"""


def _json(value: dict) -> bytes:
    return json.dumps(value, indent=1).encode()


def _digest(piece: bytes | Path) -> str:
    if isinstance(piece, bytes):
        return hashlib.sha256(piece).hexdigest()
    with piece.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
