"""Play: edit two bars, and two players go on with them, bar by bar, while you look and listen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.drums.common.drumroll import BAR, WIDTH
from workbench.labs.drums.params import UNTAUGHT, Question
from workbench.labs.drums.views import style
from workbench.labs.drums.views.groove import grid_of, kept_rows, marks, sound_note, tempo
from workbench.ui import frame
from workbench.ui.controls import controls

HOW = (
    "The first two bars are yours: click a step, or drag along a piece. Both players answer bar by bar; change a later "
    "bar, and the player goes on from there. **Orange** bars are fills; point at a step to see how probable the upper "
    "player finds each piece there."
)
GUIDE = 2 * BAR
COPY = "copy two bars"
SIMPLE = (COPY, "random")


def play_view(result: Result, link: Any = None) -> pn.Column:
    """Return the view that probes: two bars in, two continuations out."""
    if "grooves" not in result.tables:
        return frame.view(HOW, frame.paragraph("No player has played yet: resume this run."))
    if link is None:
        return frame.needs_page(HOW, "the players answer")
    return frame.view(HOW, Table(result, link).layout)


class Lane:
    """One player at its grid: asks for bars, one at a time, and shows them as they come.

    Parameters
    ----------
    players
        Names to choose from.
    player
        Who plays first.
    link
        Where to ask.
    settings
        Returns temperature and the like, as a probe request has them.
    channel
        A name of its own for its questions.
    """

    def __init__(self, players: list[str], player: str, link: Any, settings: Any, channel: str, editable: bool):
        self.link, self.settings, self.channel = link, settings, channel
        self.rows = np.zeros((0, WIDTH), bool)
        self.target = 16
        self._turn = 0  # answers to older questions are dropped
        self.who = pmui.Select(
            label="Player",
            options={style.PLAYERS[p].label: p for p in players},
            value=player,
            width=230,
            margin=(5, 10),
            size="small",
        )
        self.note = frame.paragraph("", margin=(8, 5))
        self.grid = grid_of(self.rows, 120.0, editable=editable)

    def with_(self, *controls: Any) -> pn.Column:
        """Return the lane; what concerns both lanes stands beside its player."""
        head = pn.FlexBox(self.who, *controls, self.note, align_items="center", sizing_mode="stretch_width")
        return pn.Column(head, self.grid, sizing_mode="stretch_width", styles={"max-height": "none"})

    def show(self, rows: np.ndarray) -> None:
        """Show a groove (steps, 6) that is already there."""
        self._turn += 1
        self.rows = rows
        self._draw(prompt=GUIDE)

    def go_on(self, rows: np.ndarray) -> None:
        """Ask the player to continue rows (steps, 6) up to the target."""
        self._turn += 1
        self.rows = rows
        self._draw(prompt=GUIDE)
        self.note.object = "plays …"
        self._ask(self._turn, first=True)

    def _ask(self, turn: int, first: bool = False) -> None:
        request = {"kind": "continue", "player": self.who.value, "bars": 1, "rows": bits(self.rows), **self.settings()}
        self.link.probe(
            request,
            lambda result: self._take(turn, first, result),
            lambda error: turn == self._turn and self.note.param.update(object=f"**No answer.** {error}"),
            channel=self.channel,
        )

    def _take(self, turn: int, first: bool, result: Result) -> None:
        if turn != self._turn:  # the reader has moved on
            return
        new = result.arrays["rows"]
        self.rows = np.concatenate([self.rows, new])
        self._draw(GUIDE)
        if first:
            self.note.object = f"first bar in **{result.metrics['milliseconds']:.0f} ms**"
        if len(new) and len(self.rows) < self.target * BAR:
            self._ask(turn)

    def _draw(self, prompt: int) -> None:
        shown = marks(self.rows)
        self.grid.param.update(
            hits=self._hits(), steps=max(len(self.rows), GUIDE), prompt_steps=prompt, probabilities=[], **shown
        )

    def _hits(self) -> list[list]:
        """Return the hits; those that the reader made keep their velocity and offset."""
        there = {(hit[0], hit[1]): hit for hit in self.grid.hits}
        steps, pieces = np.nonzero(self.rows)
        return [there.get((s, p), [s, p, 96, 0.0]) for s, p in zip(steps.tolist(), pieces.tolist(), strict=True)]


class Table:
    """The state of the view: whose prompt, which settings, two lanes."""

    def __init__(self, result: Result, link: Any):
        self.result, self.link = result, link
        state = dict(link.state.get("play") or {})
        table = result.tables["grooves"]
        trained = [one.name for one in style.PLAYERS.among(table["player"]) if one.name in models(result)]
        players = [*trained, *SIMPLE]
        names = result.tables["prompts"]["name"]
        self.prompt = pmui.Select(
            label="Start from",
            options={f"{k + 1}  {name}": k for k, name in enumerate(names)},
            value=min(int(state.get("prompt", 0)), len(names) - 1),
            width=210,
            size="small",
        )
        self.temperature, self.top_p = controls(Question, temperature=180, top_p=140).values()
        self.temperature.value, self.top_p.value = float(state.get("temperature", 0.9)), float(state.get("top_p", 1.0))
        self.seed = pmui.IntInput(
            label="Seed", start=0, end=9999, value=int(state.get("seed", 0)), width=110, size="small"
        )
        self.bars = pmui.IntSlider(label="Bars", start=3, end=16, value=int(state.get("bars", 10)), width=140)
        self.again = pmui.Button(label="Another take", icon="casino", variant="outlined")
        first = trained[0] if trained else SIMPLE[0]
        first = state.get("first", "english" if "english" in trained else first)
        second = state.get("second", "none" if "none" in trained else SIMPLE[0])
        self.first = Lane(players, first if first in players else players[0], link, self.settings, "first", True)
        self.second = Lane(players, second if second in players else players[-1], link, self.settings, "second", False)
        self.likely = frame.paragraph("")
        rows = state.get("rows")
        self.own = unbits(rows) if rows else self._prompt_rows()
        self._wire()
        self._set_tempo()
        self._answer()

    @property
    def layout(self) -> pn.Column:
        controls = pn.FlexBox(
            self.prompt, self.temperature, self.top_p, self.bars, gap="4px 12px", align_items="center"
        )
        parts = [controls, self.first.with_(self.seed, self.again), self.likely, self.second.with_()]
        if note := sound_note():
            parts.append(frame.paragraph(note))
        return pn.Column(*parts, sizing_mode="stretch_width", styles={"max-height": "none"})

    def settings(self) -> dict[str, Any]:
        """Return what a probe request says of how to draw."""
        return {"temperature": self.temperature.value, "top_p": self.top_p.value, "seed": self.seed.value or 0}

    def _prompt_rows(self) -> np.ndarray:
        """Return the two bars of the chosen test groove; every player that continued it began with them."""
        return kept_rows(self.result, COPY, self.prompt.value)[:GUIDE]

    def _wire(self) -> None:
        self.prompt.param.watch(lambda _: self._restart(), "value")
        for slider in (self.temperature, self.top_p, self.bars):
            slider.param.watch(lambda _: self._answer(), "value_throttled")
        self.seed.param.watch(lambda _: self._answer(), "value")
        self.again.on_click(lambda _: self.seed.param.update(value=((self.seed.value or 0) + 1) % 10_000))
        for lane in (self.first, self.second):
            lane.who.param.watch(lambda _, lane=lane: self._answer(lane), "value")
        self.first.grid.param.watch(lambda _: self._edited(), "settled")
        self.first.grid.param.watch(lambda event: self._look(event.new), "cursor")

    def _restart(self) -> None:
        self.own = self._prompt_rows()
        self.first.grid.hits = []
        self._set_tempo()
        self._answer()

    def _set_tempo(self) -> None:
        """Begin at the pace of the chosen groove; the reader may change it in the grid."""
        for lane in (self.first, self.second):
            lane.grid.tempo = tempo(self.result, self.prompt.value)

    def _answer(self, *lanes: Lane) -> None:
        for lane in lanes or (self.first, self.second):
            lane.target = self.bars.value
            lane.go_on(self.own)
        self._remember()

    def _edited(self) -> None:
        """Apply an edit of the upper grid: both players continue from the prompt, or one from a later bar."""
        grid = self.first.grid
        rows = np.zeros((max(len(self.first.rows), GUIDE), WIDTH), bool)
        for step, piece, *_ in grid.hits:
            if step < len(rows):
                rows[step, piece] = True
        changed = np.flatnonzero((rows[: len(self.first.rows)] != self.first.rows).any(1))
        if not len(changed):  # only a velocity or an offset: the text does not hold it
            return
        if changed[0] < GUIDE:
            self.own = rows[:GUIDE]
            self._answer()
        else:
            self.first.target = self.bars.value
            self.first.go_on(rows[: (int(changed[-1]) // BAR + 1) * BAR])

    def _look(self, step: int) -> None:
        """Show what the upper player holds probable at a step."""
        rows = self.first.rows
        if self.first.who.value in SIMPLE or not BAR <= step < len(rows):
            return
        request = {"kind": "next", "player": self.first.who.value, "rows": bits(rows), "step": int(step)}
        self.link.probe(request, lambda result: self._shade(step, result), channel="next")

    def _shade(self, step: int, result: Result) -> None:
        pieces, likely = result.tables["pieces"], result.tables["rows"]
        shares = pieces["probability"].round(3).tolist()
        self.first.grid.probabilities = [[step, k, share] for k, share in enumerate(shares)]
        self.likely.object = likeliest(step, pieces, likely)

    def _remember(self) -> None:
        state = {"prompt": self.prompt.value, **self.settings(), "bars": self.bars.value}
        state |= {"first": self.first.who.value, "second": self.second.who.value, "rows": bits(self.own)}
        self.link.state["play"] = state


def likeliest(step: int, pieces: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Return as text what may stand at a step."""
    hits = ", ".join(f"{p} {share:.0%}" for p, share in zip(pieces["piece"], pieces["probability"], strict=True))
    top = ", ".join(f"`{r}` {p:.0%}" for r, p in zip(rows["row"][:3], rows["probability"][:3], strict=True))
    return f"**Bar {step // BAR + 1}, step {step % BAR + 1}:** {hits}. Likeliest rows: {top}"


def models(result: Result) -> set[str]:
    """Return the arms of which the run kept a network: all but the large one of random weights."""
    return set(result.tables["bits"]["player"]) - {UNTAUGHT} if "bits" in result.tables else set()


def bits(rows: np.ndarray) -> str:
    """Return rows (steps, 6) as a string of 0 and 1.

    Examples
    --------
    >>> bits(np.eye(2, 6, dtype=bool))
    '100000010000'
    """
    return "".join("1" if cell else "0" for cell in rows.ravel())


def unbits(text: str) -> np.ndarray:
    """Return the rows (steps, 6) of `bits`; from a URL, so whatever does not fit is silence."""
    cells = np.array([c == "1" for c in text[: GUIDE * WIDTH].ljust(GUIDE * WIDTH, "0")])
    return cells.reshape(-1, WIDTH)
