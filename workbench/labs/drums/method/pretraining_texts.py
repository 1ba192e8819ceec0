"""Pretraining texts: English, and two controls that are like English in one respect only."""

from __future__ import annotations

import gzip
from pydoc_data import topics

import numpy as np

from workbench.contract import Context
from workbench.labs.drums.params import DICTIONARY

Rng = np.random.Generator
MOTIF = (6, 16)  # characters of a motif of the nested text
NESTED = 400_000  # characters of it


def english(ctx: Context, which: str) -> str:
    """Return English text: the language reference that comes with every Python, or a dictionary from the catalog."""
    if which == DICTIONARY:
        return gzip.decompress(ctx.data("gcide").read_bytes()).decode("utf-8", "replace")
    return "\n\n".join(topics.topics[name] for name in sorted(topics.topics))


def shuffled(text: str, rng: Rng) -> str:
    """Return the same characters in random order: what English shares with it is how frequent each character is."""
    codes = np.frombuffer(text.encode("ascii", "replace"), np.uint8)
    return rng.permutation(codes).tobytes().decode("ascii")


def nested(rng: Rng, length: int = NESTED) -> str:
    """Return phrases of motifs that repeat at three levels (A A B A of A A B A): what drums have and English lacks.

    Each section draws new motifs of random letters, so that there is nothing to learn but to repeat.
    """
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", np.uint8)
    sections: list[str] = []
    written = 0
    while written < length:
        a, b, c = (rng.choice(letters, rng.integers(*MOTIF)).tobytes().decode() + "\n" for _ in range(3))
        first, second = a + a + b + a, a + a + c + a
        sections.append(first + first + second + first)
        written += len(sections[-1])
    return "".join(sections)[:length]


def corpus(arm: str, ctx: Context, which: str) -> np.ndarray:
    """Return the text that an arm reads first, as character codes."""
    if arm == "nested":
        text = nested(ctx.rng("nested"))
    else:
        text = english(ctx, which)
        if arm == "shuffled":
            text = shuffled(text, ctx.rng("shuffled"))
    return np.frombuffer(text.encode("ascii", "replace"), np.uint8)
