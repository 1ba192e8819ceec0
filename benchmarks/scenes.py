"""How long the 3-D view of a scene takes to appear, and how many frames a second it shows while it is turned.

    python benchmarks/scenes.py          about three minutes; needs Chromium

A sweep of 120,000 points with 60 boxes, of which the view sends 50,000 points. Measured in a real Chromium: from the
press on "Show in 3-D" to the end of the frame that shows it, and frames a second while an arrow key is held down. Every
visit has a browser of its own: frames that one page left to the software renderer would be waited for by the next.
Peer in the same run: the same 50,000 points from above as a Bokeh scatter (WebGL), without any box, put into the page
by a button and panned. Chromium draws in software (SwiftShader), so seconds say little of a machine with a GPU.
Writes benchmarks/scenes.json. The exit code is 1 when the peer appears sooner, or moves smoother.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from harness import served

VISITS, SECONDS = 3, 5
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
FLAGS += ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
APP = """
import sys
import numpy as np, panel as pn, panel_material_ui as pmui
from bokeh.plotting import figure
from workbench.data.scenes.pictures import heights
from workbench.data.scenes.scene import Scene, boxes
from workbench.ui.plots.scene_3d import Space
from workbench.ui.plots.scene_plots import rgba
from workbench.ui.plots.scene_rows import Rows
from workbench_widgets.scene import looks

rng = np.random.default_rng(0)
far, turn = 1 + 54 * rng.random(120_000) ** 2, 2 * np.pi * rng.random(120_000)  # denser near the sensor, as a sweep is
columns = [far * np.cos(turn), far * np.sin(turn), rng.normal(-1, 1, 120_000), rng.random(120_000), 0 * far]
points = np.stack(columns, 1).astype(np.float32)
where = np.column_stack([rng.uniform(-40, 40, (60, 2)), np.zeros(60)])
cars = boxes(where, np.tile([4.2, 1.9, 1.6], (60, 1)), rng.uniform(-3, 3, 60), np.zeros(60), ("car",))
scene = Scene("sweep", points, np.full(len(points), -1, np.int16), boxes=cars)

def ours():
    rows = Rows(cars, None)
    space = Space(scene, rows)
    color, shown, _ = rows.drawn("class", 0)
    space.view.looks = looks(color, shown)
    return space.layout

def peer():
    button, place = pmui.Button(label="Show"), pn.Column()
    def show(_):
        some = points[np.linspace(0, len(points) - 1, 50_000).astype(int)]
        plot = figure(width=900, height=540, output_backend="webgl", background_fill_color="#12161E")
        plot.scatter(-some[:, 1], some[:, 0], size=1.6, fill_color=rgba(heights(some[:, 2])), line_color=None)
        place.append(pn.pane.Bokeh(plot))
    button.on_click(show)
    return pn.Column(button, place)

pn.serve({"ours": ours, "peer": peer}, port=int(sys.argv[1]), show=False)
"""
TOOLS = """
const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...e.shadowRoot ? all(e.shadowRoot) : []])
const frame = () => new Promise((done) => requestAnimationFrame(done))
const ended = () => new Promise((done) => { // runs once the frame under way is handed on
  const channel = new MessageChannel()
  channel.port1.onmessage = done
  channel.port2.postMessage(0)
})
const plot = () => [...Bokeh.documents[0]._all_models.values()].find((m) => m.type === "Figure")
const there = (ours) => ours
  ? all(document).find((e) => e.matches?.(".scene-view[data-drawn]"))
  : plot() && Bokeh.index.find_one(plot())?.has_finished()
"""
APPEAR = f"""async (ours) => {{
  {TOOLS}
  const button = all(document).find((e) => e.tagName === "BUTTON" && e.textContent.includes("Show"))
  const start = performance.now()
  button.click()
  while (!there(ours)) {{ await frame() }}
  await ended()
  return performance.now() - start
}}"""
MOVE = f"""async ([ours, seconds]) => {{
  {TOOLS}
  const stage = all(document).find((e) => e.matches?.(".scene-view .stage"))
  const range = ours ? null : plot().x_range
  await frame()
  const start = performance.now()
  let frames = 0
  for (; performance.now() - start < 1000 * seconds; frames++) {{
    if (ours) {{ stage.dispatchEvent(new KeyboardEvent("keydown", {{key: "ArrowLeft"}})) }}
    else {{ range.setv({{start: range.start + 0.5, end: range.end + 0.5}}) }}
    await frame()
    await ended()
  }}
  return frames / (performance.now() - start) * 1000
}}"""


def measured(folder: Path) -> dict[str, dict[str, list[float]]]:
    """Return ms to appear, and frames a second, of every visit."""
    from playwright.sync_api import sync_playwright

    found: dict[str, dict[str, list[float]]] = {name: {"ms": [], "fps": []} for name in ("ours", "peer")}
    with sync_playwright() as playwright, served(folder, APP) as (address, _):
        for visit in range(VISITS + 1):  # in turns; the first one is not counted
            for name, values in found.items():
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
                page = browser.new_page(viewport={"width": 1000, "height": 760})
                page.set_default_timeout(120_000)
                page.goto(f"{address}/{name}")
                page.get_by_role("button", name="Show").wait_for()
                page.wait_for_timeout(500)
                ms = page.evaluate(APPEAR, name == "ours")
                fps = page.evaluate(MOVE, [name == "ours", SECONDS])
                if visit:
                    values["ms"].append(ms)
                    values["fps"].append(fps)
                browser.close()
    return found


def main() -> int:
    """Measure, print, write; returns the exit code."""
    with tempfile.TemporaryDirectory() as name:
        found = measured(Path(name))
    shown = {}
    for name, values in found.items():
        shown[name] = {
            "first_picture_ms": round(median(values["ms"])),
            "from_to_ms": [round(min(values["ms"])), round(max(values["ms"]))],
            "frames_a_second": round(median(values["fps"]), 2),
        }
        print(f"{name}: first picture {shown[name]['first_picture_ms']} ms {shown[name]['from_to_ms']}, "
              f"{shown[name]['frames_a_second']} frames a second")  # fmt: skip
    sooner = shown["peer"]["first_picture_ms"] / shown["ours"]["first_picture_ms"]
    smoother = shown["ours"]["frames_a_second"] / shown["peer"]["frames_a_second"]
    reached = sooner >= 1 and smoother >= 1
    print(f"{sooner:.2f} times sooner, {smoother:.2f} times the frames; goals reached: {'yes' if reached else 'NO'}")
    load = [round(n, 1) for n in os.getloadavg()]
    result = {"visits": VISITS, "seconds": SECONDS, "load": load, "sooner": sooner, "smoother": smoother, **shown}
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
