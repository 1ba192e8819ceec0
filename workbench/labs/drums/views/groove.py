"""A groove to look at and to hear: its steps, how each bar differs from its neighbors, and which bars are alike."""

from __future__ import annotations

import base64
import functools
import re
from typing import Any

import bokeh.models as bm
import numpy as np
import panel as pn
import panel_material_ui as pmui
from bokeh.palettes import Cividis256

from workbench.contract import Result
from workbench.data.music.groove import PIECES
from workbench.data.music.sound import font_here, kit_samples
from workbench.labs.drums.common.bars import bars_of, distances
from workbench.labs.drums.common.drumroll import BAR, strip_silence
from workbench.labs.drums.common.evaluation import HUMAN, unpacked_rows
from workbench.labs.drums.common.measures import fills, stabilities
from workbench.labs.drums.views import style
from workbench.ui import frame
from workbench_widgets import StepGrid, hit_list

GUIDE = 2 * BAR  # steps of the prompt
VELOCITY = 96  # the text knows none


def grooves_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `grooves`: choose a prompt, and who goes on with it above and below."""
    table = result.tables["grooves"]
    choices = {one.label: one.name for one in style.PLAYERS.among(table["player"])}
    players = list(choices.values())
    names = result.tables["prompts"]["name"]
    options = {f"{k + 1}  {name}": k for k, name in enumerate(names)}
    other = next((p for p in ("english", "none") if p in players), players[-1])
    above = pmui.Select(label="Above", options=choices, value=HUMAN, width=230)
    below = pmui.Select(label="Below", options=choices, value=other, width=230)
    prompt = pmui.Select(label="Test groove", options=options, value=0, width=300)

    def draw(first: str, second: str, number: int) -> pn.Column:
        pace = tempo(result, number)
        return tall(*(groove(kept_rows(result, p, number), style.PLAYERS[p].label, pace) for p in (first, second)))

    return frame.view(
        "Each column is a sixteenth note; the first two bars are the prompt. Beneath, **d** says by how many edits a "
        "bar differs from the nearer of its neighbors: flat is a pattern, a peak a **fill**, flagged above it. The "
        "square "
        "shows which bars are alike: bright blocks are repetition.",
        pn.FlexBox(above, below, prompt, gap="4px 16px"),
        frame.redraw_on_change(draw, above, below, prompt),
        *([frame.paragraph(note)] if (note := sound_note()) else []),
    )


def groove(rows: np.ndarray, name: str, pace: float) -> pn.Column:
    """Return the pictures of a groove (steps, 6), to be heard at a pace in quarter notes a minute."""
    if not len(rows):
        return tall(frame.paragraph(f"**{name}** has not played this groove."))
    steps = tall(pn.pane.Markdown(f"**{name}**", margin=(10, 5, 0, 5)), grid_of(rows, pace))
    square = tall(frame.pane(likeness(rows)))
    steps.styles = {**steps.styles, "flex": "3 1 480px", "min-width": "min(100%, 280px)"}
    square.styles = {**square.styles, "flex": "1 1 220px", "min-width": "min(100%, 200px)", "max-width": "300px"}
    return tall(pn.FlexBox(steps, square, gap="12px", sizing_mode="stretch_width", align_items="flex-start"))


def tall(*parts: Any) -> pn.Column:
    """Return a column as high as what it holds: Panel's own would be cut at its parent's height."""
    return pn.Column(*parts, sizing_mode="stretch_width", styles={"max-height": "none"}, margin=0)


def grid_of(rows: np.ndarray, pace: float, editable: bool = False) -> StepGrid:
    """Return the step grid of rows (steps, 6), with the curve of d and its fills flagged; the pace can be changed."""
    steps, pieces = np.nonzero(rows)
    return StepGrid(
        hits=hit_list(steps, pieces, VELOCITY),
        steps=max(len(rows), GUIDE),
        prompt_steps=GUIDE,
        tempo=pace,
        curve_label="d, edits",
        samples=samples(),
        editable=editable,
        sizing_mode="stretch_width",
        **marks(rows),
    )


def tempo(result: Result, number: int) -> float:
    """Return the quarter notes a minute at which a test groove was played, as its name says; 120 where it does not.

    The text that the networks read knows no tempo, so what they play takes that of its prompt.
    """
    said = re.search(r"_(\d{2,3})_(?:beat|fill)", str(result.tables["prompts"]["name"].iloc[number]))
    return float(said[1]) if said else 120.0


def marks(rows: np.ndarray) -> dict[str, list]:
    """Return what a step grid says of the bars of rows (steps, 6): fills flagged, and the curve of d."""
    d = stabilities([rows])[0]
    if not len(d):
        return {"marks": [], "curve": []}
    return {"marks": [[int(bar), "fill"] for bar in fills(rows)], "curve": [None, *d.tolist(), None]}


@functools.cache
def samples() -> dict[str, str]:
    """Return the sound of each piece for a browser; nothing when the soundfont is not here: then it is synthesized."""
    font, _ = font_here()
    if font is None:
        return {}
    return {piece: base64.b64encode(sound).decode() for piece, sound in kit_samples(font).items()}


def sound_note() -> str:
    """Return what is to be said of the sound, or nothing."""
    return font_here()[1]


def kept_rows(result: Result, player: str, number: int) -> np.ndarray:
    """Return the kept groove (steps, 6) of a player for a prompt; nothing when there is none.

    People's are measured with the silence before them, as the authors do; here they begin with the prompt, as all do.
    """
    table = result.tables["grooves"]
    found = table[(table["player"] == player) & (table["prompt_number"] == number)]
    if found.empty:
        return np.zeros((0, len(PIECES)), bool)
    blob = np.frombuffer(bytes.fromhex(found["rows"].iloc[0]), np.uint8)
    rows = unpacked_rows(blob[None])[0]
    return strip_silence(rows) if player == HUMAN else rows


def likeness(rows: np.ndarray) -> bm.Plot:
    """Return the distances of every two bars of a groove (steps, 6) as a square; bright is alike."""
    bars = bars_of(rows, None)
    n = len(bars)
    i, j = np.divmod(np.arange(n * n), n)
    found = distances([(bars[a], bars[b]) for a, b in zip(i, j, strict=True)])
    plot = frame.plain_figure(250, "save", x_range=(0.5, n + 0.5), y_range=(n + 0.5, 0.5), match_aspect=True)
    colors = bm.LinearColorMapper(palette=list(reversed(Cividis256)), low=0, high=max(1, int(found.max(initial=1))))
    source = bm.ColumnDataSource({"i": i + 1, "j": j + 1, "edits": found})
    plot.rect("i", "j", 1, 1, source=source, color={"field": "edits", "transform": colors}, line_color=None)
    plot.add_tools(frame.hover(("bars", "@i and @j"), ("edits", "@edits")))
    plot.grid.grid_line_color = None
    plot.axis.ticker = bm.BasicTicker(min_interval=1)
    plot.xaxis.axis_label = plot.yaxis.axis_label = "bar"
    return plot
