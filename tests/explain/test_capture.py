"""Captured attention is the layer's own, for every cell, gate and backend; and a model is left as it was."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from attentive_rnn import EleAttGRU, EleAttLSTM, SequenceClassifier, backends
from attentive_rnn.explain import attentive_layers, capture
from attentive_rnn.layers import RRA, AttentionRNN2d, CBAMSpatialGate, ConvMask2d, LocalAttention2d
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
        assert torch.equal(call.input, x)
        assert [a is None for a in call.attention] == [gate is None] * 2
        torch.testing.assert_close([a for a in call.attention if a is not None], [a for a in asked if a is not None])


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_cells_are_captured_step_by_step(cell):
    module = CELL_MODULES[cell](4, 5)
    x = torch.randn(3, 4)
    state, asked = module(x, need_attention=True)
    with capture(module) as captured:
        torch.testing.assert_close(module(x), state)
    torch.testing.assert_close(captured[""][0].attention, asked)


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
    torch.testing.assert_close(captured["layers"][0].attention[0].transpose(0, 1), both[1][0])
    assert captured["layers"][0].attention[1] is None
    assert both[1][1] is None


@pytest.mark.parametrize("norm", ["sum", "content"])
@pytest.mark.parametrize("gate", ["sigmoid", None])
def test_lags_and_inputs_of_residual_attention_are_captured_together(norm, gate):
    layer = RRA(4, 5, lags=3, num_layers=2, norm=norm, gate=gate)
    x = torch.randn(7, 2, 4)
    output, _, asked = layer(x, need_attention=True)
    with capture(layer) as captured:
        torch.testing.assert_close(layer(x)[0], output)
    for kept, wanted in zip(captured[""][0].attention, asked, strict=True):
        torch.testing.assert_close(kept.lags, wanted.lags.detach())
        assert (kept.inputs is None) == (gate is None)
        if gate:
            torch.testing.assert_close(kept.inputs, wanted.inputs.detach())


@pytest.mark.parametrize("layer", [AttentionRNN2d(3, 4), CBAMSpatialGate(), ConvMask2d(3), LocalAttention2d(3)])
def test_masks_over_maps_are_captured(layer):
    model = nn.Sequential(nn.Conv2d(1, 3, 3), Masked(layer)).eval()
    images = torch.randn(2, 1, 7, 6)
    with capture(model) as captured:
        y = model(images)
    (call,) = captured["1.layer"]
    torch.testing.assert_close(call.input * call.attention, y.detach())
    assert call.attention.shape == (2, 1, 5, 4)


class Masked(nn.Module):
    """A spatial layer in a network, which goes on with the map alone."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0]


def test_gradients_do_not_change_and_none_are_kept():
    model = SequenceClassifier(4, 2, hidden_size=3, dropout=0.0)
    x = torch.randn(2, 5, 4)
    model(x).sum().backward()
    plain = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    with capture(model) as captured:
        model(x).sum().backward()
    torch.testing.assert_close([p.grad for p in model.parameters()], plain)
    assert not captured["layers"][0].attention[0].requires_grad


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
