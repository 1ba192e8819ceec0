"""The step grid: its parts in Python, and in a real browser what a hand does, what sounds and what is downloaded."""

from __future__ import annotations

import base64
import io
import re
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import panel as pn
import pytest
import symusic

from workbench_widgets import StepGrid, hit_list, jupyter_widget

KICK, SNARE, HAT = 3, 2, 4
START = [[0, KICK, 100, 0.0], [4, SNARE, 90, 0.1], [8, KICK, 60, -0.25], [12, SNARE, 127, 0.0], [16, HAT, 30, 0.0]]
LISTEN = """
    // taps everything that goes to the loudspeaker, and notes when each sound is to start
    window.heard = {taps: [], starts: []}
    const connect = AudioNode.prototype.connect
    AudioNode.prototype.connect = function(to, ...rest) {
        if (to instanceof AudioDestinationNode && this.context instanceof AudioContext) {
            const tap = new AnalyserNode(this.context, {fftSize: 32768})
            connect.call(this, tap)
            window.heard.taps.push(tap)
        }
        return connect.call(this, to, ...rest)
    }
    const start = AudioBufferSourceNode.prototype.start
    AudioBufferSourceNode.prototype.start = function(when, ...rest) {
        if (this.context instanceof AudioContext) { window.heard.starts.push(when) }
        return start.call(this, when, ...rest)
    }
    window.loudness = () => Math.max(0, ...window.heard.taps.map((tap) => {
        const wave = new Float32Array(tap.fftSize)
        tap.getFloatTimeDomainData(wave)
        return Math.sqrt(wave.reduce((sum, x) => sum + x * x, 0) / wave.length)
    }))
"""


# ------------------------------------------------------------------------------------------------------- in Python
def test_hit_list_puts_columns_together():
    assert hit_list([0, 4], [3, 2], 90, [0.0, 0.25]) == [[0, 3, 90, 0.0], [4, 2, 90, 0.25]]
    assert hit_list([1], [5], [127], 0, pitch=[43]) == [[1, 5, 127, 0.0, 43]]
    assert hit_list([], []) == []


@pytest.mark.parametrize(
    ("hits", "says"),
    [
        (([-1], [0]), "count from 0"),
        (([0], [0], [0]), "1 to 127"),
        (([0], [0], [128]), "1 to 127"),
        (([0], [0], [64], [0.6]), "fraction of a step"),
    ],
)
def test_hit_list_refuses_what_is_no_hit(hits, says):
    with pytest.raises(ValueError, match=says):
        hit_list(*hits)


@pytest.mark.parametrize("kind", [StepGrid, jupyter_widget(StepGrid)], ids=["panel", "jupyter"])
def test_edits_replace_their_cells_and_nothing_else(kind):
    grid = kind(hits=START)
    seen = []
    watch = lambda *_: seen.append((list(grid.hits), grid.revision))  # noqa: E731
    if kind is StepGrid:
        grid.param.watch(watch, "settled")
    else:
        grid.observe(watch, "settled")
    grid.edits = [5, 1, [[4, SNARE, []], [2, HAT, [[80, 0.0], [40, 0.3]]]]]
    expected = [START[0], [2, HAT, 80, 0.0], [2, HAT, 40, 0.3], *START[2:]]
    assert grid.hits == expected
    assert seen == [(expected, 5)], "who watches `settled` sees the finished hits"


def test_both_kinds_have_the_same_fields_and_module():
    widget, component = jupyter_widget(StepGrid)(), StepGrid()
    names = [name for name in vars(StepGrid) if name in StepGrid.param and name != "name"]
    assert {"hits", "tempo", "samples", "edits"} < set(names)
    for name in names:
        assert getattr(widget, name) == getattr(component, name)
        assert widget.trait_metadata(name, "sync")
    assert widget._esm == StepGrid._esm


def test_the_module_imports_nothing_and_asks_no_other_host():
    assert not re.search(r"^\s*import\b", StepGrid._esm, re.MULTILINE)
    assert set(re.findall(r"https?://[^\"']*", StepGrid._esm)) == {
        "http://www.w3.org/2000/svg"
    }  # a name, never fetched
    assert StepGrid._esm.count("export default") == 1
    model = StepGrid().get_root().select_one({"class_name": "StepGrid"})
    assert not (model.importmap or {}).get("imports")


# -------------------------------------------------------------------------------------------------- in the browser
@pytest.fixture(scope="module")
def shown(served) -> Iterator[tuple]:
    """Yield (grid, other grid, the browser page that shows both)."""
    grid, other = StepGrid(hits=START, width=900), StepGrid(hits=START, width=900)
    column = pn.Column(grid, other)
    with served(column, 1000, 900, LISTEN) as tab:
        tab.column = column
        tab.get_by_role("grid").nth(1).wait_for(timeout=60_000)
        yield grid, other, tab


@pytest.fixture
def page(shown):
    """Return (grid, page) with the grid as it was at first."""
    grid, other, tab = shown
    cell(tab, "kick", 0).focus()
    tab.keyboard.press("Escape")  # nothing is selected
    fields = {"hits": START, "steps": 32, "tempo": 120.0, "loop": [], "playing": False, "muted": [], "soloed": []}

    def at_start() -> bool:  # again and again: what a hand changed last may still be on its way to Python
        grid.param.update(**fields, prompt_steps=0, marks=[], curve=[], probabilities=[], editable=True)
        other.hits = START
        pressed = tab.locator(
            "button[aria-pressed=true][aria-label^=Mute], button[aria-pressed=true][aria-label^=Solo]"
        )
        tempo = tab.get_by_role("spinbutton", name="Tempo").first.input_value()
        hits, heads = tab.locator(".hit").count(), tab.locator(".head:visible").count()
        columns = tab.get_by_role("grid").first.get_by_role("row", name="kick", exact=True).get_by_role("gridcell")
        return (hits, heads, pressed.count(), tempo, columns.count()) == (2 * len(START), 0, 0, "120", 32)

    until(tab, at_start, "the grid as it was at first")
    tab.evaluate("window.heard.starts = []")
    return grid, tab


def until(tab, holds, what="it") -> None:
    for _ in range(1200):
        if holds():
            return
        tab.wait_for_timeout(50)
    raise AssertionError(f"{what} did not come to hold within 60 s")


def cell(tab, piece: str, step: int):
    return tab.get_by_role("grid").first.get_by_role("row", name=piece, exact=True).get_by_role("gridcell").nth(step)


def press(tab, name: str) -> None:
    tab.get_by_role("button", name=name, exact=True).first.click()


def middle(tab, piece: str, step: int) -> tuple[float, float]:
    box = cell(tab, piece, step).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(tab, start: tuple[float, float], dx: float, dy: float) -> None:
    tab.mouse.move(*start)
    tab.mouse.down()
    tab.mouse.move(start[0] + dx / 2, start[1] + dy / 2)
    tab.mouse.move(start[0] + dx, start[1] + dy, steps=3)
    tab.mouse.up()


def at(grid: StepGrid, step: int, piece: int) -> list:
    return [hit[2:] for hit in grid.hits if hit[:2] == [step, piece]]


def test_a_click_sets_a_hit_and_another_removes_it(page):
    grid, tab = page
    settled = grid.settled
    cell(tab, "hi-hat", 2).click()
    until(tab, lambda: grid.settled == settled + 1)
    assert len(grid.hits) == len(START) + 1
    assert at(grid, 2, HAT)
    assert grid.cursor == 2
    until(tab, lambda: "hi-hat · 1.1.3 · velocity" in cell(tab, "hi-hat", 2).get_attribute("aria-label"))
    cell(tab, "hi-hat", 2).click()
    until(tab, lambda: grid.hits == START)
    until(tab, lambda: cell(tab, "hi-hat", 2).get_attribute("aria-label") == "hi-hat · 1.1.3 · silent")


def test_dragging_sideways_draws_and_from_a_hit_erases(page):
    grid, tab = page
    width = cell(tab, "ride", 0).bounding_box()["width"]
    drag(tab, middle(tab, "ride", 3), 5 * width, 0)
    until(tab, lambda: [h[0] for h in grid.hits if h[1] == 1] == [3, 4, 5, 6, 7, 8], "six hits in a row")
    drag(tab, middle(tab, "ride", 8), -3 * width, 0)
    until(tab, lambda: [h[0] for h in grid.hits if h[1] == 1] == [3, 4], "two hits left")
    press(tab, "Undo")
    until(tab, lambda: [h[0] for h in grid.hits if h[1] == 1] == [3, 4, 5, 6, 7, 8], "one undo for one drag")
    press(tab, "Undo")
    until(tab, lambda: grid.hits == START)
    press(tab, "Redo")
    until(tab, lambda: len(grid.hits) == len(START) + 6)


def test_dragging_up_is_louder_and_seen_as_height(page):
    grid, tab = page
    height = cell(tab, "kick", 8).locator(".hit").bounding_box()["height"]
    drag(tab, middle(tab, "kick", 8), 0, -40)
    until(tab, lambda: at(grid, 8, KICK) == [[100, -0.25]], "40 pixels are 40 velocities")
    until(tab, lambda: cell(tab, "kick", 8).locator(".hit").bounding_box()["height"] > height + 4)
    drag(tab, middle(tab, "kick", 8), 0, -80)
    until(tab, lambda: at(grid, 8, KICK) == [[127, -0.25]], "no louder than 127")


def test_alt_drag_moves_a_hit_off_its_step(page):
    grid, tab = page
    width = cell(tab, "snare", 4).bounding_box()["width"]
    tab.keyboard.down("Alt")
    drag(tab, middle(tab, "snare", 4), width / 4, 0)
    tab.keyboard.up("Alt")
    until(tab, lambda: at(grid, 4, SNARE) == [[90, pytest.approx(0.35, abs=0.03)]])
    until(tab, lambda: "ms late" in cell(tab, "snare", 4).get_attribute("aria-label"))
    drag_first = middle(tab, "kick", 0)
    tab.keyboard.down("Alt")
    drag(tab, drag_first, -width / 2, 0)
    tab.keyboard.up("Alt")
    tab.wait_for_timeout(300)
    assert at(grid, 0, KICK) == [[100, 0.0]], "nothing sounds before the first step"


def test_shift_and_wheel_on_a_hit_is_its_velocity(page):
    grid, tab = page
    tab.mouse.move(*middle(tab, "kick", 8))
    tab.keyboard.down("Shift")
    tab.mouse.wheel(0, -100)
    tab.keyboard.up("Shift")
    until(tab, lambda: at(grid, 8, KICK) == [[64, -0.25]])


def test_the_keyboard_does_it_all(page):
    grid, tab = page
    cell(tab, "crash", 0).focus()
    for key in ("ArrowDown", "ArrowRight", "Space"):
        tab.keyboard.press(key)
    until(tab, lambda: at(grid, 1, 1), "Space sets a hit")
    velocity = at(grid, 1, 1)[0][0]
    tab.keyboard.press("-")
    tab.keyboard.press(".")
    until(tab, lambda: at(grid, 1, 1) == [[velocity - 8, 0.05]], "softer and later")
    tab.keyboard.press("Delete")
    until(tab, lambda: not at(grid, 1, 1))
    tab.keyboard.press("Control+z")
    until(tab, lambda: at(grid, 1, 1) == [[velocity - 8, 0.05]])
    tab.keyboard.press("Control+Shift+z")
    until(tab, lambda: not at(grid, 1, 1))
    tab.keyboard.press("End")
    tab.keyboard.press("Control+ArrowRight")
    until(tab, lambda: grid.cursor == 31)
    assert tab.evaluate("document.activeElement.tagName") != "BODY"
    assert tab.get_by_role("grid").first.locator("[tabindex='0']").count() == 1, "one cell is in the order of Tab"
    tab.keyboard.press("m")
    until(tab, lambda: grid.muted == ["ride"])
    tab.keyboard.press("s")
    until(tab, lambda: grid.soloed == ["ride"])


def test_a_bar_is_copied_and_pasted(page):
    grid, tab = page
    cell(tab, "kick", 5).focus()
    tab.keyboard.press("Home")
    tab.keyboard.press("Control+c")
    tab.keyboard.press("PageDown")
    tab.keyboard.press("Control+v")
    first = [h for h in START if h[0] < 16]
    until(tab, lambda: grid.hits == first + [[h[0] + 16, *h[1:]] for h in first], "the second bar is the first one")


def test_a_selection_is_looped_and_cleared(page):
    grid, tab = page
    tab.get_by_role("grid").first.get_by_role("columnheader").nth(1).click()
    until(tab, lambda: cell(tab, "kick", 16).get_attribute("aria-selected") == "true")
    press(tab, "Loop the selection, or all")
    until(tab, lambda: grid.loop == [16, 32])
    press(tab, "Clear the selection, or all")
    until(tab, lambda: grid.hits == START[:-1])
    press(tab, "Loop the selection, or all")
    until(tab, lambda: grid.loop == [])


def test_playing_moves_the_cursor_and_is_heard(page):
    grid, tab = page
    press(tab, "Play")
    until(tab, lambda: grid.playing)
    until(tab, lambda: tab.locator(".head:visible").count() == 1)
    steps = set()
    until(tab, lambda: steps.add(tab.locator(".head").first.get_attribute("data-step")) or len(steps) > 4, "5 steps")
    until(tab, lambda: tab.evaluate("loudness()") > 1e-3, "a sound")
    press(tab, "Stop")
    until(tab, lambda: not grid.playing)
    until(tab, lambda: tab.locator(".head:visible").count() == 0)


def test_hits_are_put_on_the_audio_clock_at_their_exact_times(page):
    grid, tab = page
    grid.param.update(tempo=240.0, playing=True)
    until(tab, lambda: not grid.playing, "the end of two bars")  # it stops by itself
    starts = np.array(tab.evaluate("heard.starts"))
    expected = np.array([(step + offset) * 15 / 240 for step, _, _, offset in START])
    np.testing.assert_allclose(starts - starts[0], expected, atol=1e-9)


def test_a_loop_comes_round(page):
    grid, tab = page
    grid.param.update(tempo=240.0, loop=[4, 8], playing=True)
    until(tab, lambda: len(tab.evaluate("heard.starts")) >= 4, "the same hit four times")
    grid.playing = False
    gaps = np.diff(tab.evaluate("heard.starts"))
    np.testing.assert_allclose(gaps, 4 * 15 / 240, atol=1e-9)


def test_what_is_muted_is_silent(page):
    grid, tab = page
    grid.param.update(hits=[[s, SNARE, 120, 0.0] for s in range(0, 32, 2)], loop=[0, 32], muted=["snare"])
    until(tab, lambda: tab.get_by_role("button", name="Mute snare").first.get_attribute("aria-pressed") == "true")
    tab.evaluate("heard.taps = []")
    grid.playing = True
    until(tab, lambda: len(tab.evaluate("heard.starts")) > 6)
    assert tab.evaluate("loudness()") < 1e-4
    press(tab, "Mute snare")
    until(tab, lambda: grid.muted == [])
    until(tab, lambda: tab.evaluate("loudness()") > 1e-2, "the snare")
    press(tab, "Solo kick")
    until(tab, lambda: grid.soloed == ["kick"])
    until(tab, lambda: tab.evaluate("loudness()") < 1e-4, "silence, as there is no kick")
    grid.playing = False


def test_python_changes_what_is_drawn(page):
    grid, tab = page
    grid.param.update(
        steps=48, hits=[*START, [40, HAT, 64, 0.0]], prompt_steps=32, marks=[[2, "fill"]], curve=[None, 3.0, 7.5]
    )
    grid.probabilities = [[40, HAT, 0.875]]
    until(tab, lambda: cell(tab, "hi-hat", 40).count() == 1)
    until(
        tab,
        lambda: (
            cell(tab, "hi-hat", 40).get_attribute("aria-label") == "hi-hat · 3.3.1 · velocity 64 · probability 0.88"
        ),
    )
    board = tab.get_by_role("grid").first
    until(tab, lambda: board.locator(".curve .flagged").count() == 1)
    assert board.get_by_role("columnheader").nth(2).inner_text() == "3 ◆ fill"
    assert board.get_by_text("continuation").is_visible()
    assert board.get_by_role("img").get_attribute("aria-label").endswith("bar 2: 3, bar 3: 7.5")
    grid.editable = False
    until(tab, lambda: tab.get_by_role("button", name="Undo").count() == 1, "only the other grid can be edited")
    before = grid.hits
    cell(tab, "crash", 3).click()
    tab.keyboard.press("Space")
    tab.wait_for_timeout(300)
    assert grid.hits == before


def test_streamed_bars_and_an_edit_under_way_both_stay(page):
    grid, tab = page
    grid.steps = 64
    until(tab, lambda: cell(tab, "crash", 63).count() == 1)
    tab.mouse.move(*middle(tab, "crash", 0))
    tab.mouse.down()
    for k in range(8):  # Python adds hits while the hand draws
        tab.mouse.move(*middle(tab, "crash", 2 * k))
        grid.hits = [*grid.hits, [48 + k, HAT, 70, 0.0]]
    tab.mouse.up()
    drawn = lambda: [h[0] for h in grid.hits if h[1] == 0]  # noqa: E731
    until(tab, lambda: drawn() == list(range(15)), "what was drawn")
    assert [h[0] for h in grid.hits if h[1] == HAT] == [16, *range(48, 56)], "what was streamed"
    until(tab, lambda: tab.get_by_role("grid").first.locator(".hit").count() == len(START) + 15 + 8)


def test_two_grids_share_nothing(page, shown):
    grid, tab = page
    other = shown[1]
    cell(tab, "tom", 3).click()
    until(tab, lambda: len(grid.hits) == len(START) + 1)
    press(tab, "Solo kick")
    until(tab, lambda: grid.soloed == ["kick"])
    assert other.hits == START and other.soloed == [] and not other.playing
    assert tab.get_by_role("grid").nth(1).locator(".hit").count() == len(START)


def saved(tab, name: str) -> bytes:
    with tab.expect_download() as waiting:
        press(tab, name)
    return Path(waiting.value.path()).read_bytes()


def test_the_midi_file_holds_exactly_the_hits(page):
    grid, tab = page
    rng = np.random.default_rng(0)
    cells = sorted({(int(s), int(p)) for s, p in zip(rng.integers(0, 48, 60), rng.integers(0, 6, 60), strict=True)})
    hits = [[s, p, int(rng.integers(1, 128)), round(int(rng.integers(-60 if s else 0, 60)) / 120, 6)] for s, p in cells]
    hits.append([47, 5, 33, 0.25, 43])  # a flam: a second tom, with a pitch of its own
    grid.param.update(hits=hits, steps=48, steps_per_bar=12, tempo=97.0)
    until(tab, lambda: tab.get_by_role("grid").first.locator(".hit").count() == len(hits))
    score = symusic.Score.from_midi(saved(tab, "Download as MIDI"))
    grid.steps_per_bar = 16
    assert score.ticks_per_quarter == 480
    assert score.tempos[0].qpm == pytest.approx(97, abs=1e-3)
    assert (score.time_signatures[0].numerator, score.time_signatures[0].denominator) == (3, 4)
    assert len(score.tracks) == 1 and score.tracks[0].is_drum
    found = sorted((n.time, n.pitch, n.velocity) for n in score.tracks[0].notes)
    pitches = grid.pitches
    expected = sorted((round((s + o) * 120), p[0] if p else pitches[i], v) for s, i, v, o, *p in hits)
    assert found == expected


def test_the_wav_file_has_the_length_of_the_groove_and_its_sound(page):
    grid, tab = page
    grid.tempo = 150.0
    until(tab, lambda: tab.get_by_role("spinbutton").first.input_value() == "150")
    with wave.open(io.BytesIO(saved(tab, "Download as WAV"))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (44100, 2, 2)
        assert file.getnframes() == pytest.approx((32 * 15 / 150 + 2) * 44100, abs=1)
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)[:, 0] / 32768
    for step, _, velocity, offset in START[:-1]:
        begin = round((step + offset) * 0.1 * 44100)
        just_before, after = sound[max(0, begin - 400) : max(1, begin - 1)], sound[begin : begin + 2000]
        assert np.abs(after).max() > 0.05 * (velocity / 127) ** 2
        assert np.abs(after).max() > 3 * np.abs(just_before).max(), f"the hit of step {step} begins at its time"


def test_given_samples_are_played_and_named(page):
    grid, tab = page
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(44100)
        file.writeframes((np.sin(np.arange(4410) * 0.3) * 32000).astype("<i2").tobytes())
    sample = base64.b64encode(buffer.getvalue()).decode()
    grid.samples = dict.fromkeys(grid.pieces, sample)
    status = tab.get_by_role("status").first
    until(tab, lambda: status.inner_text() == "Sampled kit")
    grid.param.update(hits=[[0, KICK, 127, 0.0]], tempo=120.0)
    until(tab, lambda: tab.get_by_role("grid").first.locator(".hit").count() == 1)
    with wave.open(io.BytesIO(saved(tab, "Download as WAV"))) as file:
        sound = np.frombuffer(file.readframes(4410), "<i2")[::2] / 32768
    assert np.corrcoef(sound[:4000], np.sin(np.arange(4000) * 0.3))[0, 1] > 0.99
    grid.samples = {"kick": sample, "snare": "bm8gYXVkaW8="}
    until(tab, lambda: "Synthesized: crash, ride, snare, hi-hat, tom" in status.inner_text())
    grid.samples = {}
    until(tab, lambda: status.inner_text() == "Synthesized kit: no samples were given")


def test_a_finger_taps_scrolls_and_after_a_hold_draws(chromium, shown):
    grid, _, main = shown
    grid.param.update(hits=START, steps=256, editable=True, prompt_steps=0, marks=[], curve=[])
    context = chromium.new_context(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    tab = context.new_page()
    tab.goto(main.address)
    tab.get_by_role("grid").first.wait_for(timeout=60_000)
    until(tab, lambda: cell(tab, "crash", 255).count() == 1)
    tab.wait_for_timeout(300)
    cell(tab, "crash", 1).tap()
    until(tab, lambda: at(grid, 1, 0), "a tap is a hit")
    finger = context.new_cdp_session(tab)

    def touch(kind, x=None, y=None):
        points = [] if x is None else [{"x": x, "y": y}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    x, y = middle(tab, "crash", 3)
    width = cell(tab, "crash", 3).bounding_box()["width"]
    touch("touchStart", x, y)
    tab.wait_for_timeout(600)
    for k in range(1, 9):
        touch("touchMove", x + k * width / 2, y)
    touch("touchEnd")
    until(tab, lambda: [h[0] for h in grid.hits if h[1] == 0] == [1, 3, 4, 5, 6, 7], "drawn after a hold")
    hits, scroller = grid.hits, tab.locator(".scroller").first
    assert scroller.evaluate("it => it.scrollLeft") == 0
    x, y = middle(tab, "ride", 8)
    touch("touchStart", x, y)
    for k in range(1, 15):
        touch("touchMove", x - 12 * k, y)
        tab.wait_for_timeout(16)
    touch("touchEnd")
    until(tab, lambda: scroller.evaluate("it => it.scrollLeft") > 50, "a swipe scrolls")
    tab.wait_for_timeout(500)
    assert grid.hits == hits
    context.close()


def test_a_grid_taken_off_the_page_comes_back_silent(page):
    grid, tab = page
    grid.param.update(loop=[0, 32], playing=True)
    until(tab, lambda: tab.locator(".head:visible").count() == 1)
    tab.column.pop(0)
    until(tab, lambda: tab.get_by_role("grid").count() == 1)
    tab.column.insert(0, grid)
    until(tab, lambda: tab.locator(".hit").count() == 2 * len(START))
    until(tab, lambda: not grid.playing)
    assert tab.locator(".head:visible").count() == 0


def test_no_error_and_no_other_host(shown):
    tab = shown[2]
    assert tab.problems == []
    assert tab.foreign == []
