"""The ladder: from no attack to all that the released code allows; what opens the door, and what it looks like."""

from __future__ import annotations

from typing import Any

import bokeh.models as bm
import numpy as np
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.doorping.views import style
from workbench.ui.frame import below, hover, pane, plain_figure, view
from workbench.ui.link import remember
from workbench.ui.palette import GRAY
from workbench.ui.style import html

WORDS = {
    ("clean", "as is"): "Nothing was poisoned; the stamp is a white square.",
    (
        "random",
        "as is",
    ): "A patch of random pixels that never changes: DOORPING's first trigger, and the control for it.",
    ("invisible", "as is"): "A faint image added to the whole picture; reconstructed, see Method.",
    ("naive", "as is"): "A white square, fixed before the distillation.",
    ("clipped", "as is"): "The trigger is renewed all along, but its pixels stay between black and white.",
    (
        "doorping",
        "cut",
    ): "The same victims as on the last rung; the trigger is cut to black and white when it is stamped.",
    (
        "doorping",
        "as is",
    ): "The trigger may leave the range of pixels. No file or camera can deliver it; the pictures show it cut.",
}


def ladder_view(result: Result, link: Any = None) -> pn.Column:
    """Draw ASR, null and CTA of every rung, and the stamped images of the one that is chosen."""
    carriers, victims = style.present(result, "carrier", style.CARRIERS), style.present(result, "victim", {})
    carrier = pmui.Select(label="Distilled by", options=carriers, value=next(iter(carriers.values())), width=220)
    victim = pmui.Select(label="Victim", options=victims, value=next(iter(victims.values())), width=160)
    rungs = rungs_of(result, carrier.value, victim.value)
    rung = pmui.DiscreteSlider(label="Rung", options=list(rungs), value=list(rungs)[-1], width=300)
    remember(link, carrier=carrier, victim=victim, rung=rung)
    plot_pane = pn.Column(sizing_mode="stretch_width", margin=0)
    told = html("")

    def draw() -> None:
        found = rungs_of(result, carrier.value, victim.value)
        if list(found) != list(rung.options):
            rung.param.update(options=list(found), value=rung.value if rung.value in found else list(found)[-1])
        plot_pane[:] = [pane(bars(found))]
        show()

    def show() -> None:
        found = rungs_of(result, carrier.value, victim.value)
        if rung.value in found:
            told.object = stamped_html(result, carrier.value, found[rung.value])

    for widget in (carrier, victim):
        widget.param.watch(lambda _: draw(), "value")
    rung.param.watch(lambda _: show(), "value")
    draw()
    return view(
        "A bar is the attack success rate: the share of stamped test images of other classes that victims take for the "
        "target class. The black line in it is the same share *without* a stamp: only what stands above it is a "
        "back door. Whiskers are 95 % intervals over distillations and victims. Slide along the ladder.",
        pn.FlexBox(carrier, victim, rung, gap="4px 16px", align_items="center"),
        plot_pane,
        told,
    )


def rungs_of(result: Result, carrier: str, victim: str) -> dict[str, dict[str, Any]]:
    """Return the rungs that a run has, with mean and interval of each measure."""
    rows = result.tables["victims"]
    rows = rows[(rows["carrier"] == carrier) & (rows["victim"] == victim)]
    found = {}
    for words, attack, test, color in style.RUNGS:
        part = rows[(rows["attack"] == attack) & (rows["test"] == test)]
        if len(part):
            numbers = {key: style.spread(part, key) for key in ("asr", "null", "cta", "asr_all", "null_all")}
            about = {"sets": part["seed"].nunique(), "victims": part["number"].nunique()}
            found[words] = {"attack": attack, "test": test, "color": color} | numbers | about
    return found


def bars(rungs: dict[str, dict[str, Any]]) -> Any:
    """Return the figure of all rungs."""
    names = list(rungs)
    data = {"name": names, "color": [r["color"] for r in rungs.values()]}
    for key in ("asr", "null", "cta"):
        for place, end in enumerate(("", "_low", "_high")):
            data[key + end] = [r[key][place] for r in rungs.values()]
    source = bm.ColumnDataSource(data)
    plot = plain_figure(360, "save", x_range=names, y_range=(0, 1.05))
    plot.yaxis.axis_label = "share of test images"
    bar = plot.vbar("name", 0.55, "asr", source=source, color="color", alpha=0.75, legend_label="stamped (ASR)")
    plot.rect("name", "null", 0.55, 2, height_units="screen", source=source, color="black", legend_label="no stamp")
    plot.segment("name", "asr_low", "name", "asr_high", source=source, line_width=2, color=GRAY)
    plot.scatter(
        "name", "cta", source=source, marker="diamond", size=11, color=GRAY, legend_label="clean accuracy (CTA)"
    )
    tips = (("", "@name"), ("ASR", "@asr{0.000} (@asr_low{0.000} to @asr_high{0.000})"), ("no stamp", "@null{0.000}"))
    plot.add_tools(hover(*tips, ("CTA", "@cta{0.000} (@cta_low{0.000} to @cta_high{0.000})"), renderers=[bar]))
    plot.xaxis.major_label_orientation = 0.6
    plot.xgrid.grid_line_color = None
    below(plot, 3)
    plot.legend.click_policy = "none"
    return plot


def stamped_html(result: Result, carrier: str, rung: dict[str, Any]) -> str:
    """Return the chosen rung in words, numbers and pictures."""
    attack = rung["attack"]
    lines = [
        f"<p><strong>{WORDS[attack, rung['test']]}</strong></p>",
        f"<p>ASR {style.ranged(rung['asr'])}; without a stamp {style.ranged(rung['null'])}. Over all test images, as "
        f"the released code counts: {style.ranged(rung['asr_all'])}; without a stamp {style.ranged(rung['null_all'])}. "
        f"Clean accuracy {style.ranged(rung['cta'])}. Distillations: {rung['sets']}, victims of each: "
        f"{rung['victims']}.</p>",
    ]
    if (name := f"patch_{carrier}_{attack}") in result.arrays:
        patch = np.asarray(result.arrays[name])[-1]
        few = np.asarray(result.arrays["tests"])[style.one_each(result)]
        shown = [("", style.picture(one, 120, "a stamped test image")) for one in style.patch_on(few, patch)]
        lines.append(style.framed(shown, 120))
        if rung["test"] == "as is" and len(patch) < few.shape[1]:
            lines.append(
                f"<p class='small'>The trigger's pixels go from {patch.min():.1f} to {patch.max():.1f}; 0 is black, 1 "
                "is white (first distillation).</p>"
            )
    return "".join(lines)
