"""How fast a small GPT continues many grooves at once: with its cache, without one, and by transformers' generate.

    python benchmarks/playing.py        about a minute

All three have the same weights on one thread; that Falcon gives the same logits is checked first. Prints characters a
processor second and writes benchmarks/playing.json. Exit code 1 below 1.5 times either peer.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from falcon import as_falcon
from torch import Tensor

from workbench.labs.drums.common.drumroll import PROMPT, WIDTH, separated
from workbench.labs.drums.method.model import Gpt, Shape, encode
from workbench.labs.drums.method.sampling import FRAME, FULL, Characters, Taste, bars, choose
from workbench.labs.drums.params import Params

GOAL = 1.5
TOGETHER = 64
ALONE = 16  # characters for the contestant that computes all again each time: it slows down with every one


def network() -> Gpt:
    """Return a network of the preset `claims`; how fast it is does not depend on its weights."""
    params = Params.make("claims")
    shape = Shape(params.layers, params.heads, params.width, params.window * len(FRAME))
    return Gpt(shape, torch.Generator().manual_seed(0)).eval()


def with_cache(model: Gpt, prompts: np.ndarray) -> int:
    """Return how many characters were drawn in two bars by our sampler."""
    for _ in bars(Characters(model), prompts, 2, torch.Generator().manual_seed(0)):
        pass
    return len(prompts) * (len(FRAME) + FULL)


@torch.no_grad()
def without_cache(model: Gpt, tokens: Tensor) -> int:
    """Return how many characters were drawn by reading everything again for each."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(ALONE):
        drawn = choose(model(tokens[:, -model.shape.context :])[:, -1], Taste(), generator)
        tokens = torch.cat([tokens, drawn[:, None]], 1)
    return len(tokens) * ALONE


def by_transformers(other: torch.nn.Module, tokens: Tensor) -> int:
    """Return how many characters `generate` drew."""
    new = len(FRAME) + FULL
    found = other.generate(
        tokens, attention_mask=torch.ones_like(tokens), do_sample=True, temperature=0.9, top_k=0, max_new_tokens=new
    )
    return len(tokens) * (found.shape[1] - tokens.shape[1])


def main() -> int:
    torch.set_num_threads(1)
    model = network()
    other = as_falcon(model)
    prompts = np.random.default_rng(0).random((TOGETHER, PROMPT, WIDTH)) < 0.2
    tokens = torch.tensor([encode(separated(prompt)) for prompt in prompts])
    with torch.no_grad():
        torch.testing.assert_close(model(tokens[:2]), other(input_ids=tokens[:2]).logits, atol=1e-4, rtol=1e-3)
    speed = {}
    for name, work in {
        "workbench, cache": lambda: with_cache(model, prompts),
        "transformers generate": lambda: by_transformers(other, tokens),
        "workbench, no cache": lambda: without_cache(model, tokens),
    }.items():
        rounds = []
        for _ in range(3 if "no cache" not in name else 1):
            start = time.process_time()
            count = work()
            rounds.append(count / (time.process_time() - start))
        speed[name] = sorted(rounds)[len(rounds) // 2]
        print(f"{name:22} {speed[name]:10,.0f} characters a second")
    ours = speed.pop("workbench, cache")
    ratios = {name: ours / value for name, value in speed.items()}
    for name, ratio in ratios.items():
        print(f"{ratio:6.1f} times faster than {name} (goal {GOAL})")
    result = {"together": TOGETHER, "characters_a_second": {"workbench, cache": ours} | speed, "ratios": ratios}
    result |= {"versions": {name: version(name) for name in ("torch", "transformers")}}
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    return 0 if min(ratios.values()) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
