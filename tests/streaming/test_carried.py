"""Carried states: steps and chunks, with the compiled kernels and without, end where the layers do."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils import prune

from attentive_rnn import EleAttGRU, EleAttLSTM
from attentive_rnn.layers import RRA
from attentive_rnn.streaming.carried import Carried

LAYERS = {
    "gru": lambda **options: EleAttGRU(4, 5, num_layers=2, **options),
    "lstm": lambda **options: EleAttLSTM(4, 5, num_layers=2, **options),
    "rra": lambda **options: RRA(4, 5, lags=3, num_layers=2, gate="sigmoid", **options),
}


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("kind", LAYERS)
def test_steps_and_chunks_end_at_the_whole_pass(kind, backend):
    layers = LAYERS[kind](backend=backend).eval()
    x = torch.randn(9, 4)
    with torch.no_grad():
        wanted, _, attention = layers(x[:, None], need_attention=True)
    first = getattr(attention[0], "inputs", attention[0])[:, 0]
    carried = Carried(layers)
    row = carried.begin()
    for t in range(4):
        output, gates = carried.step(row, x[t : t + 1], need_attention=True)
        torch.testing.assert_close(torch.from_numpy(output.copy()), wanted[t, 0], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(torch.from_numpy(gates[0]), first[t], atol=1e-6, rtol=1e-5)
    outputs, _ = carried.chunk(row, x[4:8])
    torch.testing.assert_close(torch.from_numpy(outputs), wanted[4:8, 0], atol=1e-6, rtol=1e-5)
    output, gates = carried.step(row, x[8:])
    assert gates == []
    torch.testing.assert_close(torch.from_numpy(output.copy()), wanted[8, 0], atol=1e-6, rtol=1e-5)


def test_layers_without_a_gate_have_no_attention_to_inputs():
    carried = Carried(EleAttGRU(4, 5, num_layers=2, gate=["sigmoid", None]).eval())
    row = carried.begin()
    _, gates = carried.step(row, torch.randn(1, 4), need_attention=True)
    assert [None if gate is None else gate.shape for gate in gates] == [(4,), None]
    _, gates = carried.chunk(row, torch.randn(3, 4), need_attention=True)
    assert [None if gate is None else gate.shape for gate in gates] == [(3, 4), None]


@pytest.mark.parametrize("change", ["pruned", "replaced", "lags"])
def test_weights_that_change_later_are_seen(change):
    layers = RRA(4, 5, lags=3).eval() if change == "lags" else EleAttGRU(4, 5).eval()
    carried, frames = Carried(layers), torch.randn(3, 1, 4)
    row = carried.begin()
    with torch.no_grad():
        before = layers(frames)[0][-1, 0]
        if change == "pruned":
            prune.l1_unstructured(layers, "bias_a_l0", 2)
        elif change == "replaced":
            layers.load_state_dict(EleAttGRU(4, 5).state_dict(), assign=True)
        else:
            layers.weight_lag_l0.copy_(torch.tensor([9.0, 1.0, -3.0]))
        expected = layers(frames)[0][-1, 0]
    found = [torch.from_numpy(carried.step(row, frame)[0].copy()) for frame in frames][-1]
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    assert not torch.equal(before, expected)
