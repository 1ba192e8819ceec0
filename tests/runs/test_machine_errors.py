"""A full disk, a held database: told in words, and nothing that was finished is lost."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.contract.errors import LabError
from workbench.engine.worker import error_record
from workbench.runs.machine_errors import delete_partial_files, user_error
from workbench.runs.store import Store


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_what_a_full_device_says_is_told_in_words():
    with pytest.raises(OSError) as caught, Path("/dev/full").open("w") as file:
        file.write("x")
        file.flush()
    told = error_record(caught.value)
    assert (
        told["cause"] == "The disk is full." and "WORKBENCH_HOME" in told["hint"] and "Traceback" in told["traceback"]
    )


def test_too_little_memory_is_told_in_words():
    import torch

    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**55)
    assert error_record(caught.value)["cause"] == "The memory ran out."
    assert user_error(MemoryError()).cause == "The memory ran out."


def test_other_mistakes_are_left_alone():
    assert user_error(ValueError("the disk is round")) is None
    assert user_error(FileNotFoundError(2, "No such file")) is None


def test_a_database_that_another_process_holds_is_told_in_words(tmp_path):
    uri = f"sqlite:///{tmp_path / 'runs.db'}?timeout=0.2"
    store = Store(uri, tmp_path)
    run = store.create("trial", {}, seed=0, preset="", device="cpu", scheduler="")
    with sqlite3.connect(tmp_path / "runs.db") as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LabError, match="held by another process"):
            store.update(run.id, status="running")
        with pytest.raises(LabError, match="held by another process"):
            store.run(run.id)
        other.rollback()
    assert store.run(run.id).status == "queued"
    with pytest.raises(LabError, match="There is no run"):
        store.run("nobody")


def test_what_is_half_written_makes_room(tmp_path):
    for name in ("tables/a.parquet", "tables/a.parquet.part", "checkpoint.safetensors", "checkpoint-new.part"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    delete_partial_files(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["a.parquet", "checkpoint.safetensors"]


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of 24 MB; only root may."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("rights: may not mount a small disk here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


STORY = """
import os, time
from pathlib import Path
from workbench.engine import Engine
from workbench.contract import LabError
from workbench.runs.store import open_store

home = Path(os.environ["WORKBENCH_HOME"])
engine = Engine(slots=1)
engine.wait(300)

def until(condition, what):
    for _ in range(2400):
        if condition():
            return
        time.sleep(0.1)
    raise SystemExit(f"{what} did not come")

def ended(run_id):
    until(lambda: engine.live(run_id).status not in ("queued", "running"), "the end")
    return engine.live(run_id)

def fill():
    with (home / "ballast").open("ab", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(4096))
        except OSError:
            pass

whole = engine.submit("trial", {"steps": 60}, seed=5)
assert ended(whole).status == "done"
pi = open_store().run(whole).metrics["pi"]

# a run whose checkpoints fill the disk
greedy = engine.submit("trial", {"steps": 20, "mood": "greedy"})
assert ended(greedy).status == "failed"
told = open_store().run(greedy)
assert told.status == "failed" and told.error["cause"] == "The disk is full.", told.error
assert not list(told.folder.glob("*.part")) and list(told.folder.glob("checkpoint*"))
for kept in told.folder.glob("checkpoint*"):
    kept.unlink()

# a disk that others fill while a run goes: it fails, and the store hears of it as soon as there is room
slow = engine.submit("trial", {"steps": 60, "pause": 0.1}, seed=5)
until(lambda: engine.live(slow).done > 10, "ten steps")
fill()
told = ended(slow)
assert told.status == "failed" and told.error["cause"] == "The disk is full.", told
try:
    engine.submit("trial", {})
    raise SystemExit("a run was taken on a full disk")
except LabError as error:
    assert error.cause == "The disk is full.", error
assert open_store().run(whole).metrics["pi"] == pi
(home / "ballast").unlink()
until(lambda: open_store().run(slow).status == "failed", "the word in the store")
assert open_store().run(slow).error["cause"] == "The disk is full."
engine.resume(slow)
assert ended(slow).status == "done" and open_store().run(slow).metrics["pi"] == pi
assert ended(engine.submit("trial", {})).status == "done"
engine.close()
print("told")
"""


def test_a_full_disk_is_told_and_loses_nothing(small_disk):
    env = os.environ | {"WORKBENCH_HOME": str(small_disk)}
    done = subprocess.run([sys.executable, "-c", STORY], env=env, capture_output=True, text=True, timeout=500)
    assert done.stdout.strip().endswith("told"), done.stdout + done.stderr
