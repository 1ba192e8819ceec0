"""Import of a run from a zip: everything is checked before it is kept, and nothing is executed."""

from __future__ import annotations

import math
import shutil
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from safetensors import safe_open

from workbench.contract.errors import LabError
from workbench.contract.lab import get_lab
from workbench.contract.result import Result
from workbench.data import npz
from workbench.engine.owner import this_process
from workbench.runs.manage import delete_files
from workbench.runs.record import ACTIVE, STATUSES, Run
from workbench.runs.store import Store, open_store
from workbench.transfer.bundle import MAX_BYTES, damaged, open_bundle, strict_json, unpack

BATCH = 1024  # rows read at once
MAX_TEXT = 250  # characters of a name, as MLflow takes them
MAX_METRICS = 2_000  # ten times as many as any lab of ours has
HUGE = 1e300  # beyond any number of a result
TEXT, NUMBER = (str,), (int, float)
FIELDS: dict[str, tuple[type, ...]] = {  # of run.json; others are left out
    "id": TEXT,
    "lab": TEXT,
    "name": TEXT,
    "status": TEXT,
    "params": (dict,),
    "preset": TEXT,
    "seed": (int,),
    "device": TEXT,
    "created": TEXT,
    "seconds": (*NUMBER, type(None)),
    "metrics": (dict,),
    "error": (dict, type(None)),
    "peak_memory": (int,),
}


def import_run(file: Path | str, *, user: str = "", store: Store | None = None) -> Run:
    """Keep the run of a zip made by ``workbench export`` as a new run of this workbench.

    It gets an id of its own and keeps its status, its date and its files; nothing that is here is overwritten.

    Parameters
    ----------
    file
        The zip.
    user
        Who takes it in; the zip's own word on that counts for nothing here.

    Raises
    ------
    LabError
        If it is not such a zip, is damaged or hostile, or is of a lab that is not here. Nothing of it is kept then.
    """
    file, store = Path(file), store or open_store()
    with tempfile.TemporaryDirectory(dir=store.root, prefix=".import-") as place:
        folder = Path(place) / "run"
        folder.mkdir()
        with open_bundle(file) as box:
            unpack(box, folder)
        plain = checked_record(folder)
        result = checked_result(folder)
        return _keep(store, plain, result, folder, f"Imported from {file.name}, where it was run {plain['id']}.", user)


def checked_record(folder: Path) -> dict[str, Any]:
    """Return what ``run.json`` says, once every field is of its type and the lab knows the parameters."""
    plain = strict_json("run.json", (folder / "run.json").read_bytes())
    for name, kinds in FIELDS.items():
        if name not in plain or not isinstance(plain[name], kinds) or isinstance(plain[name], bool):
            raise damaged("run.json", f"{name} is missing or of another type")
        if kinds == TEXT and (len(plain[name]) > MAX_TEXT or not plain[name].isprintable()):
            raise damaged("run.json", f"{name} is no short text")
    if plain["status"] not in STATUSES or plain["status"] in ACTIVE:
        raise damaged("run.json", f"a run that has ended is not {plain['status']!r}")
    for name, most in {"seed": 2**63, "seconds": 1e10, "peak_memory": 2**63}.items():
        if not 0 <= (plain[name] or 0) < most:
            raise damaged("run.json", f"{name} is out of bounds")
    if plain["error"] is not None:
        plain["error"] = {key: plain["error"].get(key, "") for key in ("cause", "hint", "traceback")}
        if not all(isinstance(text, str) for text in plain["error"].values()):
            raise damaged("run.json", "its error is no text")
    try:
        plain["created"] = datetime.fromisoformat(plain["created"]).astimezone(UTC)
        if not 2000 <= plain["created"].year < 2200:
            raise ValueError
    except (ValueError, OverflowError):
        raise damaged("run.json", "its date is none") from None
    lab = get_lab(plain["lab"])
    try:
        lab.Params.make(**plain["params"])
    except LabError as error:
        raise LabError(
            f"The run does not fit the lab {lab.name!r} here. {error.cause}",
            "It was made with another version of the lab; its files can be read from the zip.",
        ) from None
    return plain


def checked_result(folder: Path) -> Result:
    """Return the result, once every piece of it has been read and found to be what its name says."""
    _check_head(strict_json("result.json", (folder / "result.json").read_bytes()))
    for name in ("provenance.json", "error.json"):
        if (folder / name).exists():
            strict_json(name, (folder / name).read_bytes())
    for kind, check in {"parquet": _check_table, "npy": _check_array, "safetensors": _check_tensors}.items():
        for path in sorted(folder.rglob(f"*.{kind}")):
            try:
                check(path)
            except LabError:
                raise
            except Exception as error:  # of any kind: the readers are not ours
                raise damaged(path.name, error) from None
    for path in sorted((folder / "media").glob("*")):
        if path.suffix == ".npz":
            _check_arrays(path)
        elif zipfile.is_zipfile(path):
            raise LabError(f"{path.name} is a zip within the zip, which no run holds.", "Leave it out.")
    return Result.load(folder)


def _check_head(head: dict[str, Any]) -> None:
    """Check that ``result.json`` holds numbers where numbers are due."""

    def number(value: Any) -> bool:
        return value is None or (isinstance(value, NUMBER) and not isinstance(value, bool) and abs(value) < HUGE)

    def numbers(value: Any) -> bool:
        return isinstance(value, list) and all(map(number, value))

    def curve(value: Any) -> bool:
        if not isinstance(value, list) or len(value) != 2 or not all(map(numbers, value)):
            return False
        return len(value[0]) == len(value[1]) and all(step is not None and abs(step) < 2**53 for step in value[0])

    if len(head.get("metrics", ())) > MAX_METRICS:
        raise damaged("result.json", f"it has {len(head['metrics']):,} metrics; {MAX_METRICS:,} is the limit")
    rules = {"metrics": number, "samples": numbers, "curves": curve}
    for name, rule in rules.items():
        values = head.get(name)
        if not isinstance(values, dict) or not all(map(rule, values.values())):
            raise damaged("result.json", f"{name} holds what is no number")
    notes = head.get("notes")
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        raise damaged("result.json", "the notes are no text")
    if not isinstance(head.get("partial"), bool):
        raise damaged("result.json", "it does not say whether the run is whole")


def _check_table(path: Path) -> None:
    """Read a table in small pieces: a few packed bytes may stand for more rows than fit any memory."""
    taken = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH):
            taken += batch.nbytes
            if taken > MAX_BYTES:
                raise damaged(path.name, f"it would take more than {MAX_BYTES / 1e9:.1f} GB unpacked")
    pd.read_parquet(path)  # as the views will


def _check_array(path: Path) -> None:
    if np.load(path, mmap_mode="r", allow_pickle=False).dtype.hasobject:
        raise damaged(path.name, "it holds Python objects, which are never unpickled")


def _check_arrays(path: Path) -> None:
    heads = npz.read_heads(path).values()
    if any(head.dtype.hasobject for head in heads):
        raise damaged(path.name, "it holds Python objects, which are never unpickled")
    if sum(head.bytes for head in heads) > MAX_BYTES:
        raise damaged(path.name, f"it would take more than {MAX_BYTES / 1e9:.1f} GB unpacked")


def _check_tensors(path: Path) -> None:
    with safe_open(path, framework="np") as file:
        file.keys()  # the header was read and compared with the file's length


def _keep(store: Store, plain: dict[str, Any], result: Result, folder: Path, note: str, user: str) -> Run:
    """Make the run in the store; when that fails half way, nothing of it stays."""
    given = {key: plain[key] for key in ("seed", "preset", "device", "name", "created")}
    status = "done" if plain["status"] == "recorded" else plain["status"]
    run = None
    try:
        # Ours while it is made: when we are killed half way, any workbench marks the run as lost
        run = store.create(plain["lab"], plain["params"], scheduler=this_process(), user=user, **given)
        for path in folder.iterdir():
            shutil.move(path, run.folder / path.name)
        last = 1 + max((int(s) for steps, _ in result.curves.values() for s in steps), default=-1)
        points = [(k, v, int(s)) for k, (steps, vs) in result.curves.items() for s, v in zip(steps, vs, strict=True)]
        points += [(key, value, last) for key, value in result.metrics.items()]
        store.update(
            run.id,
            metrics=[point for point in points if math.isfinite(point[1])],
            seconds=plain["seconds"] or 0.0,
            peak_memory=plain["peak_memory"],
        )
        store.client.set_tag(run.id, "mlflow.note.content", note)  # the note that MLflow's own page shows too
        store.close(run.id, status, plain["error"])
        return store.run(run.id)
    except BaseException as error:
        if run is not None:
            store.client.delete_run(run.id)
            delete_files(store, run)
        if isinstance(error, LabError) or not isinstance(error, Exception):
            raise
        raise LabError(f"The run could not be kept: {error}", "workbench doctor looks at the store.") from error
