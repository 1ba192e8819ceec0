"""A real language model that drums: fine-tuned by LoRA, and the same architecture from random weights.

Needs the extra `language` (transformers, peft, gguf, accelerate, tokenizers), imported when asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.contract import Context, LabError
from workbench.labs.drums.common.drumroll import END, SEP, separated
from workbench.labs.drums.method.training import GUIDE, IGNORED, set_rate
from workbench.labs.drums.params import SMOLLM2, Params
from workbench.toolkit.training import fabric_for, optimizer_moments, restore_moments

RANK = 8  # of the two thin matrices that LoRA adds to each chosen one
CHOSEN = ["q_proj", "v_proj"]
Freeze = Callable[[], dict[str, Tensor]]


@dataclass(frozen=True)
class Language:
    """A causal language model and its tokenizer."""

    model: Any
    tokenizer: Any


def opened(params: Params, ctx: Context, pretrained: bool, seed: int = 0) -> Language:
    """Return the language model that a run asks for.

    Parameters
    ----------
    params
        Which one: `language`, and `folder` for one of the user's own.
    ctx
        Asked for the catalog's file, and for random numbers.
    pretrained
        With its weights, to be fine-tuned by LoRA; else the same architecture with random ones, all to be trained.
    seed
        Of the random weights.

    Raises
    ------
    LabError
        If the extra is not installed, or the folder holds no causal language model.
    """
    try:
        from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise LabError(f"A language model needs more packages: {error}.", "pip install 'workbench[language]'") from None
    if params.language == SMOLLM2:
        file = ctx.data("smollm2")
        place, how = file.parent, {"gguf_file": file.name}
    else:
        place, how = Path(params.folder).expanduser(), {}
        if not params.folder or not (place / "config.json").exists():
            raise LabError(
                f"{params.folder or 'No folder'} holds no language model.",
                "Give a folder with config.json, weights as safetensors, and a tokenizer, as `folder`.",
            )
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False, **how}
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, **local)
        if pretrained:
            extra = {} if how else {"use_safetensors": True}  # nothing is unpickled
            model = AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32, **local, **extra)
        else:
            with torch.random.fork_rng():
                torch.manual_seed(ctx.generator(f"language/{seed}").initial_seed())
                model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(place, **local)).float()
    except (OSError, ValueError, KeyError) as error:
        raise LabError(f"The language model cannot be read: {error}.", "Is it a causal language model?") from error
    if pretrained:
        model = with_lora(model, ctx.generator(f"lora/{seed}"))
    return Language(model.to(ctx.device), tokenizer)


def with_lora(model: nn.Module, generator: torch.Generator) -> nn.Module:
    """Return the model with thin matrices B A added to the query and value projections; all else stands still."""
    from peft import LoraConfig, get_peft_model

    with torch.random.fork_rng():
        torch.manual_seed(generator.initial_seed())
        config = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=CHOSEN, task_type="CAUSAL_LM")
        return get_peft_model(model, config)


def adapter(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights that were trained: LoRA's alone, where it is used."""
    return {name: p.detach().cpu().clone() for name, p in model.named_parameters() if p.requires_grad}


def put_adapter(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Load weights from `adapter`.

    Raises
    ------
    LabError
        If they belong to another model.
    """
    own = dict(model.named_parameters())
    if strange := [name for name in state if name not in own or own[name].shape != state[name].shape]:
        raise LabError(f"The adapter does not fit the model: {strange[0]}.", "Use the model it was trained for.")
    with torch.no_grad():
        for name, value in state.items():
            own[name].copy_(value)


# What is read ----------------------------------------------------------------------------------------------------


def pair(language: Language, bars: np.ndarray, ends: bool) -> tuple[Tensor, Tensor, int]:
    """Return tokens (T,) of bars (bars, 16, 6), what is to be foretold (T,), and how many characters that is.

    Prompt and completion are read by the tokenizer one by one, so that no token lies across their border.
    """
    width = bars.shape[-1]
    prompt, rest = separated(bars[:GUIDE].reshape(-1, width)), separated(bars[GUIDE:].reshape(-1, width))
    if ends and rest:
        rest = rest.removesuffix(f"{SEP}\n") + END
    before, after = (language.tokenizer.encode(text, add_special_tokens=False) for text in (prompt, rest))
    tokens = torch.tensor(before + after)
    targets = tokens.clone()
    targets[: len(before)] = IGNORED
    return tokens, targets, len(rest)


def train(
    language: Language,
    bars_at: Callable[[int], tuple[np.ndarray, bool]],
    steps: int,
    rate: float,
    device: str,
    state: dict[str, Tensor] | None = None,
) -> Iterator[tuple[int, float, Freeze]]:
    """Train what may be trained, a groove a step, and yield (steps done, bits a character, freeze).

    A resumed training goes on with its weights and moments.
    """
    model = language.model
    fabric = fabric_for(device)
    own = [p for p in model.parameters() if p.requires_grad]
    net, optimizer = fabric.setup(model, torch.optim.AdamW(own, lr=rate, weight_decay=0.0))
    done = 0
    if state:
        done = int(state["step"])
        put_adapter(model, {k.removeprefix("model/"): v for k, v in state.items() if k.startswith("model/")})
        restore_moments(optimizer, state)

    def freeze(step: int) -> dict[str, Tensor]:
        weights = {f"model/{name}": value for name, value in adapter(model).items()}
        return {"step": torch.tensor(step)} | weights | optimizer_moments(optimizer)

    model.train()
    for step in range(done, steps):
        set_rate(optimizer, rate, step, steps)
        tokens, targets, characters = pair(language, *bars_at(step))
        loss = loss_of(net, tokens.to(device), targets.to(device))
        optimizer.zero_grad()
        fabric.backward(loss / (targets != IGNORED).sum())
        fabric.clip_gradients(net, optimizer, max_norm=1.0)
        optimizer.step()
        yield step + 1, float(loss.detach()) / characters / math.log(2), lambda at=step + 1: freeze(at)


def loss_of(net: nn.Module, tokens: Tensor, targets: Tensor) -> Tensor:
    """Return the cross entropy, in nats, of all that is to be foretold in one text (T,)."""
    logits = net(input_ids=tokens[None]).logits[0, :-1]  # (T - 1, V)
    return nn.functional.cross_entropy(logits.float(), targets[1:], ignore_index=IGNORED, reduction="sum")


@torch.no_grad()
def bits_per_character(language: Language, grooves: list[np.ndarray], bars: int) -> np.ndarray:
    """Return the bits that a character of the completion costs, a value a groove, over its first `bars` bars.

    In characters, not tokens: so models with other vocabularies can be compared. The probability of a text is that of
    its usual tokens; other ways to cut it into tokens are left out, so the bits are an upper bound.
    """
    language.model.eval()
    device = next(language.model.parameters()).device
    found = []
    for groove in grooves:
        tokens, targets, characters = pair(language, groove[:bars], len(groove) <= bars)
        if not characters:  # a groove of two bars, of which nothing is to be foretold
            found.append(math.nan)
            continue
        found.append(float(loss_of(language.model, tokens.to(device), targets.to(device))) / characters / math.log(2))
    return np.array(found)


@dataclass
class Read:
    """State of a model after reading a batch: its cache, and the mask (B, T) of tokens that are no padding."""

    cache: Any
    mask: Tensor


class Words:
    """A language model as a speaker (`sampling.Speaker`): a token is a piece of text."""

    def __init__(self, language: Language):
        self.model, self.tokenizer = language.model.eval(), language.tokenizer
        self.device = next(self.model.parameters()).device
        size = self.model.get_input_embeddings().num_embeddings
        special = set(self.tokenizer.all_special_ids)
        texts = self.tokenizer.batch_decode([[k] for k in range(min(size, len(self.tokenizer)))])
        self.tokens = tuple("" if k in special else text for k, text in enumerate(texts)) + ("",) * (size - len(texts))

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False)

    def begin(self, texts: list[list[int]], room: int) -> tuple[Tensor, Read]:
        """Read prompts of any lengths, filled up on the left; the cache grows by itself."""
        from transformers import DynamicCache

        longest = max(map(len, texts))
        tokens = torch.tensor([[0] * (longest - len(text)) + text for text in texts], device=self.device)  # (B, T)
        mask = torch.tensor([[0] * (longest - len(text)) + [1] * len(text) for text in texts], device=self.device)
        read = Read(DynamicCache(), mask)
        return self._next(tokens, (mask.cumsum(-1) - 1).clamp(min=0), read), read

    def go_on(self, tokens: Tensor, read: Read) -> Tensor:
        """Read one more token of each sequence (B, 1)."""
        read.mask = torch.cat([read.mask, torch.ones_like(tokens)], 1)
        return self._next(tokens, read.mask.sum(-1, keepdim=True) - 1, read)

    def _next(self, tokens: Tensor, positions: Tensor, read: Read) -> Tensor:
        """Return the logits (B, V) behind the last token."""
        asked = {"attention_mask": read.mask, "position_ids": positions, "past_key_values": read.cache}
        return self.model(input_ids=tokens, use_cache=True, **asked).logits[:, -1]
