"""The link between a view and its page: probes, remembered choices, and colors.

A lab's ``views(result, link)`` gets a `Link`, or None. The same view then works in the page (probes go to the
engine, the state goes to the URL) and in a notebook (`workbench.api.runs.Run.views` makes one without a page)::

    def moved(event):
        link.probe({"rotation": event.new}, done=draw, failed=lambda error: note.param.update(object=str(error)))

    angle = link.state.get("rotation", 0)      # restored from the URL
    link.state["rotation"] = 30                # and written to it
    remember(link, rotation=slider)            # both, for a widget

`Link.probe` returns at once. While an answer is under way only the newest request of its channel waits, older
waiting ones are dropped; so a slider may call it on every move. `done` and `failed` are called on the document's
own thread, so they may change Panel objects.
"""

from __future__ import annotations

import base64
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np

from workbench.contract.errors import LabError
from workbench.contract.result import Result
from workbench.ui.palette import PALETTE, Palette

Done = Callable[[Result], Any]
Failed = Callable[[LabError], Any]


class State(dict):
    """A dict of JSON values that tells its watchers when a value changes."""

    def __init__(self, values: dict[str, Any] | None = None):
        super().__init__(values or {})
        self._watchers: list[Callable[[str, Any], Any]] = []

    def watch(self, watcher: Callable[[str, Any], Any]) -> None:
        """Call ``watcher(key, value)`` after every change; the value is None once a key is deleted."""
        self._watchers.append(watcher)

    @property
    def watched(self) -> bool:
        """Return True if the state has a watcher."""
        return bool(self._watchers)

    def __setitem__(self, key: str, value: Any) -> None:
        if key in self and self[key] == value:
            return
        super().__setitem__(key, value)
        self._tell(key, value)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._tell(key, None)

    def _tell(self, key: str, value: Any) -> None:
        for watcher in list(self._watchers):
            watcher(key, value)


def remember(link: Link | None, **widgets: Any) -> None:
    """Bind widgets to the state in both directions, so that a link restores them.

    Parameters
    ----------
    link
        The page, or None where there is none.
    widgets
        Key in the state -> a Panel widget with a `value`; a kept value that does not fit is left alone.
    """
    for key, widget in widgets.items() if link is not None else ():
        if fits(widget, kept := link.state.get(key)):
            widget.value = kept
        widget.param.watch(lambda event, key=key: link.state.__setitem__(key, event.new), "value")


def fits(widget: Any, value: Any) -> bool:
    """Return True if a widget can stand at a value: one of its options, or a number between its ends."""
    if value is None:
        return False
    if (options := getattr(widget, "options", None)) is not None:
        allowed = list(options.values() if isinstance(options, dict) else options)
        several = isinstance(widget.value, list)
        return several == isinstance(value, list) and all(one in allowed for one in (value if several else [value]))
    if "start" in widget.param and "end" in widget.param:
        return isinstance(value, int | float) and widget.start <= value <= widget.end
    return isinstance(value, type(widget.value))


def remember_selection(link: Link | None, key: str, source: Any, count: int) -> None:
    """Bind the selected rows of a Bokeh data source of `count` rows to the state in both directions."""
    if link is None:
        return
    if kept := link.state.get(key):
        source.selected.indices = unpacked(kept, count)

    def changed(_name: str, _old: Any, rows: list[int]) -> None:
        link.state[key] = packed(rows)

    source.selected.on_change("indices", changed)


def packed(rows: list[int]) -> str:
    """Return row numbers as a short text for a link.

    >>> unpacked(packed([1, 5, 900]), 1000)
    [1, 5, 900]
    """
    if not rows:
        return ""
    bits = np.zeros(max(rows) + 1, bool)
    bits[rows] = True
    return base64.urlsafe_b64encode(zlib.compress(np.packbits(bits).tobytes(), 9)).decode()


def unpacked(text: Any, count: int) -> list[int]:
    """Return the row numbers below `count` of a text that `packed` made; of any other, none."""
    try:
        blob = zlib.decompressobj().decompress(base64.urlsafe_b64decode(text), count // 8 + 1)  # a link is no bomb
    except (TypeError, ValueError, zlib.error):
        return []
    return np.flatnonzero(np.unpackbits(np.frombuffer(blob, np.uint8))[:count]).tolist()


class Link:
    """The page as a view sees it.

    Parameters
    ----------
    run_id
        The run whose result the view draws.
    ask
        Sends a probe request and returns the future of its answer.
    schedule
        Calls a function on the thread that owns the document.
    state
        What the views remember: cursor, selection, slider positions; JSON values under short keys.

    Attributes
    ----------
    palette
        The workbench's colors.
    """

    def __init__(
        self,
        run_id: str,
        ask: Callable[[dict[str, Any]], Future],
        schedule: Callable[[Callable[[], Any]], Any] = lambda call: call(),
        state: State | None = None,
    ):
        self.run_id = run_id
        self.state = State() if state is None else state
        self.palette: Palette = PALETTE
        self._ask, self._schedule = ask, schedule
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._waiting: dict[str, tuple[dict, Done, Failed]] = {}

    def later(self, call: Callable[[], Any]) -> None:
        """Call something on the thread that owns the document, from any thread."""
        self._schedule(call)

    def probe(self, request: dict[str, Any], done: Done, failed: Failed | None = None, channel: str = "") -> None:
        """Ask the run's model one question; the newest request of a channel wins.

        Parameters
        ----------
        request
            JSON values by field of the lab's `Question`.
        done
            Called with the `Result` of the answer.
        failed
            Called with a `LabError` instead, when the probe could not answer.
        channel
            Requests of different channels do not replace each other: give one name to each view that probes.
        """
        call = (dict(request), done, failed or (lambda error: None))
        with self._lock:
            if channel in self._busy:
                self._waiting[channel] = call
                return
            self._busy.add(channel)
        self._send(channel, call)

    def _send(self, channel: str, call: tuple[dict, Done, Failed]) -> None:
        request, done, failed = call
        try:
            future = self._ask(request)
        except LabError as error:
            future = Future()
            future.set_exception(error)
        future.add_done_callback(lambda f: self._schedule(lambda: self._answer(channel, f, done, failed)))

    def _answer(self, channel: str, future: Future, done: Done, failed: Failed) -> None:
        try:
            if future.cancelled():
                failed(LabError("The question was dropped.", "Ask again."))
            elif (error := future.exception()) is None:
                done(future.result())
            else:
                failed(error if isinstance(error, LabError) else LabError(f"{type(error).__name__}: {error}"))
        finally:
            with self._lock:
                call = self._waiting.pop(channel, None)
                if call is None:
                    self._busy.discard(channel)
            if call is not None:
                self._send(channel, call)
