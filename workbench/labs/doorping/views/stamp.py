"""Stamp it yourself: put the attacker's trigger, or one that you draw, on a test image, and the victim answers."""

from __future__ import annotations

from html import escape
from typing import Any

import bokeh.models as bm
import numpy as np
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.doorping.params import Question
from workbench.labs.doorping.views import style
from workbench.ui.controls import controls
from workbench.ui.frame import below, needs_page, pane, plain_figure, view
from workbench.ui.link import remember
from workbench.ui.palette import BLUE, GRAY, ORANGE, VERMILLION
from workbench.ui.style import html

HOW = (
    "A victim of the first distillation answers for a test image with and without a stamp. Turn the attacker's stamp "
    "up and down, cut it to what a picture can hold, or draw your own: click pixels of the small square, and drag the "
    "dot to where it should lie. Bright pixels in *where it looks* move the logit of the target class most."
)
OWN, THEIRS = "my own", "the attacker's"
SIZE = 6  # pixels of a drawn stamp


def stamp_view(result: Result, link: Any = None) -> pn.Column:
    """Return the view that probes."""
    if link is None:
        return needs_page(HOW, "a victim answers")
    return view(HOW, Stamp(result, link).layout)


class Stamp:
    """Controls, the request they make, and the answer."""

    def __init__(self, result: Result, link: Any):
        self.result, self.link = result, link
        self.classes = list(result.tables["card"]["class"])
        kept = (
            result.tables["victims"]
            .query("seed == 0 and number == 0")[["carrier", "attack", "victim"]]
            .drop_duplicates()
        )
        options = {f"{style.ATTACKS[a].label}, {c}, {v}": f"{c}/{a}/{v}" for c, a, v in kept.itertuples(index=False)}
        favorite = [value for value in options.values() if "/doorping/" in value] or list(options.values())
        self.which = pmui.Select(label="Victim", options=options, value=favorite[0], width=300)
        self.rows = [int(v) for v in result.arrays["test_rows"]]
        self.image = pmui.DiscreteSlider(label="Test image", options=list(range(len(self.rows))), value=7, width=220)
        self.mode = pmui.Select(label="Stamp", options=[THEIRS, OWN], value=THEIRS, width=150)
        self.strength, self.cut = controls(Question, strength=180, cut=230).values()
        self.ink = pmui.FloatSlider(label="Ink (0 black, 1 white)", start=0, end=1, step=0.1, value=1.0, width=180)
        self.all = pmui.Button(label="Stamp all test images", variant="outlined", size="small")
        remember(link, who=self.which, picture=self.image, mode=self.mode, strength=self.strength, cut=self.cut)
        self.side = int(result.arrays["tests"].shape[1])
        self.patch = np.ones((SIZE, SIZE))
        self.place = bm.ColumnDataSource({"x": [self.side - SIZE - 1.0], "y": [1.0]})
        self.pixels = bm.ColumnDataSource(self._pixels())
        self.note, self.told = html("Asking …"), html("")
        self.bars = bm.ColumnDataSource({"name": [], "clean": [], "stamped": []})
        self.own = pn.Row(pn.pane.Bokeh(self._pad()), pn.pane.Bokeh(self._field()), self.ink, visible=False)
        for widget in (self.which, self.image, self.strength, self.cut):
            widget.param.watch(lambda _: self._ask(), "value")
        self.mode.param.watch(self._switch, "value")
        self.all.on_click(lambda _: self._ask(True))
        self.pixels.selected.on_change("indices", self._painted)
        self.place.on_change("data", self._moved)
        self._switch(None)

    @property
    def layout(self) -> pn.Column:
        first = pn.FlexBox(self.which, self.image, self.mode, gap="4px 16px", align_items="center")
        second = pn.FlexBox(self.strength, self.cut, self.all, gap="4px 16px", align_items="center")
        parts = (first, second, self.own, self.note, self.told, pane(self._figure()))
        return pn.Column(*parts, sizing_mode="stretch_width", styles={"max-height": "none"})

    def _switch(self, _event: Any) -> None:
        mine = self.mode.value == OWN
        self.own.visible, self.strength.disabled = mine, mine
        self._ask()

    def _pixels(self) -> dict[str, list]:
        rows, columns = np.mgrid[:SIZE, :SIZE]
        shade = [f"#{3 * format(round(255 * v), '02x')}" for v in self.patch.flat]
        return {"x": columns.ravel().tolist(), "y": (SIZE - 1 - rows).ravel().tolist(), "shade": shade}

    def _painted(self, _attr: str, _old: list[int], new: list[int]) -> None:
        """Put the ink on the pixel that was clicked."""
        if new:
            self.patch.flat[new[0]] = self.ink.value
            self.pixels.data = self._pixels()
            self.pixels.selected.indices = []
            self._ask()

    def _moved(self, _attr: str, _old: Any, _new: Any) -> None:
        self._ask()

    def _pad(self) -> Any:
        """Return the small square whose pixels are clicked."""
        plot = plain_figure(
            190, "tap", x_range=(-0.5, SIZE - 0.5), y_range=(-0.5, SIZE - 0.5), title="draw: click pixels"
        )
        plot.rect("x", "y", 1, 1, source=self.pixels, fill_color="shade", line_color=GRAY, nonselection_alpha=1)
        plot.axis.visible = False
        plot.update(width=190, sizing_mode="fixed")
        return plot

    def _field(self) -> Any:
        """Return the frame of the picture, on which the stamp is dragged."""
        plot = plain_figure(190, "", x_range=(0, self.side), y_range=(0, self.side), title="place: drag the dot")
        dot = plot.scatter("x", "y", source=self.place, size=22, marker="square", color=VERMILLION, alpha=0.8)
        tool = bm.PointDrawTool(renderers=[dot], add=False)
        plot.add_tools(tool)
        plot.toolbar.active_tap = tool
        plot.axis.visible = False
        plot.update(width=190, sizing_mode="fixed")
        return plot

    def _ask(self, everyone: bool = False) -> None:
        carrier, attack, victim = self.which.value.split("/")
        request = {"carrier": carrier, "attack": attack, "victim": victim, "image": self.rows[self.image.value]}
        request |= {"strength": self.strength.value, "cut": self.cut.value, "everyone": everyone}
        if self.mode.value == OWN and self.place.data["x"]:
            left, bottom = float(self.place.data["x"][0]), float(self.place.data["y"][0])
            corner = np.clip(np.rint([self.side - SIZE - bottom, left]).astype(int), 0, self.side - SIZE)
            request |= {"patch": self.patch.tolist(), "at": corner.tolist()}
        self.link.probe(request, self._answer, self._refuse, channel="stamp")

    def _refuse(self, error: Exception) -> None:
        self.note.object = f"<p class='small'><strong>No answer.</strong> {escape(str(error))}</p>"

    def _answer(self, answer: Result) -> None:
        found, chances = answer.metrics, answer.arrays["chances"]
        said = [escape(self.classes[int(found[key])]) for key in ("label", "clean", "stamped")]
        pictures, looks = answer.arrays["pictures"], answer.arrays["looks"]
        glow = (255 * looks / max(float(looks.max()), 1e-12)).astype(np.uint8)[..., None]  # both by one measure
        names = ("no stamp", "stamped", "where it looks: no stamp", "where it looks: stamped")
        shown = [style.picture(one, 150, words) for words, one in zip(names, (*pictures, *glow), strict=True)]
        self.told.object = style.framed(list(zip(names, shown, strict=True)), 150)
        self.bars.data = {"name": self.classes, "clean": chances[0].tolist(), "stamped": chances[1].tolist()}
        beyond = (
            f" The stamp leaves the range by {found['excess']:.1f} widths; the picture shows it cut."
            if found["excess"] > 0.01
            else ""
        )
        rates = (
            f" Of all test images of other classes {found['asr']:.1%} are taken for the target with this stamp, "
            f"{found['null']:.1%} without." if "asr" in found else ""
        )  # fmt: skip
        self.note.object = (
            f"<p>A <strong>{said[0]}</strong>. Without a stamp the victim says <strong>{said[1]}</strong>, with it "
            f"<strong>{said[2]}</strong>.{beyond}{rates} <span class='small soft'>answered in "
            f"{found['milliseconds']:.0f} ms</span></p>"
        )

    def _figure(self) -> Any:
        plot = plain_figure(260, "save", x_range=self.classes, y_range=(0, 1))
        for shift, key, color, words in ((-0.18, "clean", BLUE, "no stamp"), (0.18, "stamped", ORANGE, "stamped")):
            where = bm.Dodge(value=shift, range=plot.x_range)
            plot.vbar(
                {"field": "name", "transform": where}, 0.34, key, source=self.bars, color=color, legend_label=words
            )
        plot.yaxis.axis_label = "probability"
        plot.xaxis.major_label_orientation = 0.6
        plot.xgrid.grid_line_color = None
        below(plot, 2)
        return plot
