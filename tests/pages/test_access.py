"""Without a login only visitors from this machine come in."""

from types import SimpleNamespace

import pytest
from tornado.httputil import HTTPHeaders

from workbench.contract.errors import LabError
from workbench.pages import access


def visit(monkeypatch, address, user=None, host="localhost", **headers):
    real = SimpleNamespace(remote_ip=address, host_name=host, headers=HTTPHeaders(headers))
    # what Bokeh hands out: the headers are those of the session's token, in which a visitor writes what he likes
    request = SimpleNamespace(remote_ip=address, headers={}, _request=real)
    document = SimpleNamespace(session_context=SimpleNamespace(request=request))
    monkeypatch.setattr(access, "pn", SimpleNamespace(state=SimpleNamespace(curdoc=document, user=user)))
    access.check_visitor()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.8.0.1"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "workbench.localhost"])
def test_this_machine_comes_in(monkeypatch, address, host):
    visit(monkeypatch, address, host=host)


@pytest.mark.parametrize("address", ["10.0.0.7", "192.168.1.4", "fe80::1%eth0", "0.0.0.0"])
@pytest.mark.parametrize("user", [None, "guest"])
def test_a_stranger_is_refused_and_told_why(monkeypatch, address, user):
    with pytest.raises(LabError, match="no login"):
        visit(monkeypatch, address, user=user)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "x-real-ip", "Forwarded", "Via"])
def test_a_proxy_on_this_machine_brings_strangers(monkeypatch, header):
    with pytest.raises(LabError, match="no login"):
        visit(monkeypatch, "127.0.0.1", **{header: "127.0.0.1"})  # whatever the visitor says of himself


def test_a_site_whose_name_leads_here_is_a_stranger(monkeypatch):
    with pytest.raises(LabError, match="no login"):
        visit(monkeypatch, "127.0.0.1", host="rebound.example")


def test_who_has_logged_in_comes_in(monkeypatch):
    visit(monkeypatch, "10.0.0.7", user="ada")
    visit(monkeypatch, "127.0.0.1", user="ada", host="workbench.example.org", **{"X-Forwarded-For": "10.0.0.7"})
