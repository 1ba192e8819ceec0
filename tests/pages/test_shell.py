"""The page in a process of its own: no torch, no lab imported before it is wanted."""

import asyncio
import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from tornado.websocket import WebSocketClosedError

from workbench.pages.gallery import gallery_html
from workbench.pages.lab.progress import live_html
from workbench.pages.shell import _let_leave
from workbench.runs.describe import format_number
from workbench.ui.style import seconds, size


def test_the_page_never_imports_torch():
    code = (
        "import sys, workbench.pages.shell, workbench.labs.rs.views; "
        "print([m for m in ('torch', 'napari', 'open3d', 'monai') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == "[]"


def test_every_page_is_told_of_the_widgets_models_however_early_it_opens():
    code = (
        "import json, panel as pn; from bokeh.document import Document; "
        "from workbench.pages import shell; shell.threading.Thread.start = lambda thread: None; "  # as slow as can be
        "shell.open_engine = lambda: None; shell.warm(); "
        "print([model['name'] for model in Document().to_json(deferred=False)['defs']])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    for name in ("Slices", "Surfaces", "StepGrid", "ClassHandles"):
        assert f"'{name}1'" in done.stdout


def test_gallery_links_only_to_labs_that_work():
    text = gallery_html()
    assert 'href="?lab=rs"' in text
    assert "?lab=reft" not in text
    assert "planned" in text


def test_snapshot_in_words():
    from workbench.engine import Live

    text = live_html(Live("a", "running", stage="tasks <1>", done=3, total=12, elapsed=65, remaining=195, device="cpu"))
    assert 'aria-valuenow="25"' in text
    assert "tasks &lt;1&gt;" in text
    assert "1 min 05 s" in text
    assert "about 3 min 15 s" in text
    assert "number 2" in live_html(Live("a", queue_position=2))
    assert "Stopping" in live_html(Live("a", "running", stopping=True))


def test_numbers_as_people_write_them():
    assert [format_number(v) for v in (None, float("nan"), 0.123456, 12345, True)] == [
        "–",
        "–",
        "0.1235",
        "12,345",
        "True",
    ]
    assert [seconds(v) for v in (None, 4.21, 42, 7800)] == ["–", "4.2 s", "42 s", "2 h 10 min"]
    assert [size(v) for v in (0, 999, 2_500_000, 3e10)] == ["–", "999 B", "2.5 MB", "30.0 GB"]


def test_who_leaves_in_the_middle_of_a_message_is_no_error_and_everything_else_is(caplog):
    async def fail(error):
        raise error

    async def serve():
        _let_leave()
        asyncio.ensure_future(fail(WebSocketClosedError()))
        asyncio.ensure_future(fail(ValueError("a mistake")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.collect()

    with ThreadPoolExecutor(1) as pool:  # Playwright may have left a loop in this thread
        pool.submit(lambda: asyncio.run(serve())).result()
    assert "a mistake" in caplog.text and "WebSocketClosedError" not in caplog.text
