"""The doctor tells the truth about a machine that lacks things, and never faints."""

import json
import socket
import subprocess
import sys

import pytest

from workbench import doctor
from workbench.doctor import Check, examine, healthy


@pytest.fixture(scope="module")
def checks():
    return {check.name: check for check in examine()}


def test_the_core_is_whole_here(checks):
    assert healthy(list(checks.values())), [c for c in checks.values() if c.ok is False]
    assert checks["torch"].ok and checks["Packages"].ok is not False and checks["Store"].ok


def test_what_is_missing_comes_with_what_mends_it(checks):
    assert all(check.found for check in checks.values())
    assert not [check for check in checks.values() if check.ok is not True and not check.mend]


def test_torch_stays_in_a_process_of_its_own():
    code = "import sys; from workbench.doctor import examine; examine(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert done.stdout.split() == ["False"], done.stderr


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda name: ["numpy>=2", "no-such-package; x == 'y'"])
    check = doctor.packages()
    assert check.ok is False and "no-such-package" in check.found and "make" in check.mend


def test_another_version_than_the_tested_one_is_told_and_not_fatal(monkeypatch):
    monkeypatch.setattr(doctor, "_pins", lambda: {"numpy": "1.0"})
    check = doctor.packages()
    assert check.ok is None and "numpy" in check.found and "1.0" in check.found


def test_a_torch_that_does_not_import_is_fatal(monkeypatch):
    monkeypatch.setattr(doctor, "TORCH_PROBE", "raise ImportError('libcudart.so.13: cannot open shared object')")
    check = doctor.torch()
    assert check.ok is False and "libcudart" in check.found and check.mend


def test_gpus_are_told_with_their_free_memory(monkeypatch):
    told = {"version": "2.13.0", "threads": 8, "gpus": [["H200", 120e9, 141e9]], "mps": False}
    monkeypatch.setattr(doctor, "TORCH_PROBE", f"print({json.dumps(told)!r})")
    assert doctor.torch() == Check("torch", True, "2.13.0; H200, 120 of 141 GB free")


def test_a_store_that_cannot_be_written_is_fatal(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "file" / "below"))
    check = doctor.store()
    assert check.ok is False and "WORKBENCH_HOME" in check.mend


def test_a_busy_port_is_told():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        assert doctor.port(server.getsockname()[1]).ok is None


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense"])
def test_a_scheduler_that_does_not_answer_is_fatal(monkeypatch, address):
    monkeypatch.setenv("WORKBENCH_SCHEDULER", address)
    check = doctor.scheduler()
    assert check.ok is False and address in check.found


def test_a_catalog_that_cannot_be_read_is_told_in_words(monkeypatch):
    monkeypatch.setitem(sys.modules, "workbench.data.catalog.catalog", None)
    check = {c.name: c for c in examine()}["Data"]
    assert check.ok is None and check.found.startswith("Could not be looked at")


def test_no_screen_is_no_reason_to_fail(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    assert doctor.display().ok is None
