"""Options of the layers: refusals, and what a representation shows."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn import EleAttGRU, EleAttGRUCell, EleAttLSTM, EleAttRNN, EleAttRNNCell
from helpers import LAYERS, assert_near

T, B, D, N = 7, 4, 5, 6
X = torch.linspace(-2, 2, T * B * D).sin().view(T, B, D)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"gate": "relu"}, ValueError, r"gate should be 'sigmoid', 'softmax', 'hard' or None, got 'relu'"),
        ({"gate": True}, ValueError, r"gate should be 'sigmoid', 'softmax', 'hard' or None, got True"),
        ({"gate": ["sigmoid", "tanh"]}, ValueError, r"gate should be .*, got 'tanh'"),
        ({"gate": ["sigmoid"]}, ValueError, r"one value or one a layer, got 1 for num_layers=2"),
        ({"gate": []}, ValueError, r"one value or one a layer, got 0 for num_layers=2"),
        ({"gate_scale": 0}, ValueError, r"gate_scale should be a finite number above 0, got 0"),
        ({"gate_scale": float("nan")}, ValueError, r"gate_scale should be a finite number above 0, got nan"),
        ({"gate_scale": 10**309}, ValueError, r"gate_scale should be a finite number above 0, got 1000"),
        ({"gate_rank": 0}, ValueError, r"gate_rank must be greater than zero"),
        ({"gate_rank": 2.0}, TypeError, r"gate_rank should be of type int, got: float"),
        ({"keep": "fp16"}, ValueError, r"keep should be one of None, 'bf16', got 'fp16'"),
        ({"recompute": 0}, ValueError, r"recompute must be greater than zero"),
        ({"dropout": -0.1}, ValueError, r"dropout should be a number in range \[0, 1\], got -0\.1"),
        ({"dropout": 1.1}, ValueError, r"dropout should be a number in range \[0, 1\], got 1\.1"),
        ({"dropout": True}, ValueError, r"dropout should be a number in range \[0, 1\], got True"),
        ({"dropout": "0.5"}, ValueError, r"dropout should be a number in range \[0, 1\], got '0\.5'"),
        ({"dropout": float("nan")}, ValueError, r"dropout should be a number in range \[0, 1\], got nan"),
        ({"locked_dropout": 2}, ValueError, r"locked_dropout should be a number in range \[0, 1\], got 2"),
        ({"zoneout": -1}, ValueError, r"zoneout should be a number in range \[0, 1\], got -1"),
        ({"init": "xavier"}, ValueError, r"init should be one of 'torch', 'paper', 'open', got 'xavier'"),
        ({"bias": None}, TypeError, r"bias should be of type bool, got: NoneType"),
        ({"reset_afterwards": True}, TypeError, r"reset_afterwards"),
    ],
)
@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru"])
def test_constructor_arguments(cell, options, error, message):
    with pytest.raises(error, match=message):
        LAYERS[cell](D, N, 2, **options)


@pytest.mark.parametrize("cls", [EleAttRNN, EleAttRNNCell])
def test_an_unknown_nonlinearity(cls):
    with pytest.raises(ValueError, match=r"nonlinearity should be 'tanh' or 'relu', got 'gelu'"):
        cls(D, N, nonlinearity="gelu")


@pytest.mark.parametrize("cls", [EleAttRNN, EleAttLSTM])
def test_reset_after_belongs_to_the_gru(cls):
    with pytest.raises(TypeError, match="reset_after"):
        cls(D, N, reset_after=True)


def test_each_layer_may_have_its_own_gate():
    layer = EleAttGRU(D, N, 3, gate=["sigmoid", None, "softmax"])
    _, _, (first, second, third) = layer(X, need_attention=True)
    assert first.shape == (T, B, D)
    assert second is None
    assert_near(third.sum(-1), torch.ones(T, B), 1e-6)
    assert {name for name, _ in layer.named_parameters() if "a_l" in name} == {
        *("weight_ia_l0", "weight_ha_l0", "bias_a_l0"),
        *("weight_ia_l2", "weight_ha_l2", "bias_a_l2"),
    }


def test_gated_layers_followed_by_plain_ones():
    """The paper's m-EleAtt + n: the plain layers are what they would be alone."""
    layer = EleAttLSTM(D, N, 3, gate=("sigmoid", "sigmoid", None))
    _, _, attention = layer(X, need_attention=True)
    assert [a is None for a in attention] == [False, False, True]


def test_a_gate_is_low_rank_where_that_makes_it_smaller():
    layer = EleAttGRU(D, N, 3, gate=["sigmoid", "sigmoid", None], gate_rank=5)
    assert [spec.gate_rank for spec in layer.specs] == [None, 5, None]
    assert repr(layer) == "EleAttGRU(5, 6, num_layers=3, gate=('sigmoid', 'sigmoid', None), gate_rank=5)"
    assert repr(EleAttGRUCell(D, N, gate_rank=2)) == "EleAttGRUCell(5, 6, gate_rank=2)"


def test_the_representation_says_what_is_not_default():
    assert repr(EleAttGRU(D, N)) == "EleAttGRU(5, 6)"
    assert repr(EleAttRNN(D, N, nonlinearity="relu", bias=False)) == "EleAttRNN(5, 6, bias=False, nonlinearity='relu')"
    layer = EleAttGRU(
        D, N, 2, batch_first=True, dropout=0.5, bidirectional=True, gate=["sigmoid", None], gate_scale=2.0,
        locked_dropout=0.25, zoneout=0.1, reset_after=True, backend="reference",
    )  # fmt: skip
    assert repr(layer) == (
        "EleAttGRU(5, 6, num_layers=2, batch_first=True, dropout=0.5, bidirectional=True, gate=('sigmoid', None), "
        "gate_scale=2.0, locked_dropout=0.25, zoneout=0.1, reset_after=True, backend='reference')"
    )
    assert repr(EleAttGRUCell(D, N, gate=None, reset_after=True)) == "EleAttGRUCell(5, 6, gate=None, reset_after=True)"
