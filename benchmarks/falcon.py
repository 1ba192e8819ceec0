"""The small GPT as transformers' Falcon: the same network, written by others, which takes the same weights."""

from torch import nn

from workbench.labs.drums.method.model import VOCABULARY, Gpt

NAMES = {
    "before": "input_layernorm",
    "between": "post_attention_layernorm",
    "qkv": "self_attention.query_key_value",
    "join": "self_attention.dense",
    "up": "mlp.dense_h_to_4h",
    "down": "mlp.dense_4h_to_h",
}


def as_falcon(model: Gpt) -> nn.Module:
    """Return a `FalconForCausalLM` with the weights of a `Gpt`; it knows no window, so texts end at the context."""
    from transformers import FalconConfig, FalconForCausalLM

    shape = model.shape
    config = FalconConfig(
        vocab_size=VOCABULARY,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        multi_query=True,
        parallel_attn=False,
        new_decoder_architecture=False,
        bias=False,
        alibi=False,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        eos_token_id=None,
        bos_token_id=None,
    )
    other = FalconForCausalLM(config).eval()
    state = other.state_dict()
    for name, value in model.state_dict().items():
        if name.startswith("blocks."):
            _, layer, room, kind = name.split(".")
            name = f"transformer.h.{layer}.{NAMES[room]}.{kind}"
        else:
            name = {
                "embed.weight": "transformer.word_embeddings.weight",
                "norm.weight": "transformer.ln_f.weight",
                "norm.bias": "transformer.ln_f.bias",
            }[name]
        assert state[name].shape == value.shape, name
        state[name] = value
    state["lm_head.weight"] = model.embed.weight
    other.load_state_dict(state)
    return other
