"""Hear a groove: rendered to WAV here, or by a browser from six short samples."""

from __future__ import annotations

import functools
import io
import wave
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.catalog.catalog import get_entry, resolve
from workbench.data.music.groove import PIECES, PITCH_OF, Groove
from workbench.data.music.named import times
from workbench.data.music.soundfont import Kit, Sound, read_kit

RATE = 44_100
TAIL = 2.0  # seconds that the last hit may ring
MAX_SECONDS = 1_200
CHOKED = 0.02  # seconds in which a choked sound fades
ROLAND = {
    22: 42,
    26: 46,
    58: 43,
}  # Groove's electronic kit has rims and edges on pitches of its own
SAMPLE_RATE = 22_050  # of the six samples: half the bytes, and still all that a small speaker gives
SAMPLE_SECONDS = {"crash": 1.8, "ride": 1.2, "snare": 0.5, "kick": 0.5, "hi-hat": 0.3, "tom": 0.8}
NO_FONT = (
    "The soundfont is not on this machine, so drums are heard as plain synthesized sounds. "
    "`workbench data fetch soundfont` gets it (6 MB)."
)


def font_here() -> tuple[Path | None, str]:
    """Return the catalog's soundfont if it needs no download, and a sentence for the user if it is not here."""
    if get_entry("soundfont").at_hand:
        return resolve("soundfont")[0], ""
    return None, NO_FONT


def render(groove: Groove, font: Path, rate: int = RATE) -> bytes:
    """Render a groove with a soundfont's drum kit.

    Parameters
    ----------
    groove
        The groove, with its velocities, its timing and all changes of its tempo.
    font
        An ``.sf2`` file: ``ctx.data("soundfont")``, or what `font_here` gives.
    rate
        Samples a second.

    Returns
    -------
    bytes
        A WAV file: stereo, 16 bits; turned down as a whole if it would be too loud.

    Raises
    ------
    LabError
        If the groove is longer than 20 minutes, or the soundfont cannot be read.
    """
    end = float(times(groove).max(initial=0))
    if end > MAX_SECONDS:
        raise LabError(f"The groove lasts {end / 60:.0f} minutes; {MAX_SECONDS // 60} is the limit.", "Cut it first.")
    return to_wav(mix(groove, _kit(str(font)), rate), rate)


def mix(groove: Groove, kit: Kit, rate: int = RATE) -> np.ndarray:
    """Return a groove's sound, (2, n) float32; a hit on a pitch that the kit lacks is silent."""
    starts = np.round(times(groove) * rate).astype(int)
    out = np.zeros((2, int(starts.max(initial=0)) + int(TAIL * rate)), np.float32)
    known: dict[tuple[int, int], Sound | None] = {}
    chokes = np.full(len(groove), out.shape[1])  # where each hit ends
    last: dict[int, list[int]] = {}
    sounds = []
    for k, (pitch, velocity) in enumerate(zip(groove.pitch.tolist(), groove.velocity.tolist(), strict=True)):
        key = (ROLAND.get(pitch, pitch), velocity)
        if key not in known:
            known[key] = kit.sound(*key, rate)
        sounds.append(known[key])
        if sounds[k] and sounds[k].choke:
            chokes[last.get(sounds[k].choke, [])] = starts[k]
            last[sounds[k].choke] = [k]
    fade = np.linspace(1, 0, int(CHOKED * rate), dtype=np.float32)
    for sound, start, choke, velocity in zip(sounds, starts, chokes, groove.velocity / 127, strict=True):
        if sound is None:
            continue
        length = min(sound.wave.shape[1], choke - start + len(fade), out.shape[1] - start)
        played = sound.wave[:, :length] * np.float32(velocity**2)  # the format's own curve
        if choke < out.shape[1] and length > choke - start:
            played[:, choke - start :] *= fade[: length - (choke - start)]
        out[:, start : start + length] += played
    return out


def kit_samples(font: Path) -> dict[str, bytes]:
    """Return one short WAV file (mono, 16 bits) for each of the six pieces, all together under 400 kB.

    Raises
    ------
    LabError
        If the soundfont cannot be read or lacks a piece.
    """
    kit = _kit(str(font))
    found = {}
    for piece, pitch in zip(PIECES, PITCH_OF.tolist(), strict=True):
        sound = kit.sound(pitch, 127, SAMPLE_RATE)
        if sound is None:
            raise LabError(f"The soundfont has no {piece}.", "Choose one with a General MIDI drum kit.")
        mono = sound.wave.mean(0)[: int(SAMPLE_SECONDS[piece] * SAMPLE_RATE)]
        fade = min(len(mono), SAMPLE_RATE // 10)
        mono[-fade:] *= np.linspace(1, 0, fade)
        found[piece] = to_wav(mono[None], SAMPLE_RATE)
    return found


def to_wav(sound: np.ndarray, rate: int) -> bytes:
    """Return samples (channels, n), turned down as a whole if they leave [-1, 1], as a WAV file of 16 bits."""
    loud = max(1.0, float(np.abs(sound).max(initial=0)))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(len(sound))
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.round(sound.T / loud * 32767).astype("<i2").tobytes())
    return file.getvalue()


@functools.lru_cache(maxsize=2)
def _kit(font: str) -> Kit:
    return read_kit(Path(font))
