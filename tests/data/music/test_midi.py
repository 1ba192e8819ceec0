"""MIDI in and out: nothing lost, and words for every kind of damaged file."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.music.test_grooves import grooves
from workbench.contract.errors import LabError
from workbench.data.music.groove import Groove
from workbench.data.music.midi import MAX_BYTES, parse_midi, read_midi, to_midi
from workbench.data.music.named import groove_card, times
from workbench.data.music.own import read_midi_files

CASES = Path(__file__).parents[2] / "cases"

END = b"\0\xff\x2f\0"
KICK = b"\0\x99\x24\x64" + b"\x0a\x89\x24\x40"  # on at once, off after 10 ticks


def midi(body: bytes = KICK, form: int = 0, beat: int = 480, count: int = 1, end: bytes = END) -> bytes:
    body += end
    return b"MThd" + struct.pack(">IHHH", 6, form, count, beat) + b"MTrk" + struct.pack(">I", len(body)) + body


def hits(groove: Groove) -> list[tuple[int, int, int]]:
    return list(zip(groove.tick.tolist(), groove.pitch.tolist(), groove.velocity.tolist(), strict=True))


@given(grooves())
@settings(max_examples=150, deadline=None)
def test_a_groove_written_and_read_is_the_same_groove(groove):
    assert parse_midi(to_midi(groove)) == groove


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (KICK, [(0, 36, 100)]),
        (b"\0\x99\x24\x64" + b"\x0a\x24\0", [(0, 36, 100)]),  # running status, and note-on of velocity 0 as note-off
        (b"\0\x99\x24\x64" + b"\x78\x26\x5a" + b"\x78\x24\x50", [(0, 36, 100), (120, 38, 90), (240, 36, 80)]),
        (b"\0\x99\x24\x64" + b"\3\x99\x24\x5a" + b"\5\x89\x24\0", [(0, 36, 100), (3, 36, 90)]),  # one end for two hits
        (b"\0\x99\x24\x64\0\x24\x64" + b"\5\x89\x24\0\0\x24\0", [(0, 36, 100), (0, 36, 100)]),  # a hit twice
        (b"\0\x90\x3c\x40" + b"\1\x80\x3c\0" + KICK, [(1, 36, 100)]),  # a piano beside it
    ],
    ids=["plain", "running status", "never ended", "one end for two", "doubled", "with a piano"],
)
def test_every_note_on_of_channel_10_is_a_hit(body, expected):
    assert hits(parse_midi(midi(body))) == expected


def test_drums_are_taken_from_all_tracks():
    second = KICK.replace(b"\x24", b"\x26") + END
    blob = midi(form=1, count=2) + b"MTrk" + struct.pack(">I", len(second)) + second
    assert hits(parse_midi(blob)) == [(0, 36, 100), (0, 38, 100)]


def test_without_tempo_and_meter_midi_s_defaults_hold_and_the_file_names_the_groove():
    groove = parse_midi(midi(), "my groove.mid")
    assert (groove.tempo, groove.meter, groove.name, groove.style) == (120, (4, 4), "my groove", "")


def test_a_tempo_map_and_changing_meters_survive():
    body = b"\0\xff\x51\3\x07\xa1\x20" + b"\0\xff\x58\4\3\2\x18\x08" + KICK + b"\x10\xff\x51\3\x09\x27\xc0"
    groove = parse_midi(midi(body + b"\0\xff\x58\4\7\3\x18\x08"))
    assert groove.tempos == ((0, 500_000), (26, 600_000)) and groove.meters == ((0, 3, 4), (26, 7, 8))
    assert parse_midi(to_midi(groove)) == groove


def by_mido(blob: bytes) -> tuple[dict[int, int], float]:
    """The tempo that holds from each tick on, and the seconds until the last note begins."""
    file = mido.MidiFile(file=io.BytesIO(blob))
    at, tempos = 0, {0: 500_000}
    for message in mido.merge_tracks(file.tracks):
        at += message.time
        if message.type == "set_tempo":
            tempos[at] = message.tempo
    now = last = 0.0
    for message in file:
        now += message.time
        if message.type == "note_on" and message.velocity:
            last = now
    return tempos, last


@pytest.mark.parametrize(("name", "start", "seconds"), [("late_tempo.mid", 120, 6.6), ("dup_tempo.mid", 150, 6.2)])
def test_tempos_hold_as_mido_plays_them(name, start, seconds):
    groove = read_midi(CASES / name)
    tempos, last = by_mido((CASES / name).read_bytes())
    assert groove.tempo == start and dict(groove.tempos) == tempos
    assert times(groove).max() == pytest.approx(seconds) == pytest.approx(last)


def test_a_late_tempo_widens_the_range_on_the_card():
    assert groove_card([read_midi(CASES / "late_tempo.mid")]).tempo == (120, 150)


@pytest.mark.parametrize("events", [2, 40, 200])  # symusic's sort keeps the order of a few events only
def test_of_many_tempos_at_one_tick_the_last_counts(events):
    rng = random.Random(events)
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    for pitch in (36, 38):
        messages = []
        for _ in range(events):
            messages.append(
                mido.MetaMessage("set_tempo", tempo=rng.randrange(100_000, 900_000), time=rng.choice((0, 9)))
            )
            messages.append(mido.MetaMessage("time_signature", numerator=rng.randrange(1, 9), denominator=4))
            messages.append(mido.Message("program_change", channel=2, program=3))
            messages.append(mido.Message("sysex", data=(1, 2, 3)))
            messages.append(mido.Message("pitchwheel", pitch=9))
        messages.append(mido.Message("note_on", channel=9, note=pitch, velocity=9, time=500))
        messages.append(mido.Message("note_off", channel=9, note=pitch, time=10))
        file.tracks.append(mido.MidiTrack(messages))
    file.save(file=(out := io.BytesIO()))
    groove = parse_midi(out.getvalue())
    tempos, last = by_mido(out.getvalue())
    assert dict(groove.tempos) == tempos and times(groove).max() == pytest.approx(last)
    at, meters = 0, {0: 4}
    for message in mido.merge_tracks(mido.MidiFile(file=io.BytesIO(out.getvalue())).tracks):
        at += message.time
        if message.type == "time_signature":
            meters[at] = message.numerator
    assert {tick: numerator for tick, numerator, _ in groove.meters} == meters


def test_midi_in_a_riff_container_is_the_same_groove(tmp_path):
    wrapped = (CASES / "rmid.mid").read_bytes()
    groove = read_midi(CASES / "rmid.mid")
    assert groove == parse_midi(wrapped[wrapped.index(b"MThd") :], "rmid.mid")
    assert hits(groove)[0] == (0, 36, 100) and len(groove) == 48
    (tmp_path / "a.rmi").write_bytes(wrapped)
    assert len(read_midi_files(tmp_path / "a.rmi")[0][0]) == 48
    listed = b"RIFF" + struct.pack("<I", 60) + b"RMIDLIST" + struct.pack("<I", 16) + b"INFOINAM" + b"\4\0\0\0name"
    assert hits(parse_midi(listed + b"data" + struct.pack("<I", len(midi())) + midi())) == [(0, 36, 100)]


def test_events_behind_the_end_of_a_track_are_refused_not_dropped():
    with pytest.raises(LabError, match="ends before its last event"):
        read_midi(CASES / "aftereot.mid")


BAD = {
    "empty": (b"", "no MIDI file"),
    "text": (b"Dear drummer, please find enclosed", "no MIDI file"),
    "RIFF without MIDI": (b"RIFF\0\0\0\0RMIDINFO\4\0\0\0name", "no MIDI file"),
    "RIFF cut off": (b"RIFF\0\0\0\0RMIDdata\x40\0\0\0" + midi()[:-6], "6 bytes are missing"),
    "header only": (midi()[:14], "0 of 1 tracks"),
    "truncated": (midi()[:-6], "6 bytes are missing"),
    "short header": (midi().replace(b"\0\0\0\6", b"\0\0\0\2", 1), "damaged header"),
    "format 7": (midi(form=7), "damaged header"),
    "format 2": (midi(form=2), "format 2"),
    "SMPTE": (midi(beat=0xE728), "film frames"),
    "0 ticks": (midi(beat=0), "0 ticks"),
    "no track": (midi(count=0), "no track"),
    "two tracks promised": (midi(count=2), "1 of 2 tracks"),
    "running status without status": (midi(b"\0\x24\x40"), "damaged"),
    "data byte above 127": (midi(b"\0\x99\x24\x85" + KICK), "damaged"),
    "event cut off": (midi(b"\0\x99\x24", end=b""), "damaged"),
    "endless system message": (midi(b"\0\xf0\x86\x8d\x20" + KICK), "damaged"),
    "ends early": (midi(b"\0\x99\x24\x64" + END + KICK), "ends before"),
    "no drums": (midi(KICK.replace(b"\x99", b"\x90").replace(b"\x89", b"\x80")), "no drums"),
    "no notes": (midi(b""), "no drums"),
    "tempo 0": (midi(b"\0\xff\x51\3\0\0\0" + KICK), "absurd"),
    "tempo of 2 bytes": (midi(b"\0\xff\x51\2\0\0" + KICK), "absurd"),
    "60 million beats a minute": (midi(b"\0\xff\x51\3\0\0\1" + KICK), "absurd"),
    "meter 0/4": (midi(b"\0\xff\x58\4\0\2\x18\x08" + KICK), "0/4"),
    "meter 4 over 2 to the 255": (midi(b"\0\xff\x58\4\4\xff\x18\x08" + KICK), "meter"),
    "waits for years": (midi((b"\xff\xff\xff\x7f\x99\x24\x64" + b"\xff\xff\xff\x7f\x89\x24\0") * 5), "last hit is at"),
    "too large": (midi(bytes(MAX_BYTES)), "is the limit"),
}


@pytest.mark.parametrize(("blob", "words"), BAD.values(), ids=BAD)
def test_bad_midi_gets_a_sentence(tmp_path, blob, words):
    path = tmp_path / "bad.mid"
    path.write_bytes(blob)
    with pytest.raises(LabError, match=words) as caught:
        read_midi(path)
    assert "bad.mid" in caught.value.cause and caught.value.hint


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "<b onload=x>.mid", "a\nb.mid", "x" * 3000 + ".mid", "\udcff.mid"]
)
def test_hostile_names_become_harmless(name):
    shown = parse_midi(midi(), name).name
    assert not set(shown) & set("/\\<>\n") and len(shown) <= 80
    shown.encode()
    with pytest.raises(LabError) as caught:
        parse_midi(b"", name)
    assert not set(caught.value.cause) & set("/\\<>\n") and len(caught.value.cause) < 200


@pytest.mark.parametrize("name", ["", "a\0b", "\N{DRUM WITH DRUMSTICKS}" * 300, "\ud800 lone half", "groove: style: x"])
def test_any_name_can_be_written(name):
    groove = Groove(np.array([0]), np.array([36]), np.array([1]), name=name or "n", style=name)
    again = parse_midi(to_midi(groove))
    assert again.name == groove.name.encode("utf-8", "replace").decode()
    assert again.style == groove.style.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("bad", [b"\xff\x03\x03\xff\xfe\xfd", b"\xff\x06\x03\xff\xfe\xfd", b"\xff\x05\x03\xc3\x28\xff"])
def test_texts_in_a_stranger_s_alphabet_do_no_harm(bad):
    assert hits(parse_midi(midi(b"\0" + bad + KICK))) == [(0, 36, 100)]


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_track_is_read_or_refused_in_words(body):
    try:
        assert len(parse_midi(midi(body)))
    except LabError as error:
        assert error.cause


@given(st.integers(0, 2**32), grooves())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_file_is_read_or_refused_in_words(seed, groove):
    rng, blob = random.Random(seed), bytearray(to_midi(groove))
    for _ in range(rng.choice((1, 2, 5, 20))):
        at = rng.randrange(len(blob))
        if rng.random() < 0.7:
            blob[at] = rng.choice((0, 0x7F, 0x80, 0xF0, 0xFF, rng.randrange(256)))
        else:
            del blob[at : at + rng.randrange(1, 9)]
    try:
        parse_midi(bytes(blob))
    except LabError as error:
        assert error.cause


def test_a_missing_file_and_a_folder_get_a_sentence(tmp_path):
    for path in (tmp_path / "none.mid", tmp_path, "a\0b"):
        with pytest.raises(LabError, match="cannot be read"):
            read_midi(path)


def test_another_parser_finds_the_same_hits():
    """mido walks through the events one by one; symusic pairs them."""
    from workbench.labs.drums.method.data import bundled

    for groove in bundled().test[:5]:
        at, found = 0, []
        for message in mido.merge_tracks(mido.MidiFile(file=io.BytesIO(to_midi(groove))).tracks):
            at += message.time
            if message.type == "note_on" and message.velocity:
                assert message.channel == 9
                found.append((at, message.note, message.velocity))
        assert sorted(found) == sorted(hits(groove))
