"""The lag weights of trained RRA models, in numbers and as a picture."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn import RRA, EleAttGRU
from attentive_rnn.errors import ConfigError
from attentive_rnn.explain.lags import learnt_lags


def test_the_weights_are_those_that_the_layer_uses():
    rra = RRA(2, 3, lags=4, num_layers=2, bidirectional=True, norm="softmax")
    weights = learnt_lags(rra)
    assert list(weights) == ["layer 1", "layer 1, backward", "layer 2", "layer 2, backward"]
    expected = torch.softmax(rra.weight_lag_l1_reverse, 0)
    torch.testing.assert_close(torch.from_numpy(weights["layer 2, backward"]), expected.detach())
    _, _, attention = rra(torch.randn(7, 1, 2), need_attention=True)
    torch.testing.assert_close(attention[0].lags[5, 0, :, 0], torch.from_numpy(weights["layer 1"]))


@pytest.mark.parametrize("model", [EleAttGRU(2, 3), RRA(2, 3, norm="content"), RRA(2, 3, lags=0)])
def test_a_model_without_lag_weights_of_its_own_is_refused(model):
    with pytest.raises(ConfigError, match="no RRA layer with weights of its own"):
        learnt_lags(model)
