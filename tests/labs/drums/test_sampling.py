"""The sampler: the grammar, the draws, the bars, the next rows."""

import numpy as np
import pytest
import torch

from workbench.labs.drums.common.drumroll import BAR, END, WIDTH, parse_completion, separated
from workbench.labs.drums.method import sampling
from workbench.labs.drums.method.model import Gpt, Shape, encode
from workbench.labs.drums.method.sampling import (
    ROW_BITS,
    Characters,
    Network,
    Taste,
    choose,
    free_text,
    grammar,
    next_rows,
)


@pytest.fixture
def speaker():
    return Characters(Gpt(Shape(1, 2, 32, 300), torch.Generator().manual_seed(0)))


@pytest.fixture
def prompts():
    return np.random.default_rng(0).random((3, 2 * BAR, WIDTH)) < 0.3


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Chunks:
    """A vocabulary of pieces of drum text, as a tokenizer for English has them: it prefers what it is told to."""

    tokens = (
        "?",
        "-",
        "o",
        "--",
        "---",
        "oo-",
        "\n",
        "-\n",
        "S",
        "SEP",
        "SEP\n",
        "E",
        "END",
        "P",
        "N",
        "D",
        "the",
        "o\n-",
    )
    device = torch.device("cpu")

    def encode(self, text):
        return [self.tokens.index(c) for c in text if c in self.tokens]

    def begin(self, tokens, room):
        return torch.randn(len(tokens), len(self.tokens), generator=generator(len(tokens))), None

    def go_on(self, tokens, cache):
        return torch.randn(len(tokens), len(self.tokens), generator=generator(int(tokens.sum())))


def test_the_grammar_reads_every_text_of_whole_bars_and_nothing_else(speaker):
    follow = grammar(speaker.tokens, end=True)

    def reads(text):
        place = 0
        for code in encode(text):
            place = follow[place, code]
            if place < 0:
                return None
        return place

    rows = np.random.default_rng(1).random((3 * BAR, WIDTH)) < 0.5
    text = separated(rows)
    assert reads(text) == 0
    assert reads(text.removesuffix("SEP\n") + END) == sampling.OVER
    for wrong in ("END", "SEP", "-------", "--\n", "oooooo-", text[:70] + "x", text.replace("SEP\n", "", 1)):
        assert reads(wrong) is None, wrong
    assert grammar(speaker.tokens, end=False)[sampling.FULL, ord("E")] == -1


@pytest.mark.parametrize("end", [False, True])
def test_whatever_the_model_says_every_row_is_valid(speaker, prompts, end):
    for anyone in (speaker, Chunks()):
        count = 0
        for rows, alive in sampling.bars(anyone, prompts, 4, generator(3), Taste(1.5), end):
            assert rows.shape == (3, BAR, WIDTH) and rows.dtype == bool
            assert not rows[~alive].any() and (end or alive.all())
            count += 1
        assert count == 4


def test_a_small_gpt_reads_prompts_of_one_length(speaker):
    with pytest.raises(ValueError, match="one length"):
        speaker.begin([[1, 2], [1]], 4)


def test_the_same_seed_gives_the_same_bars_and_another_gives_others(speaker, prompts):
    network = Network("x", speaker)
    first, again, other = (np.stack([*network.continue_(prompts[0], 2, seed=s)]) for s in (1, 1, 2))
    assert (first == again).all() and (first != other).any()


def test_at_temperature_nought_the_likeliest_is_taken():
    logits = torch.tensor([[0.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    assert choose(logits, Taste(0.0), generator()).tolist() == [1, 0]


def test_top_k_and_top_p_leave_out_the_unlikely_and_keep_the_proportions():
    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05])).expand(20_000, -1)
    for taste, kept in ((Taste(1.0, 2, 1.0), 2), (Taste(1.0, 0, 0.79), 2), (Taste(1.0, 0, 0.81), 3), (Taste(1.0), 4)):
        share = torch.bincount(choose(logits, taste, generator()), minlength=4) / 20_000
        wanted = torch.tensor([0.5, 0.3, 0.15, 0.05])
        wanted[kept:] = 0
        torch.testing.assert_close(share, wanted / wanted.sum(), atol=0.015, rtol=0)


def test_a_character_of_no_probability_is_never_drawn():
    logits = torch.full((5_000, 3), 0.0)
    logits[:, [0, 2]] = -torch.inf
    assert set(choose(logits, Taste(1.0), generator()).tolist()) == {1}


def test_the_probabilities_of_the_next_rows_are_the_products_of_their_cells(speaker, prompts):
    before = separated(prompts[0][:19])
    share = next_rows(speaker, before)
    assert share.shape == (64,) and share.sum() == pytest.approx(1, abs=1e-5)
    row = 37
    product, text = 1.0, before
    for hit in ROW_BITS[row]:
        logits = speaker.model(torch.tensor([encode(text)])).detach()[0, -1, [ord("-"), ord("o")]]
        product *= float(logits.softmax(-1)[int(hit)])
        text += "o" if hit else "-"
    assert share[row] == pytest.approx(product, rel=1e-4)


def test_free_text_is_not_watched_over_and_ends_at_end_or_at_its_length(speaker, prompts):
    texts = free_text(speaker, prompts, 40, generator())
    assert all(END in t or len(t) == 40 for t in texts)
    assert any(parse_completion(t).malformed for t in texts)  # an untrained network knows no form
