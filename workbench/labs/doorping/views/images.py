"""The released images: clean, poisoned and their difference, as they come out of noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui

from workbench.contract import Result
from workbench.labs.doorping.common.sheets import tiled
from workbench.labs.doorping.views import style
from workbench.ui.frame import view
from workbench.ui.link import remember
from workbench.ui.style import html

END = "released"


def set_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the sheets and the arrays `film_*` of the first distillation."""
    kept = [name.removeprefix("patch_") for name in result.arrays if name.startswith("patch_")]
    carriers = {style.CARRIERS.get(c, c): c for c in dict.fromkeys(name.partition("_")[0] for name in kept)}
    carrier = pmui.Select(label="Distilled by", options=carriers, value=next(iter(carriers.values())), width=220)
    attack = pmui.Select(label="Attack", options=attacks_of(kept, carrier.value), width=230)
    attack.value = list(attack.options.values())[-1]
    time = pmui.DiscreteSlider(label="Iteration", options=times(result, carrier.value, attack.value), width=300)
    time.value = END
    more = pmui.IntSlider(label="Difference times", start=1, end=20, value=4, width=200)
    remember(link, carrier=carrier, attack=attack, more=more)
    pictures = html("")

    def other() -> None:
        options = attacks_of(kept, carrier.value)
        value = attack.value if attack.value in options.values() else list(options.values())[-1]
        attack.param.update(options=options, value=value)
        spots = times(result, carrier.value, attack.value)
        time.param.update(options=spots, value=time.value if time.value in spots else END)
        show()

    def show() -> None:
        pictures.object = sheets_html(result, carrier.value, attack.value, time.value, more.value)

    for widget in (carrier, attack):
        widget.param.watch(lambda _: other(), "value")
    for widget in (time, more):
        widget.param.watch(lambda _: show(), "value")
    show()
    return view(
        "A row is a class, in the order of the data card; pixels beyond black and white are cut for the eye. Both sets "
        "begin as the same noise and meet the same networks, so what differs was made by the poison: look at the row "
        "of the target class, and at the corner where the trigger lies. Gray in the difference means equal.",
        pn.FlexBox(carrier, attack, time, more, gap="4px 16px", align_items="center"),
        pictures,
    )


def attacks_of(kept: list[str], carrier: str) -> dict[str, str]:
    """Return words -> attack of the sets of a carrier."""
    return {one.label: one.name for one in style.ATTACKS.values() if f"{carrier}_{one.name}" in kept}


def times(result: Result, carrier: str, attack: str) -> list[Any]:
    """Return the iterations of which there are pictures, and the end; the first carrier alone was filmed."""
    name = f"film_at_{carrier}_{attack}"
    return [*(int(v) for v in result.arrays[name]), END] if name in result.arrays else [END]


def sheets_html(result: Result, carrier: str, attack: str, time: Any, more: int) -> str:
    """Return the sheets of an attack, of the clean set, and of their difference."""
    dirty, clean = (at_time(result, carrier, name, time) for name in (attack, "clean"))
    parts = [(style.ATTACKS[attack].label, sheet(dirty, f"synthetic images, {attack}"))]
    if clean is not None and attack != "clean":
        gap = np.clip(128 + more * (dirty.astype(int) - clean.astype(int)), 0, 255).astype(np.uint8)
        parts.insert(0, (style.ATTACKS["clean"].label, sheet(clean, "synthetic images, no attack")))
        parts.append((f"difference, {more} times", sheet(gap, "difference of the two sets")))
    return style.framed(parts, 340)


def at_time(result: Result, carrier: str, attack: str, time: Any) -> np.ndarray | None:
    """Return the images (classes, some, h, w, channels) at an iteration or the end; None if there are none."""
    short = f"{carrier}_{attack}"
    if time == END:
        return style.released(result, short)
    places = times(result, carrier, attack)
    return np.asarray(result.arrays[f"film_{short}"])[places.index(time)] if time in places else None


def sheet(images: np.ndarray, words: str) -> str:
    """Return images (classes, some, h, w, channels) as one picture."""
    return style.picture(tiled(images), min(340, 44 * images.shape[1]), words)
