"""What is called later reaches the browser in its order, by one way; what is for nobody is dropped."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from bokeh.document import Document
from bokeh.models import Column, Div
from panel.io.document import extra_socket_handlers, schedule_write_events
from panel.io.state import state

from workbench.ui.deferred import later, send_rest


class Socket:
    """What stands for the browser."""


@pytest.fixture
def served(monkeypatch):
    """Return a document as a server holds it, its root column, and the list of messages that leave."""
    messages, column, doc = [], Column(), Document()

    def send(_connection, events=None, msg=None):
        messages.append([(type(event.model).__name__, event.attr) for event in events])
        return []

    monkeypatch.setitem(extra_socket_handlers, Socket, send)
    monkeypatch.setattr(type(state), "loaded", True)
    monkeypatch.setattr(type(state), "_thread_id", state._current_thread)
    doc.add_root(column)
    session = SimpleNamespace(_subscribed_connections=[SimpleNamespace(_socket=Socket())])
    doc._session_context = lambda: SimpleNamespace(session=session)
    return doc, column, messages


def test_all_that_changes_leaves_in_one_message_in_order(served):
    doc, column, messages = served
    new = Div(text="a")

    def call():
        column.children = [new]
        new.text = "b"
        assert messages == []

    later(doc, call)
    (waiting,) = doc.session_callbacks
    waiting.callback()
    assert messages == [[("Column", "children"), ("Div", "text")]]
    assert doc.callbacks.hold_value is None


def test_what_is_for_a_session_that_is_gone_is_dropped():
    doc = Document()
    later(doc, lambda: None)
    later(None, lambda: None)
    assert not doc.session_callbacks


def test_a_message_that_two_writing_tasks_of_panel_leave_between_them_is_sent(monkeypatch):
    sent, waits = [], []

    def send(_connection, events=None, msg=None):
        sent.append(msg)
        waits.append(asyncio.get_running_loop().create_future())
        return [waits[-1]]

    class Connection:
        _socket = Socket()
        protocol = SimpleNamespace(create=lambda _kind, events: events[0])

    async def serve():
        doc, connection = Document(), Connection()
        schedule_write_events(doc, [connection], ["first"])
        await asyncio.sleep(0.01)
        waits[0].set_result(None)  # it is written, and in the same turn of the loop
        schedule_write_events(doc, [connection], ["second"])  # the next one comes
        await asyncio.sleep(0.05)
        left = list(sent)
        send_rest(doc)
        await asyncio.sleep(0.05)
        return left

    monkeypatch.setitem(extra_socket_handlers, Socket, send)
    with ThreadPoolExecutor(1) as pool:  # Playwright may have left a loop in this thread
        left = pool.submit(lambda: asyncio.run(serve())).result()
    assert left == ["first"]  # once Panel has mended this, `send_rest` can go
    assert sent == ["first", "second"]
