"""Spatial attentions without a recurrence."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from attentive_rnn.layers import CBAMSpatialGate, ConvMask2d, LocalAttention2d, NoAttention2d
from helpers import assert_near

X = torch.linspace(-3, 3, 2 * 3 * 7 * 5).sin().view(2, 3, 7, 5)
QUERY = torch.linspace(-1, 1, 2 * 4).view(2, 4)


def test_cbam_starts_at_one_half_and_reads_the_largest_and_the_mean_channel():
    gate = CBAMSpatialGate(dtype=torch.float64)
    assert torch.equal(gate(X.double())[1], torch.full((2, 1, 7, 5), 0.5, dtype=torch.float64))
    gate = CBAMSpatialGate(dtype=torch.float64).eval()
    nn.init.ones_(gate.norm.weight)
    x = X.double()
    logits = nn.functional.conv2d(torch.stack([x.max(1)[0], x.mean(1)], 1), gate.conv.weight, padding=3)
    assert_near(gate(x)[1], torch.sigmoid(logits / (1 + 1e-5) ** 0.5), 1e-13)
    assert sum(p.numel() for p in gate.parameters()) == 2 * 49 + 2


def test_local_attention_is_the_papers_network():
    layer = LocalAttention2d(3, 6, query_size=4, normalize="softmax", dtype=torch.float64)
    x, query = X.double(), QUERY.double()
    features = layer.local(x) + (query @ layer.from_query.weight.T)[:, :, None, None]
    logits = (features.clamp(min=0) * layer.read.weight[0]).sum(1) + layer.read.bias
    assert_near(layer(x, query)[1][:, 0], logits.flatten(1).softmax(1).view(2, 7, 5), 1e-13)
    assert sum(p.numel() for p in layer.parameters()) == 6 * 3 * 9 + 6 + 6 * 4 + 6 + 1
    assert LocalAttention2d(3, 6, context=1).local.weight.shape == (6, 3, 1, 1)


RIVALS = [CBAMSpatialGate(), LocalAttention2d(3), LocalAttention2d(3, context=1), ConvMask2d(3), NoAttention2d()]


@pytest.mark.parametrize("rival", RIVALS, ids=lambda rival: type(rival).__name__)
def test_rivals_are_called_as_the_layer_is(rival):
    y, mask = rival(X)
    assert y.shape == X.shape
    assert mask.shape == (2, 1, 7, 5)
    assert torch.equal(y, X * mask)
    if not isinstance(rival, LocalAttention2d):
        assert torch.equal(rival.eval()(X, QUERY)[1], rival(X)[1])
