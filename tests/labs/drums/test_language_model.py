"""A real language model's way through the lab, on a tiny Llama with random weights and a tokenizer of its own."""

import numpy as np
import pytest
import torch

from workbench.contract.errors import LabError
from workbench.labs.drums.common.drumroll import BAR, WIDTH, separated
from workbench.labs.drums.method import language_model, sampling
from workbench.labs.drums.params import OWN_MODEL, Params
from workbench.toolkit.memory import MemoryContext

GROOVES = [np.random.default_rng(k).random((5, BAR, WIDTH)) < 0.3 for k in range(3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write a Llama of two layers and a byte-pair tokenizer that has learned from drum text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    path = tmp_path_factory.mktemp("llama")
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    plain.train_from_iterator([separated(g.reshape(-1, WIDTH)) + "END the end" for g in GROOVES], trainer)
    PreTrainedTokenizerFast(tokenizer_object=plain, bos_token="<s>").save_pretrained(path)
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=300, max_position_embeddings=2048, **shape)).save_pretrained(path)
    return path


@pytest.fixture
def params(folder):
    return Params.make(language=OWN_MODEL, folder=str(folder), window=4)


@pytest.fixture
def tuned(params):
    return language_model.opened(params, MemoryContext(1), pretrained=True)


def test_only_the_thin_matrices_of_queries_and_values_are_trained(tuned):
    trained = language_model.adapter(tuned.model)
    assert len(trained) == 2 * 2 * 2 and all("lora_" in name for name in trained)
    assert {name.split(".self_attn.")[1].split(".")[0] for name in trained} == {"q_proj", "v_proj"}
    assert {min(weight.shape) for weight in trained.values()} == {language_model.RANK}


def test_the_random_twin_is_the_same_architecture_with_other_weights_all_trained(params, tuned):
    twin, again = (language_model.opened(params, MemoryContext(1), pretrained=False).model for _ in range(2))
    whole = sum(p.numel() for p in twin.parameters())
    assert whole == sum(p.numel() for n, p in tuned.model.named_parameters() if "lora_" not in n)
    assert all(p.requires_grad for p in twin.parameters())
    assert all(torch.equal(a, b) for a, b in zip(twin.parameters(), again.parameters(), strict=True))


def test_it_learns_and_a_resumed_training_ends_with_the_same_weights(params):
    def bars_at(step):
        return GROOVES[0][:4], False

    found = [language_model.opened(params, MemoryContext(1), pretrained=True) for _ in range(3)]
    losses = [loss for _, loss, _ in language_model.train(found[0], bars_at, 12, 3e-2, "cpu")]
    assert losses[-1] < losses[0]
    for step, _, freeze in language_model.train(found[1], bars_at, 12, 3e-2, "cpu"):
        if step == 7:
            state = freeze()
            break
    assert [step for step, _, _ in language_model.train(found[2], bars_at, 12, 3e-2, "cpu", state)][0] == 8
    whole, resumed = (language_model.adapter(f.model) for f in (found[0], found[2]))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_bits_are_those_of_the_completion_alone(tuned):
    bits = language_model.bits_per_character(tuned, GROOVES, 3)
    tokens, targets, characters = language_model.pair(tuned, GROOVES[0][:3], False)
    rest = separated(GROOVES[0][2:3].reshape(-1, WIDTH))
    assert characters == len(rest) and tuned.tokenizer.decode(targets[targets >= 0]) == rest
    with torch.no_grad():
        share = tuned.model(input_ids=tokens[None]).logits[0].log_softmax(-1)
    start = int((targets < 0).sum())
    nats = -sum(float(share[t - 1, tokens[t]]) for t in range(start, len(tokens)))
    assert bits[0] == pytest.approx(nats / np.log(2) / characters, rel=1e-4)


def test_its_tokens_are_held_to_the_grammar_too(tuned):
    speaker = language_model.Words(tuned)
    prompt = GROOVES[1][:2].reshape(-1, WIDTH)
    assert max(map(len, speaker.tokens)) > 3  # tokens of several characters
    found = [*sampling.Network("x", speaker).continue_(prompt, 2, seed=3)]
    assert [bar.shape for bar in found] == [(BAR, WIDTH)] * 2
    again = [*sampling.Network("x", speaker).continue_(prompt, 2, seed=3)]
    assert all((a == b).all() for a, b in zip(found, again, strict=True))


def test_prompts_of_many_lengths_are_continued_together_as_each_by_itself(tuned):
    speaker, still = language_model.Words(tuned), sampling.Taste(temperature=0.0)
    rng = np.random.default_rng(0)
    prompts = np.stack([rng.random((2 * BAR, WIDTH)) < share for share in (0.0, 0.1, 0.5)])
    assert len({len(speaker.encode(separated(prompt))) for prompt in prompts}) > 1

    def played(batch):
        return np.concatenate([rows for rows, _ in sampling.bars(speaker, batch, 2, torch.Generator(), still)], axis=1)

    alone = np.concatenate([played(prompt[None]) for prompt in prompts])
    assert (played(prompts) == alone).all()


def test_an_adapter_comes_back_and_one_of_another_model_is_refused(params, tuned):
    state = {name: torch.randn_like(weight) for name, weight in language_model.adapter(tuned.model).items()}
    other = language_model.opened(params, MemoryContext(2), pretrained=True)
    language_model.put_adapter(other.model, state)
    assert all(torch.equal(state[name], weight) for name, weight in language_model.adapter(other.model).items())
    with pytest.raises(LabError, match="does not fit"):
        language_model.put_adapter(other.model, {"strange": torch.zeros(1)})


@pytest.mark.parametrize("path", ["", "/nowhere", "."])
def test_a_folder_without_a_model_is_refused_in_words(path):
    with pytest.raises(LabError, match="holds no language model"):
        language_model.opened(Params.make(language=OWN_MODEL, folder=path), MemoryContext(), pretrained=True)
