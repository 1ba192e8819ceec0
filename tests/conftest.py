"""Every test works in a home of its own, knows the trial lab, and uses one thread."""

import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from workbench.doctor import CHROMIUM

TRIAL = str(Path(__file__).parent / "trial")
# Child processes (cluster, server, terminal) must see the same; so it is the environment that is set.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [TRIAL, os.environ.get("PYTHONPATH")]))
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, TRIAL)

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory):
    """Return a fresh WORKBENCH_HOME for the whole session."""
    path = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(path))
        for name in ("WORKBENCH_SCHEDULER", "MLFLOW_TRACKING_URI", "WORKBENCH_SLOTS"):
            patch.delenv(name, raising=False)
        yield path


@pytest.fixture(scope="session")
def engine(home):
    """Return one engine with two slots for all tests of a session."""
    from workbench.engine import Engine

    engine = Engine(slots=2)
    engine.wait()
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def chromium():
    """Return one Chromium for all tests of a session: a second Playwright in the same process would refuse to start."""
    api = pytest.importorskip("playwright.sync_api")
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)  # None: the one that Playwright brought along
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def wait_for():
    """Return a function that polls until a condition holds, and fails with its name when it never does."""

    def wait(condition, seconds=60, what="the condition"):
        end = time.time() + seconds
        while time.time() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"{what} did not come within {seconds} s")

    return wait
