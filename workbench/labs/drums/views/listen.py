"""Listen: two grooves without their names, and a choice."""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.drums.common import listening_test
from workbench.labs.drums.common.drumroll import BAR
from workbench.labs.drums.common.evaluation import HUMAN
from workbench.labs.drums.views import style
from workbench.labs.drums.views.groove import grid_of, kept_rows, tall, tempo
from workbench.ui import frame
from workbench.ui.plots.charts import forest

HOW = (
    "Two grooves go on from the same two bars; who plays is not said. Listen to both and choose. What you choose is "
    "kept beside the runs of this workbench, and shown beneath with all earlier choices about this run."
)
HEARD = (HUMAN, "english", "none", "n-gram", "language model")
WORDS = {"A is better": "first", "B is better": "second", "Cannot tell": "neither"}


def listen_view(result: Result, link: Any = None) -> pn.Column:
    """Return the blind comparison; without a page there is nowhere to keep a choice."""
    table = result.tables["grooves"]
    players = [p for p in HEARD if (table["player"] == p).any()]
    if link is None or len(players) < 2:
        why = "Open the run in the workbench to take part." if link is None else "Two players are needed for it."
        return frame.view(HOW, pmui.Alert(object=why, severity="info", sizing_mode="stretch_width"))
    return frame.view(HOW, Booth(result, link.run_id, players).layout)


class Booth:
    """One listener: a pair at a time.

    Parameters
    ----------
    result
        With the table `grooves`.
    run_id
        The run that the choices are about.
    players
        Who may be heard.
    rng
        Draws the pairs.
    """

    def __init__(self, result: Result, run_id: str, players: list[str], rng: np.random.Generator | None = None):
        self.result, self.run_id, self.players = result, run_id, players
        self.rng = rng or np.random.default_rng()  # no seed: a listener must not know what comes
        table = result.tables["grooves"]
        sets = [set(table.loc[table["player"] == p, "prompt_number"]) for p in players]
        self.prompts = sorted(set.intersection(*sets))
        self.place = tall()
        self.verdict = pn.pane.Markdown("", margin=(6, 5))
        self.shares = tall()
        self.buttons = {
            choice: pmui.Button(label=word, variant="outlined", margin=(5, 5)) for word, choice in WORDS.items()
        }
        for choice, button in self.buttons.items():
            button.on_click(lambda _, choice=choice: self.choose(choice))
        self.more = pmui.Button(
            label="Next pair", icon="skip_next", variant="contained", color="primary", margin=(5, 5)
        )
        self.more.on_click(lambda _: self.next())
        self.next()
        self._tell()

    @property
    def layout(self) -> pn.Column:
        row = pn.FlexBox(*self.buttons.values(), self.more, align_items="center", gap="4px 8px")
        return tall(self.place, row, self.verdict, self.shares)

    def next(self) -> None:
        """Show another pair; both are cut to the length of the shorter one."""
        self.pair = listening_test.draw(self.players, self.prompts, listening_test.choices(self.run_id), self.rng)
        found = [kept_rows(self.result, p, self.pair.prompt_number) for p in (self.pair.first, self.pair.second)]
        bars, pace = min(length(rows) for rows in found), tempo(self.result, self.pair.prompt_number)
        self.place[:] = [
            tall(pn.pane.Markdown(f"**{name}**", margin=(10, 5, 0, 5)), blind(rows[: bars * BAR], pace))
            for name, rows in zip("AB", found, strict=True)
        ]
        self.verdict.object = ""
        self._enable(choosing=True)

    def choose(self, choice: str) -> None:
        """Keep a choice, then say who played."""
        listening_test.keep(self.run_id, self.pair, choice)
        a, b = style.PLAYERS[self.pair.first].label, style.PLAYERS[self.pair.second].label
        self.verdict.object = f"A was **{a}**, B was **{b}**. Your choice is kept."
        self._enable(choosing=False)
        self._tell()

    def _enable(self, choosing: bool) -> None:
        for button in self.buttons.values():
            button.disabled = not choosing
        self.more.disabled = choosing

    def _tell(self) -> None:
        heard = listening_test.choices(self.run_id)
        if heard.empty:
            self.shares[:] = [frame.paragraph("No choice was made about this run yet.")]
            return
        count = f"{len(heard)} choice{'s' * (len(heard) != 1)} so far"
        self.shares[:] = [
            frame.paragraph(f"**{count}.** How often each was preferred, with a 95 % interval:"),
            frame.pane(shares_plot(listening_test.preferences(heard))),
        ]


def blind(rows: np.ndarray, pace: float) -> Any:
    """Return a groove's grid without anything that tells who plays or how it was measured."""
    grid = grid_of(rows, pace)
    grid.param.update(marks=[], curve=[], curve_label="")
    return grid


def length(rows: np.ndarray) -> int:
    """Return how many bars rows (steps, 6) have up to the last hit; at least one."""
    hit = np.flatnonzero(rows.any(1))
    return int(hit[-1]) // BAR + 1 if len(hit) else 1


def shares_plot(found: pd.DataFrame) -> bm.Plot:
    """Return the preferences as dots with intervals."""
    rows = found.sort_values("share", ascending=False).rename(columns={"player": "name", "share": "mean"})
    xlabel = "preferred to whom it was heard beside (“cannot tell” counts half)"
    tips = (("pairs", "@heard"),)
    plot = forest(rows, style.PLAYERS, xlabel=xlabel, tips=tips, digits=2, x_range=(0, 1), min_border_left=120)
    plot.xaxis.formatter = bm.NumeralTickFormatter(format="0%")
    return plot
