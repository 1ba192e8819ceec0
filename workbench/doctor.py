"""Check of the machine: what it has, what it lacks, and the command that installs it (``workbench doctor``)."""

from __future__ import annotations

import ctypes.util
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from workbench.contract.errors import LabError
from workbench.runs.store import home

ROOT = Path(__file__).resolve().parent.parent  # the checkout, when there is one
CHROMIUM = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
DESKTOP = {"napari": "volumes in a window of their own", "open3d": "scenes in a window of their own"}
TORCH_PROBE = """
import json, torch
gpus = [[torch.cuda.get_device_name(i), *torch.cuda.mem_get_info(i)] for i in range(torch.cuda.device_count())]
mps = torch.backends.mps.is_available()
print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads(), "gpus": gpus, "mps": mps}))
"""
GB = 1e9


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes
    ----------
    name
        What was looked at.
    ok
        True: as it should be. False: missing, and the workbench does not work without it. None: missing or
        unusual, and the workbench works without it.
    found
        What was found, as text.
    mend
        The command or the step that mends it; empty when there is nothing to mend.
    """

    name: str
    ok: bool | None
    found: str
    mend: str = ""


def examine() -> list[Check]:
    """Look at everything, several things at once; takes a few seconds and changes nothing but making our own folder.

    torch, napari and Open3D are imported in processes of their own.

    Returns
    -------
    list of Check
        In the order in which they are told. The workbench works when no ``ok`` is False.
    """
    looks: dict[str, Callable[[], Check]] = {
        "Python": python,
        "Packages": packages,
        "torch": torch,
        "Processor": processor,
        "Memory": memory,
        "Store": store,
        "Disk": disk,
        "Data": data,
        "Port 5006": port,
        "Scheduler": scheduler,
        "OpenGL": opengl,
        "Vulkan": vulkan,
        "Display": display,
        **{name: lambda name=name: viewer(name) for name in DESKTOP},
        "Browser": chromium,
    }
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(_look, looks, looks.values()))


def healthy(checks: list[Check]) -> bool:
    """Return True if nothing that the workbench needs is missing: the exit code of ``workbench doctor``."""
    return all(check.ok is not False for check in checks)


def _look(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except Exception as error:  # a doctor that faints helps nobody
        return Check(name, None, f"Could not be looked at: {type(error).__name__}: {error}")


# Python ---------------------------------------------------------------------------------------------------------


def python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.prefix}"
    return Check("Python", sys.version_info >= (3, 11), found, "" if sys.version_info >= (3, 11) else _make("install"))


def packages() -> Check:
    """Every package that pyproject.toml asks for is here, and in the version that was tested."""
    here = {_normal(d.metadata["Name"]): d.version.split("+")[0] for d in importlib.metadata.distributions()}
    needs = importlib.metadata.requires("workbench") or []
    needed = [_normal(re.match(r"[\w.-]+", need)[0]) for need in needs if "extra ==" not in need]
    missing = sorted(set(needed) - set(here))
    if missing:
        return Check("Packages", False, f"missing: {', '.join(missing)}", _make("install"))
    pins = _pins()
    other = [f"{n} {here[n]} (tested: {v})" for n, v in sorted(pins.items()) if n in here and here[n] != v]
    if other:
        return Check("Packages", None, f"{len(other)} not in the version tested: {', '.join(other)}", _make("install"))
    tested = ", each in the version tested" if pins else "; no constraints.txt to compare their versions with"
    return Check("Packages", True, f"all {len(needed)} needed are here{tested}")


def _pins() -> dict[str, str]:
    path = ROOT / "constraints.txt"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return {_normal(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;]+) *$", text, re.MULTILINE)}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _make(target: str) -> str:
    """Return the command that mends an installation: of a checkout, or of a package."""
    if (ROOT / "Makefile").exists():
        return f"make -C {ROOT} {target}"
    return "pip install 'workbench[desktop]'" if target == "desktop" else "pip install --upgrade workbench"


# the machine ----------------------------------------------------------------------------------------------------


def torch() -> Check:
    """The devices a run can use, and the memory they have free."""
    done = subprocess.run([sys.executable, "-c", TORCH_PROBE], capture_output=True, text=True, timeout=120)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Check("torch", False, f"cannot be imported: {last}", _make("install"))
    answer = json.loads(done.stdout.splitlines()[-1])
    devices = [f"{name}, {free / GB:.0f} of {total / GB:.0f} GB free" for name, free, total in answer["gpus"]]
    devices += ["Apple GPU"] if answer["mps"] else []
    found = f"{answer['version']}; " + ("; ".join(devices) or f"CPU only, {answer['threads']} threads")
    if shutil.which("nvidia-smi") and not answer["gpus"]:
        mend = "make clean; make serve TORCH=cuda"
        return Check("torch", None, f"{found}; there is nvidia-smi, but torch sees no GPU", mend)
    return Check("torch", True, found)


def processor() -> Check:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Check("Processor", True, f"{cores} cores, {psutil.cpu_percent(0.2):.0f}% busy")


def memory() -> Check:
    now = psutil.virtual_memory()
    found = f"{now.available / GB:.1f} of {now.total / GB:.1f} GB free"
    enough = now.available > 2 * GB
    return Check("Memory", enough or None, found, "" if enough else "close other programs: a run takes 1 GB and more")


def disk() -> Check:
    free = shutil.disk_usage(_existing(home())).free
    mend = "" if free > 2 * GB else "make room there, or set WORKBENCH_HOME to a folder on another disk"
    return Check("Disk", free > 0.1 * GB and (free > 2 * GB or None), f"{free / GB:.1f} GB free at {home()}", mend)


def _existing(path: Path) -> Path:
    return next(p for p in (path, *path.parents) if p.exists())


# the workbench --------------------------------------------------------------------------------------------------


def store() -> Check:
    """Runs can be written."""
    try:
        trial = home() / f".doctor-{os.getpid()}"
        trial.write_text("", encoding="utf-8")
        trial.unlink()
    except OSError as error:
        return Check("Store", False, str(error), "set WORKBENCH_HOME to a folder that you may write to")
    tracking = "a tracking server (MLFLOW_TRACKING_URI)" if os.environ.get("MLFLOW_TRACKING_URI") else "SQLite"
    return Check("Store", True, f"{home()} can be written; {tracking}")


def data() -> Check:
    from workbench.data.catalog.catalog import catalog

    states = [entry.state for entry in catalog().values()]
    words = {"here": "here", "mirror": "in the mirror", "fetch": "can be fetched", "absent": "need a mirror folder"}
    counts = [f"{states.count(key)} {text}" for key, text in words.items() if key in states]
    mirror = os.environ.get("WORKBENCH_DATA_MIRROR", "")
    found = f"{len(states)} data sets: {', '.join(counts)}" + (f"; mirror: {mirror}" if mirror else "")
    return Check("Data", ("here" in states) or None, found, "" if "here" in states else "workbench data")


def port(number: int = 5006) -> Check:
    with socket.socket() as trial:
        trial.settimeout(1)
        used = trial.connect_ex(("127.0.0.1", number)) == 0
    if used:
        return Check(f"Port {number}", None, "in use; a workbench may be running already", "make serve PORT=5007")
    return Check(f"Port {number}", True, "free")


def scheduler() -> Check:
    """The cluster that WORKBENCH_SCHEDULER names answers."""
    address = os.environ.get("WORKBENCH_SCHEDULER", "")
    if not address:
        return Check("Scheduler", True, "none named: the workbench starts its own workers")
    from workbench.engine.scheduler import OPEN, check, is_open

    try:
        check(address, timeout=3)
    except LabError as error:
        return Check("Scheduler", False, error.cause, f"{error.hint} Or unset WORKBENCH_SCHEDULER.")
    if is_open(address):
        mend = "give Dask certificates (docs/deploy.md), or keep it inside a network that you trust"
        return Check("Scheduler", None, f"{address} answers. {OPEN}", mend)
    return Check("Scheduler", True, f"{address} answers, and to holders of a certificate only")


# the desktop viewers and the tests --------------------------------------------------------------------------------


def opengl() -> Check:
    if sys.platform == "darwin":
        return Check("OpenGL", True, "part of macOS")
    missing = [name for name in ("GL", "EGL") if not ctypes.util.find_library(name)]
    found = f"missing: {', '.join(f'lib{name}' for name in missing)}" if missing else "libGL and libEGL are here"
    return Check("OpenGL", None if missing else True, found, _make("desktop") if missing else "")


def vulkan() -> Check:
    """Open3D draws off screen by Vulkan: a loader and a driver."""
    if sys.platform == "darwin":
        return Check("Vulkan", True, "not needed on macOS")
    folders = [Path(p) / "vulkan" / "icd.d" for p in ("/usr/share", "/etc", "/usr/local/share")]
    drivers = sorted({file.stem.split(".")[0] for folder in folders for file in folder.glob("*.json")})
    if ctypes.util.find_library("vulkan") and drivers:
        return Check("Vulkan", True, f"drivers: {', '.join(drivers)}")
    return Check("Vulkan", None, "no loader" if drivers else "no driver", _make("desktop"))


def display() -> Check:
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform == "darwin" or screen:
        return Check("Display", True, screen or "macOS")
    virtual = shutil.which("xvfb-run")
    mend = "xvfb-run -a workbench serve" if virtual else _make("desktop")
    return Check("Display", None, "no screen" + ("; xvfb-run can make one" if virtual else ""), mend)


def viewer(name: str) -> Check:
    if importlib.util.find_spec(name) is None:
        return Check(name, None, f"not installed ({DESKTOP[name]})", _make("desktop"))
    code = f"import {name}; print({name}.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Check(name, None, f"cannot be imported: {last}", _make("desktop"))
    return Check(name, True, done.stdout.split()[-1])


def chromium() -> Check:
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path:
        return Check("Browser", True, f"{path}, for pictures in files and notebooks, and for the tests")
    mend = "sudo apt-get install chromium" if shutil.which("apt-get") else "install Chromium"
    lacks = "no Chromium: figures are not saved as files, and a saved notebook keeps numbers in the place of pictures"
    return Check("Browser", None, f"{lacks}; any browser shows the workbench", mend)
