"""Without a login only visitors from this machine come in."""

from types import SimpleNamespace

import pytest

from workbench.lab import LabError
from workbench.ui import door


def visit(monkeypatch, address, user=None):
    request = SimpleNamespace(remote_ip=address)
    document = SimpleNamespace(session_context=SimpleNamespace(request=request))
    monkeypatch.setattr(door, "pn", SimpleNamespace(state=SimpleNamespace(curdoc=document, user=user)))
    door.check_visitor()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.8.0.1"])
def test_this_machine_comes_in(monkeypatch, address):
    visit(monkeypatch, address)


@pytest.mark.parametrize("address", ["10.0.0.7", "192.168.1.4", "fe80::1%eth0"])
def test_a_stranger_is_refused_and_told_why(monkeypatch, address):
    with pytest.raises(LabError, match="no login"):
        visit(monkeypatch, address)
    with pytest.raises(LabError, match="no login"):
        visit(monkeypatch, address, user="guest")


def test_who_has_logged_in_comes_in(monkeypatch):
    visit(monkeypatch, "10.0.0.7", user="ada")
