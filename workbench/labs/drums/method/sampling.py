"""One sampler for every language model: batched, with a cache, masked by the grammar of drumroll text, bar by bar.

Shapes: B sequences, T tokens read at once, V tokens in the vocabulary, S places in the text of a bar.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from workbench.labs.drums.common.drumroll import BAR, END, HIT, REST, SEP, WIDTH, separated
from workbench.labs.drums.method.model import VOCABULARY, Cache, Gpt, encode

ROWS = f"{'x' * WIDTH}\n" * BAR  # the text of a bar: x is a cell
FRAME = f"{ROWS}{SEP}\n"
ROW_BITS = ((np.arange(2**WIDTH)[:, None] >> np.arange(WIDTH)[::-1]) & 1).astype(bool)  # (64, 6): every possible row


class Speaker(Protocol):
    """Interface of a language model for the sampler."""

    tokens: tuple[str, ...]
    """The text of every token."""
    device: torch.device

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text."""

    def begin(self, texts: list[list[int]], room: int) -> tuple[Tensor, Any]:
        """Read the tokens of B prompts, with room for so many after them: logits (B, V) and a cache."""

    def go_on(self, tokens: Tensor, cache: Any) -> Tensor:
        """Read one more token of each sequence (B, 1): logits (B, V)."""


class Characters:
    """A `Gpt` as a speaker: a token is a character."""

    tokens = tuple(map(chr, range(VOCABULARY)))

    def __init__(self, model: Gpt):
        self.model = model.eval()
        self.device = model.embed.weight.device

    def encode(self, text: str) -> list[int]:
        return encode(text)

    def begin(self, texts: list[list[int]], room: int) -> tuple[Tensor, Cache]:
        if len({len(text) for text in texts}) > 1:
            raise ValueError("prompts of one batch must have one length in characters")
        tokens = torch.tensor(texts, device=self.device)  # (B, T)
        cache = Cache(self.model.shape, len(tokens), tokens.shape[1] + room, self.device)
        return self.model(tokens, cache)[:, -1], cache

    def go_on(self, tokens: Tensor, cache: Cache) -> Tensor:
        return self.model(tokens, cache)[:, -1]


@dataclass(frozen=True)
class Taste:
    """Sampling settings of a player.

    Attributes
    ----------
    temperature
        Below 1 the likely becomes likelier; 0 always takes the likeliest.
    top_k
        Only so many of the likeliest tokens; 0: all.
    top_p
        Only the likeliest tokens that together have this probability; 1: all.
    """

    temperature: float = 0.9  # the paper's
    top_k: int = 0
    top_p: float = 1.0


# The grammar -----------------------------------------------------------------------------------------------------

OVER = len(FRAME) + len(END) - 1  # the place behind END
FULL = len(ROWS)  # the place behind the last row of a bar: SEP or END


@functools.lru_cache(maxsize=8)
def grammar(tokens: tuple[str, ...], end: bool) -> np.ndarray:
    """Return at which place of a bar's text a token leads to which: (S, V), -1 where it may not stand.

    The places are those of `FRAME`, then those inside END. With tokens of several characters a token may stand where
    all of its characters may, one after the other.

    Parameters
    ----------
    tokens
        The text of every token.
    end
        Whether END may stand after the last row of a bar.
    """

    def after(place: int, character: str) -> int:
        if end and place == FULL and character == END[0]:
            return len(FRAME)
        if place >= len(FRAME):
            return place + 1 if place < OVER and character == END[place - len(FRAME) + 1] else -1
        fits = character in HIT + REST if FRAME[place] == "x" else character == FRAME[place]
        return (place + 1) % len(FRAME) if fits else -1

    follow = np.full((OVER + 1, len(tokens)), -1)
    alphabet = set(FRAME.replace("x", "") + END + HIT + REST)
    for token, text in enumerate(tokens):
        if not text or not set(text) <= alphabet:
            continue
        for place in range(OVER):
            now = place
            for character in text:
                now = after(now, character) if now >= 0 else -1
            follow[place, token] = now
    follow[OVER, 0] = OVER  # a groove that has ended waits for the others of its batch
    return follow


# Sampling --------------------------------------------------------------------------------------------------------


@torch.no_grad()
def bars(
    speaker: Speaker,
    prompts: np.ndarray,
    count: int,
    generator: torch.Generator,
    taste: Taste = Taste(),
    end: bool = False,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Continue grooves, bar by bar: every row is valid, since only what the grammar allows is drawn.

    Parameters
    ----------
    speaker
        The language model.
    prompts
        Rows to continue, bool (B, steps, 6).
    count
        How many bars to add.
    generator
        Draws; on the CPU, so that the device does not change what is drawn.
    taste
        Temperature and the like.
    end
        Whether the model may end a groove before.

    Yields
    ------
    rows, alive
        The next bar of every groove (B, 16, 6), silent for those that have ended, and which have not (B,).
    """
    texts = [speaker.encode(separated(prompt)) for prompt in prompts]
    follow = torch.as_tensor(grammar(speaker.tokens, end), device=speaker.device)  # (S, V)
    logits, cache = speaker.begin(texts, count * len(FRAME))
    place = torch.zeros(len(texts), dtype=torch.long, device=speaker.device)  # (B,)
    written = [""] * len(texts)
    told = 0
    while True:
        drawn = choose(logits.float().masked_fill(follow[place] < 0, -torch.inf), taste, generator)  # (B,)
        over = (place == OVER).tolist()
        place = follow[place, drawn]
        for i, token in enumerate(drawn.tolist()):
            written[i] += "" if over[i] else speaker.tokens[token]
        while all(text.endswith(END) or len(text) >= told * len(FRAME) + FULL for text in written):
            rows, alive = zip(*(bar_of(text, told) for text in written), strict=True)
            yield np.stack(rows), np.array(alive)
            told += 1
            if told == count:
                return
        logits = speaker.go_on(drawn[:, None], cache)


def bar_of(text: str, index: int) -> tuple[np.ndarray, bool]:
    """Return bar number `index` of generated text as rows (16, 6), and whether the text reaches it."""
    part = text[index * len(FRAME) :][:FULL]
    if len(part) < FULL:
        return np.zeros((BAR, WIDTH), bool), False
    return np.array([c == HIT for c in part.replace("\n", "")]).reshape(BAR, WIDTH), True


def choose(logits: Tensor, taste: Taste, generator: torch.Generator) -> Tensor:
    """Draw a token of each row of logits (B, V); returns (B,)."""
    if taste.temperature <= 0:
        return logits.argmax(-1)
    logits = logits / taste.temperature
    if taste.top_k:
        least = logits.topk(min(taste.top_k, logits.shape[-1])).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    if taste.top_p < 1:
        order = logits.sort(descending=True)
        share = order.values.softmax(-1)
        late = share.cumsum(-1) - share >= taste.top_p  # those before it have that probability already
        logits = logits.masked_fill(late.gather(-1, order.indices.argsort(-1)), -torch.inf)
    share = logits.softmax(-1).cpu().double().cumsum(-1)  # one uniform number a sequence: the same on every device
    at = torch.rand(len(share), 1, generator=generator, dtype=torch.double) * share[:, -1:]
    return torch.searchsorted(share, at, right=True)[:, 0].to(logits.device)


@torch.no_grad()
def free_text(
    speaker: Speaker, prompts: np.ndarray, length: int, generator: torch.Generator, taste: Taste = Taste()
) -> list[str]:
    """Continue prompts (B, steps, 6) without the grammar, for at most `length` tokens or up to END."""
    texts = [speaker.encode(separated(prompt)) for prompt in prompts]
    logits, cache = speaker.begin(texts, length)
    written = [""] * len(texts)
    for _ in range(length):
        drawn = choose(logits.float(), taste, generator)
        written = [w if END in w else w + speaker.tokens[t] for w, t in zip(written, drawn.tolist(), strict=True)]
        if all(END in text for text in written):
            break
        logits = speaker.go_on(drawn[:, None], cache)
    return written


@torch.no_grad()
def next_rows(speaker: Characters, before: str) -> np.ndarray:
    """Return how probable each row of `ROW_BITS` is after a text, (64,).

    A cell is a choice between hit and silence; whatever else the model holds possible there is left out.
    """
    logits, cache = speaker.begin([encode(before)], WIDTH)  # (1, V)
    hits = torch.as_tensor(ROW_BITS, device=speaker.device)  # (64, 6)
    cells = torch.where(hits, ord(HIT), ord(REST))
    rest = speaker.model(cells[:, :-1], cache.spread(len(cells)))  # (64, 5, V)
    choice = torch.cat([logits.expand(len(cells), 1, -1), rest], 1)[..., [ord(REST), ord(HIT)]].log_softmax(-1)
    return choice.gather(-1, hits.long()[..., None]).sum((1, 2)).exp().cpu().numpy()


class Network:
    """A language model as a player."""

    def __init__(self, name: str, speaker: Speaker):
        self.name, self.speaker = name, speaker

    def continue_(
        self,
        prompt: np.ndarray,
        count: int,
        seed: int = 0,
        temperature: float = 0.9,
        top_k: int = 0,
        top_p: float = 1.0,
        end: bool = False,
    ) -> Iterator[np.ndarray]:
        """Yield bars (16, 6) that follow the rows of a prompt (steps, 6); with `end` the model may stop before."""
        generator = torch.Generator().manual_seed(seed)
        for rows, alive in bars(self.speaker, prompt[None], count, generator, Taste(temperature, top_k, top_p), end):
            if not alive[0]:
                return
            yield rows[0]
