"""Torch's own decoder with the weights of the lab `cmt`: what ours must equal, and be measured against."""

from __future__ import annotations

import torch
from torch import nn

from workbench.labs.cmt.method.model import Attention, Cmt


def give_attention(ours: Attention, theirs: nn.MultiheadAttention) -> None:
    """Copy weights from ours to torch's."""
    theirs.in_proj_weight.data.copy_(torch.cat([ours.q.weight, ours.k.weight, ours.v.weight]))
    theirs.in_proj_bias.data.copy_(torch.cat([ours.q.bias, ours.k.bias, ours.v.bias]))
    theirs.out_proj.load_state_dict(ours.join.state_dict())


def as_torchs(model: Cmt) -> nn.TransformerDecoder:
    """Return torch's decoder with the weights of ours."""
    shape = model.shape
    layer = nn.TransformerDecoderLayer(shape.width, shape.heads, shape.inner, dropout=0.0, batch_first=True)
    peer = nn.TransformerDecoder(layer, shape.layers, nn.LayerNorm(shape.width))
    for ours, theirs in zip(model.layers, peer.layers, strict=True):
        give_attention(ours.own, theirs.self_attn)
        give_attention(ours.cross, theirs.multihead_attn)
        theirs.linear1.load_state_dict(ours.think[0].state_dict())
        theirs.linear2.load_state_dict(ours.think[2].state_dict())
        for number, norm in enumerate(ours.norms, 1):
            getattr(theirs, f"norm{number}").load_state_dict(norm.state_dict())
    peer.norm.load_state_dict(model.norm.state_dict())
    return peer
