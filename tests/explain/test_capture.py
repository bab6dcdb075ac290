"""Captured attention is the layer's own, for every cell, gate and backend; and a model is left as it was."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from attentive_rnn import EleAttGRU, EleAttLSTM, SequenceClassifier, backends
from attentive_rnn.explain import attentive_layers, capture
from helpers import ALL_CELLS, ALL_GATES, CELL_MODULES, LAYERS

BACKENDS = [backend.name for backend in backends() if backend.available]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("gate", ALL_GATES)
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_what_is_captured_is_what_the_layer_returns_when_asked(cell, gate, backend):
    layer = LAYERS[cell](4, 5, num_layers=2, bidirectional=True, gate=gate, backend=backend)
    x, lengths = torch.randn(7, 3, 4), torch.tensor([7, 2, 5])
    output, state, asked = layer(x, lengths=lengths, need_attention=True)
    with capture(layer) as captured:
        plain = layer(x, lengths=lengths)
        again = layer(x, lengths=lengths, need_attention=True)
    assert len(plain) == 2
    assert len(again) == 3
    torch.testing.assert_close(plain, (output, state), rtol=0, atol=0)
    (kept,) = captured.values()
    assert len(kept) == 2
    for call in kept:
        assert [a is None for a in call] == [gate is None] * 2
        torch.testing.assert_close([a for a in call if a is not None], [a for a in asked if a is not None])


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_cells_are_captured_step_by_step(cell):
    module = CELL_MODULES[cell](4, 5)
    x = torch.randn(3, 4)
    state, asked = module(x, need_attention=True)
    with capture(module) as captured:
        torch.testing.assert_close(module(x), state)
    torch.testing.assert_close(captured[""], [asked])


def test_only_the_innermost_layers_of_a_model_are_asked():
    two = nn.ModuleDict({"first": EleAttGRU(4, 3), "rest": nn.Sequential(nn.Linear(3, 3), EleAttLSTM(3, 2))})
    assert list(attentive_layers(two)) == ["first", "rest.1"]
    assert list(attentive_layers(SequenceClassifier(4, 2))) == ["layers"]
    assert attentive_layers(nn.GRU(4, 3)) == {}


def test_a_classifier_gives_the_same_logits_and_its_attention_of_all_layers():
    model = SequenceClassifier(6, 3, hidden_size=5, num_layers=2, gate=["sigmoid", None]).eval()
    x, lengths = torch.randn(4, 9, 2, 3), torch.tensor([9, 1, 4, 9])
    with capture(model) as captured:
        logits = model(x, lengths)
        both = model(x, lengths, need_attention=True)
    torch.testing.assert_close(logits, model(x, lengths), rtol=0, atol=0)
    torch.testing.assert_close(captured["layers"][0][0].transpose(0, 1), both[1][0])
    assert captured["layers"][0][1] is None
    assert both[1][1] is None


def test_gradients_do_not_change_and_none_are_kept():
    model = SequenceClassifier(4, 2, hidden_size=3, dropout=0.0)
    x = torch.randn(2, 5, 4)
    model(x).sum().backward()
    plain = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    with capture(model) as captured:
        model(x).sum().backward()
    torch.testing.assert_close([p.grad for p in model.parameters()], plain)
    assert not captured["layers"][0][0].requires_grad


def test_nothing_is_left_on_the_model_even_after_an_error():
    model = SequenceClassifier(4, 2, hidden_size=3)
    with pytest.raises(RuntimeError, match="input_size"), capture(model):
        model(torch.randn(2, 5, 7))
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    with capture(model) as captured:
        pass
    model(torch.randn(2, 5, 4))
    assert captured == {"layers": []}
