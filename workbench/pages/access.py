"""Access control: visitors from this machine, or users who have logged in."""

from __future__ import annotations

import ipaddress
from typing import Any

import panel as pn

from workbench.contract.errors import LabError

PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")  # what a proxy adds


def user_name() -> str:
    """Return the name at the login, or "" without one."""
    name = pn.state.user
    return "" if name in (None, "guest") else name


def check_visitor() -> None:
    """Refuse a visitor from elsewhere as long as no login is configured.

    ``panel serve`` itself listens on every address unless it is told otherwise, and shows runs, files and a way to
    start processes; so the page asks again.

    Raises
    ------
    LabError
        If the visitor is neither local nor logged in.
    """
    context = pn.state.curdoc.session_context if pn.state.curdoc else None
    request = getattr(context, "request", None)
    if getattr(request, "remote_ip", None) is None or user_name():
        return
    # Bokeh hands out the headers of the session's token, which a visitor can write himself; we ask the connection.
    if not _from_here(getattr(request, "_request", request)):
        raise LabError(
            "This workbench answers on its own machine only, because no login is configured.",
            "Start it with a login: docs/deploy.md says how.",
        )


def _from_here(request: Any) -> bool:
    """Return True for a connection from this machine, to a name of this machine, that nobody passed on."""
    if any(name in request.headers for name in PASSED_ON):
        return False  # a proxy beside us is near, its visitors are not
    return _is_here(request.remote_ip) and _is_here(request.host_name)  # else a stranger's site, whose name leads here


def _is_here(name: str) -> bool:
    name = name.split("%")[0].strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
