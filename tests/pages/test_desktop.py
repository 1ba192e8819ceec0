"""Open a run in a desktop window: greyed with the reason where no window can be, and in words when it fails."""

from __future__ import annotations

import asyncio
import importlib.util
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from workbench.pages.lab import desktop
from workbench.pages.lab.desktop import DesktopButtons, obstacle


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())


def test_a_viewer_without_screen_package_or_neighborhood_says_so(installed, monkeypatch):
    monkeypatch.setattr(desktop.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert "has no screen (no DISPLAY is set)" in obstacle("napari", "localhost")
    monkeypatch.setenv("DISPLAY", ":0")
    assert obstacle("napari", "localhost") == obstacle("open3d", "127.0.0.1") == ""
    assert "would open on lab.example.org" in obstacle("napari", "lab.example.org")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "Open3D is not installed: `make desktop`" in obstacle("open3d", "localhost")


def look(run, monkeypatch, viewers) -> DesktopButtons:
    monkeypatch.setattr(desktop, "get_lab", lambda name: SimpleNamespace(viewers=viewers))
    found = DesktopButtons()
    found._run = run
    in_a_loop(found._look())
    return found


def in_a_loop(work) -> None:
    with ThreadPoolExecutor(1) as other:  # Playwright, once used, has an event loop of its own in this thread
        other.submit(asyncio.run, work).result()


def test_there_is_a_button_for_each_viewer_and_none_without(installed, monkeypatch):
    monkeypatch.setattr(desktop, "obstacle", lambda viewer, host: "no <screen>" if viewer == "napari" else "")
    run = SimpleNamespace(id="r1", lab="rs")
    found = look(run, monkeypatch, lambda run: {"napari": None, "open3d": None})
    assert [(b.label, b.disabled) for b in found._buttons.objects] == [
        ("Open in napari", True),
        ("Open in Open3D", False),
    ]
    assert found.layout.visible and "no &lt;screen&gt;" in found._why.object
    assert not look(run, monkeypatch, lambda run: {}).layout.visible

    def broken(run):
        raise OSError("its data is gone")

    assert not look(run, monkeypatch, broken).layout.visible


@pytest.mark.parametrize(("code", "said"), [("raise SystemExit(0)", ""), ("import time; time.sleep(9)", "")])
def test_a_window_that_opens_leaves_no_word(code, said, monkeypatch):
    found = DesktopButtons()
    found._run = SimpleNamespace(id="r1", lab="rs")
    monkeypatch.setattr(desktop, "PATIENCE", 0.5)
    start = desktop.subprocess.Popen
    started = []

    def other(command, **more):
        assert command[3:] == ["view", "r1", "--in", "napari"]
        started.append(start([command[0], "-c", code], **more))
        return started[-1]

    monkeypatch.setattr(desktop.subprocess, "Popen", other)
    in_a_loop(found.open("napari"))
    assert found._word.object == said
    started[0].kill()


def test_a_window_that_cannot_open_says_why(monkeypatch):
    found = DesktopButtons()
    found._run = SimpleNamespace(id="no-such-run", lab="rs")
    monkeypatch.setattr(desktop, "PATIENCE", 60)
    in_a_loop(found.open("napari"))  # the real command
    assert 'role="alert"' in found._word.object and "no-such-run" in found._word.object
