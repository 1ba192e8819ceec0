"""Open a run by a click on its point in a plot."""

from __future__ import annotations

import bokeh.models as bm
from bokeh.plotting import figure

# The click follows the run's link as if it stood in the page: the address component hears it
OPEN = """
const index = cb_data.source.selected.indices[0]
if (index === undefined) { return }
const link = document.createElement("a")
link.href = cb_data.source.data.link[index]
link.setAttribute("href", cb_data.source.data.link[index])
cb_data.source.selected.indices = []
document.body.append(link)
link.click()
link.remove()
"""


def open_on_click(plot: figure, renderers: list, tips: list[tuple[str, str]]) -> None:
    """Open a run on a click on these glyphs; its address stands in their source's column ``link``."""
    if renderers:
        hover = bm.HoverTool(renderers=renderers, tooltips=[*tips, ("", "click opens the run")])
        plot.add_tools(hover, bm.TapTool(renderers=renderers, callback=bm.CustomJS(code=OPEN)))
