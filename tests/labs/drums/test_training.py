"""Training: what is asked for, that it learns, that it resumes."""

import numpy as np
import pytest
import torch

from workbench.labs.drums.common.drumroll import BAR, END, WIDTH, separated, to_prompt_completion
from workbench.labs.drums.method import pretraining_texts
from workbench.labs.drums.method.model import Gpt, Shape
from workbench.labs.drums.method.training import (
    IGNORED,
    bits_per_character,
    pair,
    slices,
    stacked,
    train,
    windows,
)
from workbench.toolkit.memory import MemoryContext

SHAPE = Shape(1, 2, 32, 400)


def groove(seed, bars=9):
    return np.random.default_rng(seed).random((bars, BAR, WIDTH)) < 0.3


def spelled(codes):
    return bytes(codes.tolist()).decode()


def test_a_whole_groove_is_the_authors_prompt_and_completion():
    bars = groove(0)
    bars[0, 0] = True  # no silence to strip
    codes, prompt = pair(bars, ends=True)
    text = bytes(codes).decode()
    wanted = to_prompt_completion(bars.reshape(-1, WIDTH))
    assert (text[:prompt], text[prompt:]) == wanted


def test_only_the_completion_is_asked_for():
    bars = groove(1)
    texts_ = [pair(bars[:3], False), pair(bars[5:9], True)]
    tokens, targets = stacked(texts_)
    for (codes, prompt), asked, read in zip(texts_, targets, tokens, strict=True):
        assert spelled(asked[asked != IGNORED]) == bytes(codes[prompt:]).decode()
        assert spelled(read[: len(codes) - 1]) == bytes(codes[:-1]).decode()
    assert bytes(texts_[1][0]).decode().endswith(END)


def test_windows_are_stretches_of_the_grooves_and_short_grooves_are_taken_whole():
    grooves = [groove(1), groove(2, bars=3)]
    whole = [separated(g.reshape(-1, WIDTH)) for g in grooves]
    tokens, _ = windows(grooves, 30, 4, np.random.default_rng(0))
    found = [spelled(row) for row in tokens]
    assert all(any(text[: 3 * 116 - 4] in w for w in whole) for text in found)
    assert any(text.startswith(whole[1][:200]) for text in found)


def test_slices_are_stretches_of_the_text_and_ask_for_the_next_character():
    codes = np.frombuffer(b"the quick brown fox jumps over the lazy dog" * 3, np.uint8)
    tokens, targets = slices(codes, 5, 20, np.random.default_rng(0))
    for read, asked in zip(tokens, targets, strict=True):
        assert spelled(read) in codes.tobytes().decode() and (read[1:] == asked[:-1]).all()


def test_it_learns_a_groove_by_heart():
    bars = np.tile(groove(3, bars=1), (4, 1, 1))
    model = Gpt(SHAPE, torch.Generator().manual_seed(0))
    before = bits_per_character(model, [bars], 4)
    losses = [loss for _, loss, _ in train(model, lambda step: stacked([pair(bars, False)]), 60, 1e-2, "cpu")]
    assert losses[-1] < 0.3 * losses[0] and bits_per_character(model, [bars], 4)[0] < 0.3 * before[0]


def test_a_resumed_training_ends_with_the_same_weights():
    grooves = [groove(k) for k in range(4)]

    def batch_at(step):
        return windows(grooves, 2, 3, np.random.default_rng(step))

    whole, cut, resumed = (Gpt(SHAPE, torch.Generator().manual_seed(0)) for _ in range(3))
    for _ in train(whole, batch_at, 8, 1e-3, "cpu"):
        pass
    for step, _, freeze in train(cut, batch_at, 8, 1e-3, "cpu"):
        if step == 5:
            state = freeze()
            break
    steps = [step for step, _, _ in train(resumed, batch_at, 8, 1e-3, "cpu", state)]
    assert steps == [6, 7, 8]
    for (name, a), b in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_bits_do_not_depend_on_what_else_is_in_the_batch():
    model = Gpt(SHAPE, torch.Generator().manual_seed(0))
    grooves = [groove(k, bars=b) for k, b in ((0, 3), (1, 5), (2, 4))]
    together = bits_per_character(model, grooves, 3)
    alone = np.concatenate([bits_per_character(model, [g], 3) for g in grooves])
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_a_groove_of_two_bars_has_nothing_to_foretell():
    found = bits_per_character(Gpt(SHAPE, torch.Generator().manual_seed(0)), [groove(0, bars=2), groove(1)], 3)
    assert np.isnan(found).tolist() == [True, False]


# what is read first -----------------------------------------------------------------------------------------------


def test_english_is_english_and_needs_no_download():
    text = pretraining_texts.english(MemoryContext(), "Python reference")
    assert len(text) > 300_000 and text.count(" the ") > 2_000


def test_the_controls_share_with_english_what_they_say():
    text = "a long line of words, and another one"
    mixed = pretraining_texts.shuffled(text, np.random.default_rng(0))
    assert sorted(mixed) == sorted(text) and mixed != text
    lines = pretraining_texts.nested(np.random.default_rng(0), 5_000).split("\n")[:-16]
    for start in range(0, len(lines) - 15, 16):
        first, second, third, fourth = (lines[at : at + 4] for at in range(start, start + 16, 4))
        a, _, b, _ = first
        assert first == second == fourth == [a, a, b, a] and third[:2] == [a, a] and third[2] not in (a, b)


@pytest.mark.parametrize("arm", ["english", "shuffled", "nested"])
def test_a_text_is_the_same_for_the_same_seed(arm):
    first, again = (pretraining_texts.corpus(arm, MemoryContext(5), "Python reference") for _ in range(2))
    assert first.dtype == np.uint8 and first.max() < 128 and (first == again).all()
