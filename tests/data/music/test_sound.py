"""The drum kit of a soundfont, and grooves rendered with it: on a small font made here, and on the catalog's."""

from __future__ import annotations

import io
import os
import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from workbench.contract.errors import LabError
from workbench.data.catalog.catalog import get_entry, resolve
from workbench.data.music import sound
from workbench.data.music.groove import PIECES, PITCH_OF, Groove, from_rows
from workbench.data.music.soundfont import read_kit

RATE = 44_100
PLACES = (os.environ.get("WORKBENCH_DATA_MIRROR") or "/nowhere", Path.home() / ".workbench" / "data")
FONTS = [path for path in (Path(p) / "soundfont" / get_entry("soundfont").file for p in PLACES) if path.is_file()]
KIT = {49: 6000, 51: 6000, 38: 3000, 36: 3000, 42: 500, 46: 20_000, 50: 2000}  # pitch -> length of its sample


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def made_font(bank: int = 128, loop: bool = False) -> bytes:
    """A soundfont with one sample a pitch, a constant level; 42 and 46 choke each other."""
    pcm, headers, bags, generators = b"", b"", b"", b""
    count = 0
    for number, (pitch, length) in enumerate(KIT.items()):
        start = len(pcm) // 2
        pcm += np.full(length, 16_384, "<i2").tobytes()
        headers += struct.pack(
            "<20sIIIIIBbHH", b"s", start, start + length, start + 10, start + length - 10, RATE, 60, 0, 0, 1
        )
        bags += struct.pack("<HH", count, 0)
        zone = [(43, pitch | pitch << 8), (58, pitch)]
        zone += [(57, 1)] if pitch in (42, 46) else []
        zone += [(54, 1), (36, 0), (37, 1000)] if loop else []
        zone += [(53, number)]
        generators += b"".join(struct.pack("<HH", *g) for g in zone)
        count += len(zone)
    bags += struct.pack("<HH", count, 0)
    presets = struct.pack("<20sHHHIII", b"kit", 0, bank, 0, 0, 0, 0) + struct.pack(
        "<20sHHHIII", b"EOP", 0, 0, 1, 0, 0, 0
    )
    pdta = chunk(b"phdr", presets)
    pdta += chunk(b"pbag", struct.pack("<HHHH", 0, 0, 1, 0)) + chunk(b"pgen", struct.pack("<HHHH", 41, 0, 0, 0))
    pdta += chunk(b"inst", struct.pack("<20sH20sH", b"i", 0, b"EOI", len(KIT))) + chunk(b"ibag", bags)
    pdta += chunk(b"igen", generators + struct.pack("<HH", 0, 0)) + chunk(b"shdr", headers)
    body = b"sfbk" + chunk(b"LIST", b"sdta" + chunk(b"smpl", pcm)) + chunk(b"LIST", b"pdta" + pdta)
    return chunk(b"RIFF", body)


@pytest.fixture
def font(tmp_path) -> Path:
    path = tmp_path / "made.sf2"
    path.write_bytes(made_font())
    return path


def hits(*those: tuple[int, int, int], **more) -> Groove:
    return Groove(*map(np.array, zip(*those, strict=True)), **more)


def decoded(blob: bytes) -> tuple[np.ndarray, int]:
    with wave.open(io.BytesIO(blob)) as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
        return frames.T / 32767, file.getframerate()


def test_a_hit_sounds_at_its_time_for_its_length_as_loud_as_its_velocity(font):
    audio, rate = decoded(sound.render(hits((0, 36, 127), (480, 36, 64)), font))
    assert rate == RATE and audio.shape[0] == 2
    loud = audio[0, :2900].mean()
    assert loud == pytest.approx(0.5 * np.cos(np.pi / 4), abs=0.01)
    assert not audio[:, 3001:22_050].any()
    assert audio[0, 22_060:24_900].mean() == pytest.approx(loud * (64 / 127) ** 2, rel=0.01)


def test_a_changing_tempo_moves_the_hits(font):
    groove = hits((0, 36, 127), (480, 36, 127), tempos=((0, 1_000_000), (240, 500_000)))
    audio, _ = decoded(sound.render(groove, font))
    assert np.flatnonzero(audio[0])[np.flatnonzero(audio[0]) > 4000][0] == round(0.75 * RATE)


def test_a_closed_hi_hat_ends_the_open_one(font):
    open_only, _ = decoded(sound.render(hits((0, 46, 127)), font))
    choked, _ = decoded(sound.render(hits((0, 46, 127), (96, 42, 127)), font))
    assert open_only[0, 15_000] > 0.3 and choked[0, 15_000] == 0
    assert choked[0, 4000] == open_only[0, 4000]


def test_groove_s_rims_and_edges_sound_as_the_drums_they_are_of(font):
    for rim, plain in sound.ROLAND.items():
        if plain in KIT:
            assert sound.render(hits((0, rim, 90)), font) == sound.render(hits((0, plain, 90)), font)


def test_a_looped_sample_rings_on_until_it_has_faded(tmp_path):
    path = tmp_path / "loop.sf2"
    path.write_bytes(made_font(loop=True))
    kick = read_kit(path).sound(36, 127, RATE)
    assert kick.wave.shape[1] == pytest.approx(0.6 * RATE, rel=0.02)  # 100 dB a second: silent, at 60 dB, after 0.6 s
    assert kick.wave[0, 10_000] == pytest.approx(kick.wave[0, 0] * 10 ** (-100 * 10_000 / RATE / 20), rel=0.05)


def test_another_rate_and_another_pitch_resample_the_sound(font):
    kit = read_kit(font)
    assert kit.sound(36, 127, RATE // 2).wave.shape[1] == 1500
    assert kit.sound(35, 127, RATE) is None


def test_what_is_too_loud_is_turned_down_as_a_whole(font):
    audio, _ = decoded(sound.render(hits(*[(0, pitch, 127) for pitch in KIT] * 2), font))
    assert np.abs(audio).max() == pytest.approx(1, abs=1e-3)


def test_a_silent_groove_renders_to_silence_and_an_endless_one_is_refused(font):
    audio, _ = decoded(sound.render(from_rows(np.zeros((16, 6))), font))
    assert audio.shape[1] == 2 * RATE and not audio.any()
    with pytest.raises(LabError, match="minutes"):
        sound.render(hits((480 * 10_000, 36, 1), tempos=((0, 1_000_000),)), font)


def test_the_six_samples_are_short_and_not_silent(font):
    found = sound.kit_samples(font)
    assert tuple(found) == PIECES
    for blob in found.values():
        audio, rate = decoded(blob)
        assert rate == sound.SAMPLE_RATE and len(audio) == 1 and np.abs(audio).max() > 0.1
        assert abs(audio[0, -1]) < 0.01


@pytest.mark.parametrize(
    ("blob", "words"),
    [
        (b"", "no SoundFont"),
        (b"RIFF\0\0\0\0WAVE", "no SoundFont"),
        (made_font(bank=0), "no drum kit"),
        (made_font()[:-40], "damaged"),
        (made_font()[:200], "damaged"),
    ],
    ids=["empty", "wave", "no kit", "cut", "cut early"],
)
def test_a_bad_soundfont_gets_a_sentence(tmp_path, blob, words):
    path = tmp_path / "bad.sf2"
    path.write_bytes(blob)
    with pytest.raises(LabError, match=words):
        read_kit(path)


def test_without_the_soundfont_it_says_so_and_what_to_do(monkeypatch):
    path, note = sound.font_here()
    assert path is None and "workbench data fetch soundfont" in note


@pytest.mark.skipif(not FONTS, reason="data: soundfont was not fetched on this machine")
def test_the_catalog_s_soundfont_has_all_pieces_and_fits_the_widget(monkeypatch):
    monkeypatch.setenv("WORKBENCH_DATA_MIRROR", str(FONTS[0].parents[1]))
    path, note = sound.font_here()
    assert path == resolve("soundfont")[0] and not note
    samples = sound.kit_samples(path)
    assert sum(map(len, samples.values())) < 400_000
    kit = read_kit(path)
    assert all(kit.sound(pitch, 100, RATE) for pitch in PITCH_OF.tolist())
    assert kit.sound(42, 100, RATE).choke == kit.sound(46, 100, RATE).choke != 0
