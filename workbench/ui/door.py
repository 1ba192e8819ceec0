"""Who may come in: visitors from this machine, or anybody who has logged in."""

from __future__ import annotations

import ipaddress

import panel as pn

from workbench.lab import LabError


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
    address = getattr(getattr(context, "request", None), "remote_ip", None)
    if address is None or pn.state.user not in (None, "guest"):
        return
    if not ipaddress.ip_address(address.split("%")[0]).is_loopback:
        raise LabError(
            "This workbench answers on its own machine only, because no login is configured.",
            "Start it with a login: docs/deployment.md says how.",
        )
