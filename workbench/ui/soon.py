"""Do something beside the page's own work, once there is a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn


def soon(call: Callable[[], Any]) -> None:
    """Call a function or coroutine function on this session's thread, not before its page has loaded.

    What changes while a browser is still fetching the page may never reach it.
    """
    if pn.state.loaded:
        pn.state.execute(call, schedule=True)
    else:
        pn.state.onload(call)
