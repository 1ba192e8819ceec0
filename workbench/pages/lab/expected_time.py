"""The sentence below Run that says how long the chosen preset takes on this machine."""

from __future__ import annotations

import asyncio

import panel as pn

from workbench.contract.errors import LabError
from workbench.contract.lab import Lab
from workbench.engine.durations import usual_seconds
from workbench.engine.owner import this_process
from workbench.runs.store import open_store
from workbench.ui import style
from workbench.ui.deferred import soon

QUICK = "quick"  # the preset that takes about a minute on two cores, in every lab


class ExpectedTime:
    """Looks up how long earlier runs of a preset took, and shows it.

    Parameters
    ----------
    lab
        Whose runs.
    scheduler
        Address of the Dask scheduler that runs them, or None for this machine.
    """

    def __init__(self, lab: Lab, scheduler: str | None):
        self._lab, self._owner = lab, scheduler or this_process()
        self._preset = ""
        self.layout: pn.pane.HTML = style.html()

    def show(self, preset: str) -> None:
        """Show the time of a preset; an empty one, of changed parameters, hides it."""
        self._preset = preset
        if preset:
            soon(self._look)
        else:
            self.layout.object = ""

    async def _look(self) -> None:
        preset = self._preset
        try:
            took = await asyncio.to_thread(lambda: usual_seconds(open_store(), self._lab.name, preset, self._owner))
        except LabError:  # the store cannot be read, which the page says where the runs would be
            took = None
        if preset != self._preset:  # another one was chosen meanwhile
            return
        if took is not None:
            self.layout.object = f'<p class="small soft">About {style.seconds(took)} on this machine.</p>'
        else:
            usual = "about a minute on two cores" if preset == QUICK else "it may take long"
            self.layout.object = f'<p class="small soft">Not run here yet: {usual}.</p>'
