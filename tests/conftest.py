"""Every test works in a home of its own, knows the trial lab, and uses one thread."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

from workbench.doctor import CHROMIUM

ROOT = Path(__file__).parent.parent
TRIAL = str(ROOT / "tests" / "trial")
# Child processes (cluster, server, terminal) must see the same; so it is the environment that is set.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [TRIAL, os.environ.get("PYTHONPATH")]))
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, TRIAL)
pytest.register_assert_rewrite("workbench.testing.test_contract")  # test_contract.py takes its tests from there

settings.register_profile("workbench", deadline=None)  # no test is timed: machines differ, and are busy
settings.load_profile("workbench")

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


BROWSER = ("tests/browser/", "tests/jupyterlab/")


def pytest_xdist_make_scheduler(config, log):
    """Keep a file together on one process, and all browser tests: two servers and two Chromiums would fill a laptop."""
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "browser" if nodeid.startswith(BROWSER) else super()._split_scope(nodeid)

    return Together(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Begin with what takes longest, so that no process is left with it at the end: browser, contract, README."""
    long = (*BROWSER, "tests/contract/test_contract.py", "tests/test_readme.py")
    items.sort(key=lambda item: next((k for k, name in enumerate(long) if item.nodeid.startswith(name)), len(long)))


# what was left out ----------------------------------------------------------------------------------------------

# What a machine may lack: a graphics card, data that nobody fetched, and the right to mount a disk; and the lab of the
# tests, which stands for a new one, has no recorded run. Any other reason to leave a test out is marked, and fails the
# run in CI, where everything that is tested gets installed.
MAY_LACK = ("GPU: ", "data: ", "rights: ", "trial ships no recorded run")


def _left_out(config) -> Counter:
    """Return reason -> number of tests that were skipped for it."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter else []
    return Counter(str(report.longrepr[-1]).removeprefix("Skipped: ") for report in reports)


def pytest_terminal_summary(terminalreporter, config):
    """List what was left out, with its reason."""
    for reason, count in sorted(_left_out(config).items()):
        wrong = "" if reason.startswith(MAY_LACK) else "  <-- not to be left out in CI"
        terminalreporter.write_line(f"left out: {count:3} x {reason}{wrong}")


def pytest_sessionfinish(session):
    """Let a run in CI fail when a test was left out that should not be."""
    here = not hasattr(session.config, "workerinput") and os.environ.get("CI", "false") != "false"
    if here and any(not reason.startswith(MAY_LACK) for reason in _left_out(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


# fixtures -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory):
    """Return a fresh WORKBENCH_HOME for the whole session."""
    path = tmp_path_factory.mktemp("a home")  # names of folders have blanks
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
    from playwright import sync_api as api

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


@pytest.fixture
def dask_cluster(wait_for, tmp_path):
    """Start a Dask scheduler and two plain workers as an administrator would; yield its address and the processes."""
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": (tmp_path / "log").open("w")}
    file = tmp_path / "scheduler.json"
    where = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    processes = [subprocess.Popen([*dask, "scheduler", *where], **quiet)]
    wait_for(file.exists, 30, "the scheduler file")
    time.sleep(0.5)
    join = ["--scheduler-file", str(file), "--nthreads", "2", "--host", "127.0.0.1", "--no-dashboard"]
    processes += [subprocess.Popen([*dask, "worker", *join], **quiet) for _ in range(2)]
    yield json.loads(file.read_text())["address"], processes
    for process in processes:
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else ():
            child.kill()
        process.kill()
        process.wait()


# a package that is built and installed -------------------------------------------------------------------------


@pytest.fixture(scope="session")
def clone(tmp_path_factory) -> Path:
    """Return a copy of the files that git knows or would take: what a clean clone holds."""
    tree = tmp_path_factory.mktemp("a clone")
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    for name in filter(lambda name: (ROOT / name).is_file(), listed.stdout.splitlines()):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tree / name)
    return tree


@pytest.fixture(scope="session")
def wheel_file(clone, tmp_path_factory) -> Path:
    """Return a wheel built of the clone, to which a lab was added as a newcomer would."""
    out, lab = tmp_path_factory.mktemp("wheel"), clone / "workbench" / "labs" / "newcomer"
    (lab / "recorded" / "tables").mkdir(parents=True)
    for name in ("__init__.py", "README.md", "recorded/run.json", "recorded/tables/a.parquet"):
        (lab / name).write_text("", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation", "-w", str(out), "."]
    subprocess.run(command, cwd=clone, check=True, timeout=120)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="session")
def new_environment(wheel_file):
    """Return a function that makes an environment with the workbench installed, and returns its variables.

    It sees the packages of this one, so nothing is downloaded; the workbench itself is installed from its wheel.
    """

    def make(folder: Path) -> dict[str, str]:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
        variables = {"base": str(folder), "platbase": str(folder)}
        purelib = Path(sysconfig.get_path("purelib", "venv", variables))
        shared = [sysconfig.get_path(kind) for kind in ("purelib", "platlib")]
        lines = [f"import site; site.addsitedir({path!r})" for path in dict.fromkeys(shared)]
        (purelib / "shared.pth").write_text("\n".join(lines), encoding="utf-8")
        for module in ("pip", "pytest"):  # their own scripts would start the other Python
            script = folder / "bin" / module
            script.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -m {module} "$@"\n', encoding="utf-8")
            script.chmod(0o755)
        variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        variables |= {
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "WORKBENCH_HOME": str(folder / "home"),
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads the variable as the value, not as the negation: none
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        # Never look at the workbench that is seen through the other environment, let alone remove it.
        install = ["pip", "install", "-q", "--no-deps", "--ignore-installed", str(wheel_file)]
        subprocess.run(install, env=variables, check=True, timeout=120)
        return variables

    return make
