"""The models that drum: a small GPT on characters, one alphabet for English and for drums, readable top to bottom.

Shapes: B sequences, T new characters, S characters that may be seen, V = 128 ASCII codes, D the width, H heads of
C = D / H channels each.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

VOCABULARY = 128  # ASCII: every character of drumroll text stands in English text too
BASE = 10_000.0  # of the rotary frequencies


@dataclass(frozen=True)
class Shape:
    """Size of a `Gpt`.

    Attributes
    ----------
    layers, heads, width
        Blocks, attention heads of each, and channels.
    context
        How many characters back a position may look.
    """

    layers: int = 3
    heads: int = 4
    width: int = 192
    context: int = 512


class Cache:
    """Keys and values (layers, B, room, C) of the characters read so far; room is made once."""

    def __init__(self, shape: Shape, batch: int, room: int, device: torch.device):
        size = (shape.layers, batch, room, shape.width // shape.heads)
        self.k, self.v = torch.empty(size, device=device), torch.empty(size, device=device)
        self.seen = 0

    def spread(self, batch: int) -> Cache:
        """Return a cache for `batch` sequences that all begin like the only one of this cache."""
        copy = object.__new__(Cache)
        copy.k, copy.v = (t.expand(-1, batch, -1, -1).clone() for t in (self.k, self.v))
        copy.seen = self.seen
        return copy


class Gpt(nn.Module):
    """A causal transformer: pre-norm blocks, rotary positions, the output tied to the input embedding.

    Each position sees at most `context` characters, itself included, so a text of any length can be continued. The
    heads share one key and one value (multi-query attention, Shazeer 2019): the cache, whose reading takes most of the
    time of a continuation, is H times smaller.

    Parameters
    ----------
    shape
        Its size.
    generator
        From which the first weights are drawn; the global one belongs to nobody.
    """

    def __init__(self, shape: Shape, generator: torch.Generator | None = None):
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(VOCABULARY, shape.width)
        self.blocks = nn.ModuleList(Block(shape, index) for index in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:  # what writes into the stream starts smaller, the deeper the network (GPT-2)
                deep = (2 * shape.layers) ** -0.5 if name.endswith(("join.weight", "down.weight")) else 1.0
                nn.init.normal_(weight, std=0.02 * deep, generator=generator)

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Return the logits of the next character at every position.

        Parameters
        ----------
        tokens
            Character codes (B, T); with a cache, those that follow on what it holds.
        cache
            Is read and filled.

        Returns
        -------
        Tensor
            (B, T, V).
        """
        start = cache.seen if cache else 0
        end = start + tokens.shape[1]
        turn = rotation(start, end, self.shape.width // self.shape.heads, tokens.device)  # 2 x (T, C/2)
        back = max(0, end - self.shape.context - tokens.shape[1] + 1)  # the oldest that any new one may see
        mask = window(start, end, back, self.shape.context, tokens.device) if cache else None  # (T, S)
        x = self.embed(tokens)  # (B, T, D)
        for block in self.blocks:
            x = block(x, turn, mask, cache, back)
        if cache:
            cache.seen = end
        return self.norm(x) @ self.embed.weight.T  # (B, T, V)


class Block(nn.Module):
    """Attention, then a two-layer network, each added to the stream it reads."""

    def __init__(self, shape: Shape, index: int):
        super().__init__()
        self.heads, self.index = shape.heads, index
        self.before, self.between = nn.LayerNorm(shape.width), nn.LayerNorm(shape.width)
        self.channels = shape.width // shape.heads
        self.qkv = nn.Linear(shape.width, shape.width + 2 * self.channels, bias=False)
        self.join = nn.Linear(shape.width, shape.width, bias=False)
        self.up = nn.Linear(shape.width, 4 * shape.width, bias=False)
        self.down = nn.Linear(4 * shape.width, shape.width, bias=False)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor], mask: Tensor | None, cache: Cache | None, back: int
    ) -> Tensor:
        """Return the stream (B, T, D) after this block; see `Gpt.forward`."""
        B, T, D = x.shape
        q, k, v = self.qkv(self.before(x)).split([D, self.channels, self.channels], -1)
        q = rotate(q.view(B, T, self.heads, -1).transpose(1, 2), turn)  # (B, H, T, C)
        k = rotate(k, turn)  # (B, T, C), as v
        if cache:
            new, old = slice(cache.seen, cache.seen + T), slice(back, cache.seen + T)
            cache.k[self.index, :, new], cache.v[self.index, :, new] = k, v
            k, v = cache.k[self.index, :, None, old], cache.v[self.index, :, None, old]  # (B, 1, S, C)
            # one key for all heads: the heads can be asked like more positions, (B, 1, H T, C)
            mask = None if mask is None else mask.repeat(self.heads, 1)  # (H T, S)
            mixed = F.scaled_dot_product_attention(q.reshape(B, 1, -1, self.channels), k, v, mask)
        else:
            k, v = (t[:, None].expand(-1, self.heads, -1, -1) for t in (k, v))  # (B, H, T, C)
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        mixed = mixed.view(B, self.heads, T, -1).transpose(1, 2).reshape(B, T, D)
        x = x + self.join(mixed)
        return x + self.down(F.gelu(self.up(self.between(x))))


def rotation(start: int, end: int, channels: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return cosine and sine (T, channels / 2) of the rotary angles of positions start..end-1."""
    rate = BASE ** (-torch.arange(0, channels, 2, device=device) / channels)  # (channels / 2,)
    angle = torch.arange(start, end, device=device)[:, None] * rate  # (T, channels / 2)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Turn pairs of channels of x (..., T, C) by their angles: what q and k say of each other depends on distance."""
    cos, sin = turn
    a, b = x.chunk(2, -1)  # (..., T, C/2) each
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


def window(start: int, end: int, back: int, context: int, device: torch.device) -> Tensor | None:
    """Return which of the positions back..end-1 each of start..end-1 may see (T, S), or None when all of them."""
    if end - start == 1:
        return None
    query = torch.arange(start, end, device=device)[:, None]
    key = torch.arange(back, end, device=device)
    return (key <= query) & (key > query - context)


def encode(text: str) -> list[int]:
    """Return the codes of the characters; what is not ASCII becomes a question mark."""
    return list(text.encode("ascii", "replace"))


# Keeping weights in a byte each ----------------------------------------------------------------------------------


def packed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights as 8-bit numbers, a scale for each row: what a run keeps.

    Norms, which are few, stay as they are.
    """
    small = {}
    for name, weight in state.items():
        if weight.dim() != 2:
            small[name] = weight.detach().cpu().clone()
            continue
        scale = weight.detach().abs().amax(1, keepdim=True).clamp_min(1e-12) / 127  # (rows, 1)
        small[name] = (weight.detach() / scale).round().to(torch.int8).cpu()
        small[f"{name}.scale"] = scale.cpu()
    return small


def unpacked(small: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights that `packed` made small, as a `Gpt` takes them."""
    return {
        name: weight.float() * small[f"{name}.scale"] if weight.dtype == torch.int8 else weight
        for name, weight in small.items()
        if not name.endswith(".scale")
    }


def restored(small: dict[str, Tensor], heads: int, context: int, device: str = "cpu") -> Gpt:
    """Return the model whose weights `packed` kept; all of its shape but heads and context stands in the weights."""
    layers = 1 + max(int(name.split(".")[1]) for name in small if name.startswith("blocks."))
    model = Gpt(Shape(layers, heads, small["embed.weight"].shape[1], context))
    model.load_state_dict(unpacked(small))
    return model.to(device).eval()
