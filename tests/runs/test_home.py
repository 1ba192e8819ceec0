"""WORKBENCH_HOME that cannot be used, or that several processes use: told in a sentence, and nothing is lost."""

import json
import os
import subprocess
import sys

import pytest

from workbench.contract.errors import LabError
from workbench.data.catalog.cache import home as home_folder
from workbench.runs.machine_errors import user_error

COMMAND = [sys.executable, "-m", "workbench.cli"]


def start(home, *words, **variables):
    env = os.environ | {"WORKBENCH_HOME": str(home)} | variables
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*COMMAND, *words], env=env, **pipes)


def told(home, *words, **variables):
    """Return what a command says that cannot do its work."""
    child = start(home, *words, **variables)
    _, text = child.communicate(timeout=180)
    assert child.returncode in (1, 2) and "Traceback" not in text, text
    return text


def use(home):
    """Do all that the terminal can, of what writes to the home; return what it says."""
    texts = [told(home, *words) for words in (["runs"], ["run", "trial", "--set", "steps=2"], ["star", "nobody"])]
    return [*texts, told(home, "serve", "--no-show", PANEL_BASIC_AUTH="one word")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_home_that_cannot_be_made_is_told(tmp_path, name):
    (tmp_path / "file").write_text("")
    for text in use(tmp_path / name):
        assert f"cannot use its folder {tmp_path / name}: " in text and "Set WORKBENCH_HOME" in text


@pytest.fixture
def read_only(tmp_path):
    """Return a function that mounts a folder read-only; only root may, whom no permissions hold back."""
    mounted = []

    def mount(folder):
        bind = ["mount", "--bind", str(folder), str(folder)]
        if sys.platform != "linux" or subprocess.run(bind, capture_output=True).returncode:
            pytest.skip("rights: may not mount a folder read-only here")
        mounted.append(folder)
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_a_home_that_cannot_be_written_is_told_and_its_runs_can_be_read(tmp_path, read_only):
    home = tmp_path / "home"
    child = start(home, "run", "trial", "--set", "steps=2", "--json")
    done = json.loads(child.communicate(timeout=180)[0])
    read_only(home)
    child = start(home, "runs", "--json")
    listed, text = child.communicate(timeout=180)
    assert [run["run_id"] for run in json.loads(listed)] == [done["run_id"]], text
    for words in (["run", "trial", "--set", "steps=2"], ["star", done["run_id"]]):
        assert f"cannot use its folder {home}: " in told(home, *words)
    empty = tmp_path / "empty"
    empty.mkdir()
    read_only(empty)
    for text in use(empty):
        assert f"cannot use its folder {empty}: " in text


@pytest.mark.slow
def test_processes_that_start_at_once_make_one_store(tmp_path):
    children = [start(tmp_path / "home", "runs", "--json") for _ in range(3)]
    for child in children:
        listed, text = child.communicate(timeout=180)
        assert child.returncode == 0 and json.loads(listed) == [], text


def test_what_may_not_be_touched_elsewhere_is_another_matter(home, tmp_path):
    assert "cannot use its folder" in user_error(PermissionError(13, "Permission denied", str(home / "x"))).cause
    assert user_error(PermissionError(13, "Permission denied", str(tmp_path / "x"))) is None


def test_a_home_of_nobody_is_told(monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", "~nobody-of-that-name/x")
    with pytest.raises(LabError, match="~nobody-of-that-name"):
        home_folder()
