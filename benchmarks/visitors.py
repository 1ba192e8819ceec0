"""Those who visit a server in `load.py`: some in a real browser, the others speaking Bokeh's protocol by themselves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import time
from typing import Any
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient
from tornado.websocket import websocket_connect

SLIDER = "Rotation (degrees)"  # what is moved
PATIENCE = 60  # seconds until a move without an answer is an error
SHORT = {"dataset": "iris", "studies": ["set"]}  # a run of some seconds, so that everybody has a turn
QUERY = urlencode({"lab": "rs", "run": "recorded-rs", "tab": "Move the classes", "params": json.dumps(SHORT)})
ANSWER = {"name", "value", "text"}  # the columns of what the answer changes last: the accuracies of the classifiers
JS_MOVE = """([label, value]) => new Promise((done) => {
  const models = [...Bokeh.documents[0]._all_models.values()]
  const slider = models.find((m) => m.attributes.label === label)
  const columns = (data) => (data instanceof Map ? [...data.keys()] : Object.keys(data)).sort().join()
  const answer = models.find((m) => m.type === "ColumnDataSource" && columns(m.data) === "name,text,value")
  const start = performance.now()
  const gone = setInterval(() => { if (slider.document === null) { clearInterval(gone); done(null) } }, 200)
  const drawn = () => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)))
  const heard = () => { clearInterval(gone); answer.properties.data.change.disconnect(heard); drawn() }
  answer.properties.data.change.connect(heard)
  slider.value = value
})"""


class Visitor:
    """A session without a browser: it speaks Bokeh's websocket protocol in plain JSON."""

    def __init__(self, address: str):
        self.address = address
        self.ids: dict[str, str] = {}  # label -> id of the newest model with it
        self.answered = asyncio.Event()
        self.lost = False
        self._speaking = asyncio.Lock()  # a message has three parts; a move and a run must not mix theirs

    async def enter(self) -> None:
        """Load the page as a browser does, open its websocket, and wait for the slider."""
        page = await AsyncHTTPClient().fetch(f"{self.address}?{QUERY}", request_timeout=300)
        token = re.search(r'"token":"([^"]+)"', page.body.decode())[1]
        address = self.address.replace("http", "ws", 1) + "/ws"
        self.line = await websocket_connect(address, subprotocols=["bokeh", token], max_message_size=2**28)
        await self._receive()  # the greeting
        await self._send("PULL-DOC-REQ", {})
        self._learn(await self._receive())
        self._listener = asyncio.create_task(self._listen())
        await self._tell("document_ready", [])
        while SLIDER not in self.ids:
            await asyncio.sleep(0.1)

    async def move(self, value: float) -> float | None:
        """Move the slider and return the milliseconds until its answer is here.

        None if the view was replaced meanwhile: a run of this session ended, and its result stands there now.
        """
        self.answered.clear()
        start, slider = time.perf_counter(), self.ids[SLIDER]
        await self._patch({"kind": "ModelChanged", "model": {"id": slider}, "attr": "value", "new": value})
        while not self.answered.is_set():
            if time.perf_counter() - start > PATIENCE:
                raise TimeoutError("no answer")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.answered.wait(), 0.2)
            if self.ids[SLIDER] != slider:
                return None
        return 1e3 * (time.perf_counter() - start)

    async def run(self) -> None:
        """Press the button Run."""
        button = {"id": self.ids["button Run"]}
        await self._tell("dom_event", [["model", button], ["node", "click"], ["data", {"type": "map"}]])

    async def leave(self) -> None:
        self._listener.cancel()
        self.line.close()

    async def _tell(self, name: str, values: list) -> None:
        event = {"type": "event", "name": name, "values": {"type": "map", "entries": values}}
        await self._patch({"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event})

    async def _patch(self, event: dict) -> None:
        await self._send("PATCH-DOC", {"events": [event]})

    async def _send(self, kind: str, content: dict) -> None:
        async with self._speaking:
            for part in ({"msgid": os.urandom(8).hex(), "msgtype": kind}, {}, content):
                await self.line.write_message(json.dumps(part))

    async def _receive(self) -> str:
        """Return the content of the next message."""
        header = json.loads(await self._part())
        await self._part()
        content = await self._part()
        for _ in range(2 * header.get("num_buffers", 0)):
            await self._part()
        return content

    async def _part(self) -> Any:
        part = await self.line.read_message()
        if part is None:
            raise ConnectionError("the server closed the websocket")
        return part

    async def _listen(self) -> None:
        try:
            while True:
                content = await self._receive()
                if '"label"' in content:
                    self._learn(content)
                if "ColumnDataChanged" in content and set(re.findall(r'"(\w+)"', content)) >= ANSWER:
                    self.answered.set()
        except ConnectionError:
            self.lost = True

    def _learn(self, content: str) -> None:
        """Remember the models that we want to touch."""

        def walk(node: Any) -> None:
            if isinstance(node, list):
                for part in node:
                    walk(part)
            elif isinstance(node, dict):
                attributes = node.get("attributes") or {}
                if attributes.get("label") == SLIDER:
                    self.ids[SLIDER] = node["id"]
                inner = attributes.get("data")
                if isinstance(inner, dict) and (inner.get("attributes") or {}).get("label") == "Run":
                    self.ids["button Run"] = node["id"]
                for part in node.values():
                    walk(part)

        walk(json.loads(content))


class Tab:
    """A session in a real browser, driven by the same words."""

    def __init__(self, browser: Any, address: str, wrong: list[str]):
        self.browser, self.address, self.wrong, self.lost = browser, address, wrong, False

    async def enter(self) -> None:
        self.page = await self.browser.new_page(viewport={"width": 1280, "height": 900})
        self.page.set_default_timeout(300_000)
        self.page.on("console", lambda m: self.wrong.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        await self.page.goto(f"{self.address}?{QUERY}")
        await self.page.get_by_text(re.compile("answered in")).wait_for()

    async def move(self, value: float) -> float | None:
        return await asyncio.wait_for(self.page.evaluate(JS_MOVE, [SLIDER, value]), PATIENCE)

    async def run(self) -> None:
        await self.page.get_by_role("button", name="Run", exact=True).click()

    async def leave(self) -> None:
        await self.page.close()
