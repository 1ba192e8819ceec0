"""The drum kit of a SoundFont 2 file: for a pitch and a velocity, the samples that sound and how.

symusic 0.6.0 cannot hand back what it renders, and other players need system libraries; a drum is a sample that rings
out, so reading the zones of one kit is all it takes. The format's filters and modulators, which darken a sound as it
fades, are not read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.music import riff

DRUMS = 128  # the bank of drum kits; preset 0 is the standard kit
PAN, HOLD, DECAY, SUSTAIN, INSTRUMENT, KEYS, VELOCITIES = 17, 35, 36, 37, 41, 43, 44  # generators, by their numbers
ATTENUATION, COARSE, FINE, SAMPLE, MODE, SCALE, EXCLUSIVE, ROOT = 48, 51, 52, 53, 54, 56, 57, 58
ADDED = (PAN, HOLD, DECAY, SUSTAIN, ATTENUATION, COARSE, FINE)  # what a preset adds to its instrument
DEFAULTS = dict.fromkeys((*ADDED, MODE), 0) | {HOLD: -12000, DECAY: -12000, SCALE: 100}
RING, SILENT = 3.0, 1e-3  # a drum rings out for so many seconds, or until it is 60 dB down
RANGES = {KEYS, VELOCITIES}
RECORDS = {"phdr": "<20sHHHIII", "pbag": "<HH", "pgen": "<HH", "inst": "<20sH", "ibag": "<HH", "igen": "<HH"}
RECORDS["shdr"] = "<20sIIIIIBbHH"


@dataclass(frozen=True)
class Sound:
    """One drum as it rings out.

    Attributes
    ----------
    wave
        (2, n) float32, left and right, at full velocity.
    choke
        Sounds of the same choke group, other than 0, end each other: a closed hi-hat ends the open one.
    """

    wave: np.ndarray
    choke: int


@dataclass(frozen=True)
class Kit:
    """The standard drum kit of a file.

    Attributes
    ----------
    zones
        The generators of each zone.
    headers
        (start, end, start and end of the loop, rate, root key, correction in cents) of each sample.
    pcm
        All samples after each other, int16.
    """

    zones: list[dict[int, int | tuple[int, int]]]
    headers: list[tuple[int, ...]]
    pcm: np.ndarray

    def sound(self, pitch: int, velocity: int, rate: int) -> Sound | None:
        """Return what sounds for a pitch (in the layer for that velocity), or None if the kit has nothing there."""
        parts, choke = [], 0
        for zone in self.zones:
            (low, high), (soft, hard) = zone.get(KEYS, (0, 127)), zone.get(VELOCITIES, (0, 127))
            if low <= pitch <= high and soft <= velocity <= hard:
                parts.append(self._play(zone, pitch, rate))
                choke = zone.get(EXCLUSIVE, choke)
        if not parts:
            return None
        wave = np.zeros((2, max(part.shape[1] for part in parts)), np.float32)
        for part in parts:
            wave[:, : part.shape[1]] += part
        return Sound(wave, choke)

    def _play(self, zone: dict, pitch: int, rate: int) -> np.ndarray:
        start, end, loop, again, recorded, root, correction = self.headers[zone[SAMPLE]]
        cents = (pitch - zone.get(ROOT, root)) * zone[SCALE] + 100 * zone[COARSE] + zone[FINE] + correction
        speed = recorded / rate * 2 ** (cents / 1200)  # samples of the recording for each of ours
        source = self.pcm[start:end].astype(np.float32) / 32768
        loops = zone[MODE] in (1, 3) and start <= loop < again <= end
        at = np.arange(int(RING * rate) if loops else min(int(RING * rate), int(len(source) / speed))) * speed
        if loops:
            inside = at >= again - start
            at[inside] = loop - start + (at[inside] - (loop - start)) % (again - loop)
        level = _envelope(zone, len(at), rate)
        at = at[: np.flatnonzero(level > SILENT).max(initial=-1) + 1]
        wave = np.interp(at, np.arange(len(source)), source) * level[: len(at)] * 10 ** (-zone[ATTENUATION] / 200)
        angle = (min(500, max(-500, zone[PAN])) / 1000 + 0.5) * np.pi / 2  # equal power
        return np.float32([np.cos(angle) * wave, np.sin(angle) * wave])


def _envelope(zone: dict, length: int, rate: int) -> np.ndarray:
    """Hold, then fall by 100 dB in the decay time until the sustain level; times are in timecents."""
    seconds = np.arange(length) / rate
    fall = np.maximum(0, seconds - 2 ** (zone[HOLD] / 1200)) / 2 ** (zone[DECAY] / 1200) * 1000  # centibels
    return 10 ** (-np.minimum(fall, max(0, zone[SUSTAIN])) / 200)


def read_kit(path: Path) -> Kit:
    """Read the standard drum kit of an ``.sf2`` file.

    Raises
    ------
    LabError
        If it is none, is damaged, or has no drum kit.
    """
    blob = path.read_bytes()
    if blob[:4] != b"RIFF" or blob[8:12] != b"sfbk":
        raise LabError(f"{path.name} is no SoundFont 2 file.", "Fetch it anew: `workbench data fetch soundfont`.")
    try:
        chunks = dict(riff.chunks(blob))
        table = {name: list(struct.iter_unpack(form, chunks[name])) for name, form in RECORDS.items()}
        kit = Kit(_drum_zones(table), [header[1:8] for header in table["shdr"]], np.frombuffer(chunks["smpl"], "<i2"))
        for zone in kit.zones:
            start, end, *_, rate, _, _ = kit.headers[zone[SAMPLE]]
            if not (start < end <= len(kit.pcm) and rate):
                raise ValueError("a sample lies outside of the file")
        return kit
    except (KeyError, IndexError, RecursionError, StopIteration, ValueError, struct.error) as error:
        raise LabError(f"{path.name} is damaged, or has no drum kit ({error!r}).", "Fetch it anew.") from error


def _drum_zones(table: dict[str, list[tuple]]) -> list[dict]:
    """Return the zones of the standard kit, each with its instrument's generators and the preset's added to them."""
    number = next(k for k, preset in enumerate(table["phdr"][:-1]) if preset[1:3] == (0, DRUMS))
    found = []
    for preset in _zones(table, "p", table["phdr"][number][3], table["phdr"][number + 1][3], INSTRUMENT):
        first, last = (table["inst"][preset[INSTRUMENT] + k][1] for k in (0, 1))
        for zone in _zones(table, "i", first, last, SAMPLE):
            whole = DEFAULTS | zone
            whole |= {key: whole[key] + preset[key] for key in ADDED if key in preset}
            for key in RANGES & preset.keys():
                low, high = whole.get(key, (0, 127))
                whole[key] = (max(low, preset[key][0]), min(high, preset[key][1]))
            found.append(whole)
    return found


def _zones(table: dict[str, list[tuple]], kind: str, first: int, last: int, target: int) -> list[dict]:
    """Return the generators of each zone between two bags; those of a first zone without target hold for all."""
    bags, generators = table[f"{kind}bag"], table[f"{kind}gen"]
    shared: dict = {}
    zones = []
    for bag in range(first, last):
        zone = {}
        for kind_, amount in generators[bags[bag][0] : bags[bag + 1][0]]:
            signed = amount - 65536 if amount >= 32768 and kind_ not in (INSTRUMENT, SAMPLE) else amount
            zone[kind_] = (amount & 255, amount >> 8) if kind_ in RANGES else signed
        if target in zone:
            zones.append(shared | zone)
        elif bag == first:
            shared = zone
    return zones
