"""Progress bars of runs and sweeps: on standard error in a terminal, in the output of a cell in a notebook."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import Any, NamedTuple

from workbench.notebook import in_notebook

REDRAW = 0.3  # seconds between two updates of a cell


class Bar(NamedTuple):
    """One progress bar.

    Attributes
    ----------
    label
        What is going on.
    done, total
        Steps; a total of 0 means that it is not known.
    note
        What stands beside the bar.
    """

    label: str
    done: int = 0
    total: int = 0
    note: str = ""


# Draws bars by their keys; the second argument says whether these are the last ones.
Draw = Callable[[Mapping[str, Bar], bool], None]


@contextmanager
def progress_display(show: bool) -> Iterator[Draw]:
    """Yield a function that draws progress bars, or one that draws nothing when `show` is False."""
    if not show:
        yield lambda bars, ended: None
    elif in_notebook():
        yield _cell_display()
    else:
        with _terminal_display() as draw:
            yield draw


@contextmanager
def _terminal_display() -> Iterator[Draw]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    said, note = (TextColumn(text, markup=False) for text in ("{task.description}", "{task.fields[note]}"))
    columns = (said, BarColumn(), note, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as display:
        tasks: dict[str, Any] = {}

        def draw(bars: Mapping[str, Bar], ended: bool) -> None:
            for key in set(tasks) - set(bars):
                display.remove_task(tasks.pop(key))
            for key, bar in bars.items():
                if key not in tasks:
                    tasks[key] = display.add_task(bar.label, total=None, note="")
                display.update(
                    tasks[key], description=bar.label, completed=bar.done, total=bar.total or None, note=bar.note
                )

        yield draw


def _cell_display() -> Draw:
    """Return a function that draws in one output of the cell; a saved notebook keeps the last text.

    A widget would leave nothing in a saved notebook.
    """
    from IPython.display import display

    began, drawn = time.monotonic(), {"text": "", "at": 0.0}
    handle = display({"text/plain": "queued"}, raw=True, display_id=True)

    def draw(bars: Mapping[str, Bar], ended: bool) -> None:
        now = time.monotonic()
        lines = [" ".join(filter(None, (bar.label, bar.note))) for bar in bars.values()]
        if ended:
            lines = [f"{lines[0]} after {now - began:.0f} s"]
        text = "\n".join(lines)
        if text == drawn["text"] or (now - drawn["at"] < REDRAW and not ended):
            return
        drawn.update(text=text, at=now)
        rows = [escape(line) for line in lines]
        if not ended:
            rows = [f"{_bar_html(bar)} {row}" for bar, row in zip(bars.values(), rows, strict=True)]
        html = "".join(f"<div>{row}</div>" for row in rows)
        handle.update({"text/plain": text, "text/html": html}, raw=True)

    return draw


def _bar_html(bar: Bar) -> str:
    return f'<progress max="{bar.total}" value="{bar.done}"></progress>' if bar.total else "<progress></progress>"
