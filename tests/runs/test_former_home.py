"""A home that the version before the move to rooms wrote (commit f552764) opens as it did there.

It holds one upload, a run of the lab `rs` on it with a star, a name, a tag and a note, and a sweep of two runs.
"""

import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

BEFORE = Path(__file__).with_name("cases") / "home_before_rooms.zip"
ITS_PLACE = "/work/logs/oldhome"  # where it was written: the database holds whole paths

STORY = """
import workbench
from workbench.data.tables.table import read_table
from workbench.runs.store import open_store

run = next(run for run in open_store().runs() if run.name == "my table")
print(run.status, run.seed, run.star, run.tags, run.note)
shown = workbench.open_run(run.id)
print(round(shown.metrics["rs"], 3), len(shown.views()) > 1, len(shown.result.tables["set"]) > 0)
print(read_table(shown.params["file"]).X.shape)
sweep = workbench.open_sweep("d745f2d3706d407b8cf0e5afa937b14e")
print(sweep.status, [run.name for run in sweep.runs])
"""


@pytest.fixture
def former_home(tmp_path) -> Path:
    home = tmp_path / "home"
    with zipfile.ZipFile(BEFORE) as packed:
        packed.extractall(home)
    with sqlite3.connect(home / "runs.db") as database:
        for table, column in (("runs", "artifact_uri"), ("experiments", "artifact_location"), ("params", "value")):
            database.execute(f"UPDATE {table} SET {column} = REPLACE({column}, ?, ?)", (ITS_PLACE, str(home)))
        database.execute("UPDATE tags SET value = REPLACE(value, ?, ?)", (ITS_PLACE, str(home)))
    return home


def test_runs_sweeps_and_uploads_of_the_version_before_open(former_home, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(former_home))
    done = subprocess.run([sys.executable, "-c", STORY], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines() == [
        "done 1 True ('kept',) a note",
        "0.501 True True",
        "(24, 2)",
        "done ['rs eps = 0.1, seed 0', 'rs eps = 0.5, seed 0']",
    ]
