"""The small GPT: what it may see, its cache, its weights in a byte."""

import pytest
import torch

from benchmarks.falcon import as_falcon
from workbench.labs.drums.method.model import (
    Cache,
    Gpt,
    Shape,
    encode,
    packed,
    restored,
    rotate,
    rotation,
    unpacked,
)

SHAPE = Shape(layers=2, heads=2, width=32, context=24)


@pytest.fixture
def model():
    return Gpt(SHAPE, torch.Generator().manual_seed(0)).eval()


@pytest.fixture
def tokens():
    return torch.randint(0, 128, (3, 24), generator=torch.Generator().manual_seed(1))


def test_a_position_never_sees_what_comes_later(model, tokens):
    changed = tokens.clone()
    changed[:, 12:] = (changed[:, 12:] + 1) % 128
    before, after = model(tokens), model(changed)
    torch.testing.assert_close(before[:, :12], after[:, :12])
    assert not torch.allclose(before[:, 12:], after[:, 12:])


@pytest.mark.parametrize("pieces", [(24,), (10, 14), (1,) * 24, (20, 1, 1, 2)])
def test_reading_in_pieces_with_a_cache_gives_what_reading_at_once_gives(model, tokens, pieces):
    cache = Cache(SHAPE, 3, 30, torch.device("cpu"))
    found = torch.cat([model(part, cache) for part in tokens.split(pieces, 1)], 1)
    torch.testing.assert_close(found, model(tokens), atol=1e-5, rtol=1e-4)


def test_a_longer_text_is_read_through_a_window_of_the_context(tokens):
    """With one layer, whatever lies further back than the context cannot matter."""
    model = Gpt(Shape(1, 2, 32, 8), torch.Generator().manual_seed(0)).eval()
    other = tokens.clone()
    other[:, :8] = (other[:, :8] + 5) % 128
    ends = []
    for text in (tokens, other):
        cache = Cache(model.shape, 3, 24, torch.device("cpu"))
        model(text[:, :16], cache)
        ends.append(torch.cat([model(text[:, i : i + 1], cache) for i in range(16, 24)], 1))
    torch.testing.assert_close(ends[0], ends[1])
    assert not torch.allclose(*(model(text[:, :8])[:, -1] for text in (tokens, other)))


def test_distance_counts_and_not_the_place():
    """The product of a turned query and a turned key depends on how far they are apart alone."""
    q, k = torch.randn(2, 1, 1, 1, 16, generator=torch.Generator().manual_seed(0))
    products = []
    for at in (0, 5, 500):
        turned_q, turned_k = (rotate(x, rotation(p, p + 1, 16, torch.device("cpu"))) for x, p in ((q, at + 3), (k, at)))
        products.append((turned_q * turned_k).sum())
    torch.testing.assert_close(products[0], products[1], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(products[0], products[2], atol=1e-4, rtol=1e-4)


def test_the_same_generator_gives_the_same_weights():
    first, second = (Gpt(SHAPE, torch.Generator().manual_seed(7)) for _ in range(2))
    for (name, a), (_, b) in zip(first.named_parameters(), second.named_parameters(), strict=True):
        assert torch.equal(a, b), name


def test_weights_in_a_byte_each_come_back_within_half_a_step_and_pack_to_the_same_again(model):
    small = packed(model.state_dict())
    back = unpacked(small)
    for name, weight in model.state_dict().items():
        step = small[f"{name}.scale"] if weight.dim() == 2 else torch.zeros(1)
        assert bool(((back[name] - weight).abs() <= step / 2 + 1e-7).all()), name
    again = packed(back)
    assert all(torch.equal(small[name], again[name]) for name in small if small[name].dtype == torch.int8)


def test_a_model_is_restored_from_its_weights_alone(model, tokens):
    small = packed(model.state_dict())
    model.load_state_dict(unpacked(small))
    torch.testing.assert_close(restored(small, 2, 24)(tokens), model(tokens))


def test_what_is_not_ascii_becomes_a_question_mark():
    assert encode("é-o\n") == [63, 45, 111, 10]


def test_transformers_falcon_with_the_same_weights_says_the_same(tokens):
    """An oracle: the same network, written by others."""
    model = Gpt(Shape(2, 2, 32, 24), torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        for weight in model.parameters():  # far from the first weights, where little happens
            weight += 0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel()))
        torch.testing.assert_close(model(tokens), as_falcon(model)(input_ids=tokens).logits, atol=1e-5, rtol=1e-4)
