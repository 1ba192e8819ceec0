"""Deferred calls on the thread of a session, and ordered delivery of changes to the browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
from bokeh.document import Document
from panel.io import document as sending
from panel.io.state import set_curdoc


def soon(call: Callable[[], Any]) -> None:
    """Call a function or coroutine function on this session's thread, not before its page has loaded.

    What changes while a browser is still fetching the page may never reach it: Panel 1.9 drops it until the page has
    said that it is there (``_drain_unconnected_events``), which on a busy machine is seconds after it is drawn.
    """
    if pn.state.loaded:
        pn.state.execute(call, schedule=True)
    else:
        pn.state.onload(call)


def later(doc: Document | None, call: Callable[[], Any]) -> None:
    """Call something on the thread of a session's document, from any thread; dropped when the session is gone.

    All that it changes leaves at its end, in order, by the way that Panel's own changes take. A change that is made on
    a Bokeh model directly would take another, on which it may overtake the model itself when the machine is busy: then
    the browser says "reference p2929 isn't known".
    """

    def inside() -> None:
        # without a document, Panel would take style sheets from another host
        with set_curdoc(doc), pn.io.unlocked():
            call()

    if doc is not None and doc.session_context is not None:
        doc.add_next_tick_callback(inside)


def send_rest(doc: Document | None) -> None:
    """Send what Panel has left lying; to be called now and then.

    When one of its tasks that write to a browser ends in the turn of the loop in which the next message comes, the next
    task takes the page for free and sends nothing (Panel 1.9, ``_dispatch_msgs``). The message would wait for whatever
    changes next: an answer that does not come.
    """
    if doc in sending._WRITE_MSGS and doc not in sending._WRITE_BLOCK:
        sending._WRITE_BLOCK[doc] = True
        sending._dispatch_write_task(doc, sending._dispatch_msgs, doc)
