"""The installer decides well on machines that this one is not."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_server.config_manager import BaseJSONConfigManager as ConfigManager
from jupyterlab_server import settings_utils

from workbench.doctor import CHROMIUM

TOOLS = Path(__file__).parent.parent / "tools"


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pins imports install by this name
    spec.loader.exec_module(module)
    return module


install = load("install")
pins = load("pins")


@pytest.fixture
def calls(monkeypatch):
    """Record the commands instead of running them; the machine is a Linux one without torch."""
    recorded: list[list[str]] = []
    monkeypatch.setattr(install, "call", recorded.append)
    monkeypatch.setattr(install, "satisfied", lambda requirement: False)
    monkeypatch.setattr(install.sys, "platform", "linux")
    monkeypatch.delenv("TORCH", raising=False)
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    return recorded


CPU = {"version": "2.13.0+cpu", "requires_dist": ["filelock", "sympy>=1.13.3"]}
CUDA = {"version": "2.13.0", "requires_dist": ["filelock", 'nvidia-cudnn-cu13==9.2; platform_system == "Linux"']}


def test_the_cpu_build_that_pip_offers_is_taken(calls, monkeypatch):
    monkeypatch.setattr(install, "has_gpu", lambda: False)
    monkeypatch.setattr(install, "candidate", lambda *_: CPU)
    install.torch()
    assert [c[-1] for c in calls] == [install.pinned("torch")] and "pip" in calls[0]


def test_a_cuda_build_is_never_taken_by_accident(calls, monkeypatch):
    monkeypatch.setattr(install, "has_gpu", lambda: False)
    monkeypatch.setattr(install, "candidate", lambda *_: CUDA)
    install.torch()
    assert calls[-1][1:4] == ["-m", "uv", "pip"] and "--torch-backend=cpu" in calls[-1]


def test_where_there_is_no_cpu_build_the_two_ways_out_are_named(calls, monkeypatch, capsys):
    def fail(command):
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(install, "has_gpu", lambda: False)
    monkeypatch.setattr(install, "candidate", lambda *_: CUDA)
    monkeypatch.setattr(install, "call", fail)
    assert install.main(["torch"]) == 1
    told = capsys.readouterr().err
    assert "TORCH_INDEX=ADDRESS" in told and "TORCH=cuda" in told


@pytest.mark.parametrize("gpu, choice", [(True, ""), (False, "cuda")])
def test_beside_a_gpu_the_plain_build_is_taken(calls, monkeypatch, gpu, choice):
    monkeypatch.setattr(install, "has_gpu", lambda: gpu)
    monkeypatch.setenv("TORCH", choice)
    install.torch()
    assert calls == [[*install.PIP, install.pinned("torch")]]


def test_an_index_given_by_the_user_is_asked(calls, monkeypatch):
    monkeypatch.setattr(install, "has_gpu", lambda: False)
    monkeypatch.setattr(install, "candidate", lambda requirement, index: CPU if index else CUDA)
    monkeypatch.setenv("TORCH_INDEX", "file:///wheels")
    install.torch()
    assert calls == [[*install.PIP, "--extra-index-url", "file:///wheels", install.pinned("torch")]]


def test_pip_here_is_understood():
    """The real pip, its real report, the real torch: whatever it would take is told apart."""
    metadata = install.candidate(install.pinned("torch"), [])
    assert metadata["version"].partition("+")[0] == install.pinned("torch").partition("==")[2]
    assert install.is_cuda_build(metadata) == ("+cpu" not in metadata["version"] and sys.platform == "linux")


def test_without_root_and_sudo_the_command_is_printed_and_nothing_else_happens(monkeypatch, capsys):
    monkeypatch.setattr(install.sys, "platform", "linux")
    monkeypatch.setattr(install.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(install, "missing_packages", lambda names: ["libxcb-cursor0", "xvfb"])
    monkeypatch.setattr(install, "may_sudo", lambda: False)
    monkeypatch.setattr(install.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(install, "call", lambda command: pytest.fail("installs all the same"))
    install.desktop()
    told = capsys.readouterr().err
    assert "sudo apt-get install -y --no-install-recommends libxcb-cursor0 xvfb" in told


def test_without_apt_the_packages_are_named_and_the_rest_goes_on(monkeypatch, capsys):
    recorded: list[list[str]] = []
    monkeypatch.setattr(install.sys, "platform", "linux")
    monkeypatch.setattr(install.shutil, "which", lambda name, path=None: None)
    monkeypatch.setattr(install, "call", recorded.append)
    assert install.main(["dev", "desktop"]) == 0
    told = capsys.readouterr().err
    assert "equivalents of these Debian packages: chromium" in told and "libxcb-cursor0" in told
    assert [command[-1] for command in recorded] == [".[dev,language]", ".[desktop]"]


def test_jupyterlab_asks_for_no_build_and_looks_for_no_news(monkeypatch, tmp_path):
    """As JupyterLab reads it: the settings of the environment, below those of the user."""
    monkeypatch.setattr(install.sys, "prefix", str(tmp_path))
    before = tmp_path.stat().st_mode
    install.jupyterlab()
    install.jupyterlab()  # a second time changes nothing
    assert tmp_path.stat().st_mode == before
    config = ConfigManager(config_dir=str(tmp_path / "etc" / "jupyter" / "labconfig")).get("page_config")
    assert config == {"buildAvailable": False, "buildCheck": False}
    overrides, error = settings_utils._get_overrides(str(tmp_path / "share" / "jupyter" / "lab" / "settings"))
    assert not error and overrides["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_the_same_browsers_are_looked_for_everywhere():
    assert install.CHROMIUM == CHROMIUM


def test_desktop_viewers_without_a_file_for_this_python_stop_nothing(monkeypatch, capsys):
    def fail(command):
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(install, "system_packages", lambda *_: True)
    monkeypatch.setattr(install, "call", fail)
    assert install.main(["desktop"]) == 0
    assert "make desktop" in capsys.readouterr().err


@pytest.mark.skipif(not install.shutil.which("dpkg-query"), reason="needs Debian")
def test_missing_system_packages_are_found():
    assert install.missing_packages(["bash", "no-such-package-here"]) == ["no-such-package-here"]


@pytest.mark.parametrize("file", ["apt.txt", "apt-test.txt"])
def test_lists_of_system_packages_are_plain_names(file):
    names = install.read_list(install.ROOT / file)
    assert names and all(name == name.lower() and " " not in name for name in names)


def test_pins_are_what_was_installed_without_builds():
    frozen = "torch==2.13.0+cpu\nNumPy==2.4.6\nnvidia-cudnn-cu13==9.2\nworkbench @ file:///here\ntriton==3.7\n"
    assert pins.pins(frozen) == ["NumPy==2.4.6", "torch==2.13.0"]
