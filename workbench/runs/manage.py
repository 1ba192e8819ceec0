"""Star, rename, annotate, tag, group, trash and delete runs.

All of it lies in the store, so that it survives a restart and every page and terminal sees it; the note is MLflow's
own, which ``mlflow ui`` shows.
"""

from __future__ import annotations

import json
import re
import shutil
from typing import Any

from workbench.contract.errors import LabError
from workbench.contract.result import atomic_write
from workbench.runs.record import Run
from workbench.runs.store import Store

LONGEST_NAME, LONGEST_NOTE, MOST_TAGS = 120, 5000, 12
TAG = re.compile(r"[\w.\-]{1,32}")


def star(store: Store, run_id: str, on: bool = True) -> Run:
    """Mark a run as worth finding again, or take the mark away."""
    return _write(store, run_id, {"workbench.star": "1" if on else "0"})


def rename(store: Store, run_id: str, name: str) -> Run:
    """Give a run another name.

    Raises
    ------
    LabError
        If the name is empty or too long.
    """
    name = _line(name, LONGEST_NAME, "name")
    if not name:
        raise LabError("A run needs a name.", "Write at least one letter.")
    _kept(store, run_id)
    store.client.update_run(run_id, name=name)
    return _write(store, run_id, {})


def write_note(store: Store, run_id: str, note: str) -> Run:
    """Write free text beside a run; it takes the place of what was written before.

    Raises
    ------
    LabError
        If the text is too long.
    """
    note = note.strip()
    if len(note) > LONGEST_NOTE:
        raise LabError(f"The note has {len(note)} characters.", f"{LONGEST_NOTE} are kept.")
    return _write(store, run_id, {"mlflow.note.content": note})


def set_tags(store: Store, run_id: str, tags: list[str]) -> Run:
    """Give a run short words to find it by; those that it had and are not among them are taken away.

    Raises
    ------
    LabError
        If one is no word of letters, digits, ``.``, ``-`` or ``_``, or there are too many.
    """
    tags = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    for tag in tags:
        if not TAG.fullmatch(tag):
            raise LabError(f"{tag!r} is no tag.", "A tag is one word of up to 32 letters, digits, dots, - or _.")
    if len(tags) > MOST_TAGS:
        raise LabError(f"{len(tags)} tags are too many.", f"{MOST_TAGS} fit a run.")
    for gone in set(_kept(store, run_id).tags) - set(tags):
        store.client.delete_tag(run_id, f"workbench.tag.{gone}")
    return _write(store, run_id, {f"workbench.tag.{tag}": "1" for tag in tags})


def add_tags(store: Store, run_id: str, tags: list[str]) -> Run:
    """Give a run further tags."""
    return set_tags(store, run_id, [*_kept(store, run_id).tags, *tags])


def put_in_group(store: Store, run_id: str, group: str) -> Run:
    """Put a run into a named group, or into none with an empty name.

    Raises
    ------
    LabError
        If the name is too long.
    """
    return _write(store, run_id, {"workbench.group": _line(group, LONGEST_NAME, "group's name")})


def trash(store: Store, run_id: str) -> Run:
    """Move a run to the trash, from where `restore` brings it back.

    Raises
    ------
    LabError
        If it is queued or running.
    """
    run = _kept(store, run_id)
    if not run.finished:
        raise LabError(f"“{run.name}” is {run.status}.", "Stop it first; then it can be moved to the trash.")
    store.client.delete_run(run_id)  # MLflow's word for its trash
    return store.run(run_id)


def restore(store: Store, run_id: str) -> Run:
    """Bring a run back from the trash."""
    if _own(store, run_id).trashed:
        store.client.restore_run(run_id)
    return store.run(run_id)


def delete(store: Store, run_id: str) -> None:
    """Remove a run in the trash for good: its record, its result, its models and its log.

    Raises
    ------
    LabError
        If it is not in the trash, or the store is a tracking server, which lets nobody delete from afar.
    """
    run = _own(store, run_id)
    if not run.trashed:
        raise LabError(f"“{run.name}” is not in the trash.", "Move it there first: workbench trash RUN")
    # what `mlflow gc` calls; a tracking server has it only on its own machine
    erase = getattr(store.client._tracking_client.store, "_hard_delete_run", None)
    if erase is None:
        raise LabError(
            "A tracking server deletes nothing for good when asked from afar.",
            f"On the server's machine: mlflow gc --run-ids {run_id}",
        )
    erase(run_id)
    delete_files(store, run)


def delete_files(store: Store, run: Run) -> None:
    """Remove the folder that holds this run and nothing else; one outside of the store is left alone."""
    folder = run.folder.parent if run.folder.name == "artifacts" else run.folder
    if folder.name == run.id and folder.is_relative_to(store.root):
        shutil.rmtree(folder, ignore_errors=True)


def _own(store: Store, run_id: str) -> Run:
    run = store.run(run_id)
    if run.status == "recorded":
        raise LabError("The recorded run belongs to its lab.", "Press Run for one of your own, and keep that.")
    return run


def _kept(store: Store, run_id: str) -> Run:
    run = _own(store, run_id)
    if run.trashed:
        raise LabError(f"“{run.name}” lies in the trash.", "Restore it first: workbench restore RUN")
    return run


def _write(store: Store, run_id: str, tags: dict[str, str]) -> Run:
    """Write MLflow tags in one batch, and the record in the run's folder anew."""
    from mlflow.entities import RunTag

    _kept(store, run_id)
    store.client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])
    run = store.run(run_id)
    record = run.folder / "run.json"
    if record.exists():
        with atomic_write(record) as new:
            new.write_text(json.dumps(run.to_json(), indent=1))
        if not store.is_local(run_id):
            store.client.log_artifact(run_id, str(record))
    return run


def _line(text: Any, longest: int, what: str) -> str:
    """Return text as one line without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    if len(line) > longest:
        raise LabError(f"The {what} has {len(line)} characters.", f"{longest} fit.")
    return line
