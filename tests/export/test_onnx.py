"""Layers and models as ONNX graphs, run by onnxruntime."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import onnx
from attentive_rnn import (
    RRA,
    AttentionRNN2d,
    EleAttGRU,
    EleAttGRUCell,
    EleAttLSTM,
    EleAttRNN,
    SequenceClassifier,
)
from attentive_rnn.errors import ConfigError
from attentive_rnn.export import to_onnx


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options)


def _equal(found: list[np.ndarray], *wanted: torch.Tensor) -> None:
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b.detach().numpy(), atol=1e-6)


def test_a_layer_of_both_directions_runs_with_other_sizes_and_reads_no_padding(tmp_path):
    layer = EleAttGRU(4, 6, 2, batch_first=True, bidirectional=True, residual=True, gate=["softmax", "sigmoid"])
    backend = layer.backend
    to_onnx(layer, tmp_path / "layer.onnx", need_attention=True)
    assert layer.backend == backend
    assert layer.training
    session = _session(tmp_path / "layer.onnx")
    assert [one.name for one in session.get_outputs()] == ["output", "h", "attention_1", "attention_2"]
    for batch, steps in ((1, 1), (2, 9)):
        x, lengths = torch.randn(batch, steps, 4), torch.tensor([steps, 0][:batch])
        x[torch.arange(steps) >= lengths[:, None]] = torch.nan
        output, state, attention = layer(x, lengths=lengths, need_attention=True)
        found = session.run(None, {"input": x.numpy(), "lengths": lengths.numpy()})
        _equal(found, output, state, *attention)


@pytest.mark.parametrize("reads", ["both", "state"])
def test_a_hard_gate_is_closed_and_open_in_the_graph_as_in_the_layer(tmp_path, reads):
    layer = EleAttGRU(4, 6, batch_first=True, gate="hard", gate_reads=reads)
    with torch.no_grad():
        layer.weight_ha_l0.mul_(20)
    to_onnx(layer, tmp_path / "layer.onnx", need_attention=True)
    x, lengths = torch.randn(3, 9, 4), torch.tensor([9, 4, 9])
    output, state, (attention,) = layer(x, lengths=lengths, need_attention=True)
    found = _session(tmp_path / "layer.onnx").run(None, {"input": x.numpy(), "lengths": lengths.numpy()})
    _equal(found, output, state, attention)


@pytest.mark.parametrize("reads", ["both", "state"])
def test_a_low_rank_gate_is_in_the_graph_as_in_the_layer(tmp_path, reads):
    layer = EleAttGRU(5, 6, 2, batch_first=True, bidirectional=True, gate_rank=3, gate_reads=reads)
    to_onnx(layer, tmp_path / "layer.onnx", need_attention=True)
    x, lengths = torch.randn(3, 9, 5), torch.tensor([9, 4, 9])
    output, state, attention = layer(x, lengths=lengths, need_attention=True)
    found = _session(tmp_path / "layer.onnx").run(None, {"input": x.numpy(), "lengths": lengths.numpy()})
    _equal(found, output, state, *attention)


def test_an_rra_attends_to_its_former_outputs_and_a_step_of_it_carries_them(tmp_path):
    layer = RRA(4, 6, lags=3, norm="content", first_lag=2)
    to_onnx(layer, tmp_path / "layer.onnx", need_attention=True)
    x, lengths = torch.randn(7, 3, 4), torch.tensor([7, 2, 5])
    output, state, (attention,) = layer(x, lengths=lengths, need_attention=True)
    found = _session(tmp_path / "layer.onnx").run(None, {"input": x.numpy(), "lengths": lengths.numpy()})
    _equal(found, output, *state, attention.lags)

    to_onnx(layer, tmp_path / "step.onnx", step=True)
    session, output = _session(tmp_path / "step.onnx"), layer(x)[0]
    carried = [np.zeros(shape, np.float32) for shape in layer.state_shapes(3)]
    for frame, wanted in zip(x, output, strict=True):
        found, *carried = session.run(
            None, dict(zip(("input", "h", "c", "window"), (frame.numpy(), *carried), strict=True))
        )
        _equal([found], wanted)


def test_a_mask_over_maps_of_other_sizes(tmp_path):
    gate = AttentionRNN2d(3, 4, directions=4, feed_mask=True, block=2, query_size=2)
    to_onnx(gate, tmp_path / "gate.onnx")
    session = _session(tmp_path / "gate.onnx")
    for b, h, w in ((1, 3, 3), (2, 3, 8)):
        x, query = torch.randn(b, 3, h, w), torch.randn(b, 2)
        _equal(session.run(None, {"x": x.numpy(), "query": query.numpy()}), *gate(x, query))


def test_a_classifier_pools_over_the_lengths(tmp_path):
    model = SequenceClassifier(4, 3, 6, 1, cell="lstm").eval()
    to_onnx(model, tmp_path / "model.onnx")
    x, lengths = torch.randn(3, 8, 4), torch.tensor([8, 0, 3])
    found = _session(tmp_path / "model.onnx").run(None, {"x": x.numpy(), "lengths": lengths.numpy()})
    _equal(found, model(x, lengths))


class _Inside(torch.nn.Module):
    """A layer in a user's own network, the mean of whose outputs is classified."""

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.layer, self.head = layer, torch.nn.Linear(layer.hidden_size * layer.directions, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(x)[0].mean(1))


@pytest.mark.filterwarnings("ignore")  # of the exporter
@pytest.mark.parametrize(
    "layer",
    [
        EleAttGRU(4, 6, batch_first=True),
        EleAttLSTM(4, 6, 2, batch_first=True, bidirectional=True, backend="reference"),
        RRA(4, 6, lags=2, batch_first=True),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_torch_onnx_export_itself_writes_a_layer_with_open_sizes(tmp_path, layer):
    network = _Inside(layer).eval()
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("time", min=2)}
    made = torch.onnx.export(network, (torch.randn(3, 5, 4),), dynamo=True, dynamic_shapes=(sizes,), verbose=False)
    made.save(tmp_path / "network.onnx")
    session = _session(tmp_path / "network.onnx")
    for batch, steps in ((3, 5), (1, 9)):
        x = torch.randn(batch, steps, 4)
        _equal(session.run(None, {"x": x.numpy()}), network(x))
    x = torch.randn(3, 5, 4)
    kept = torch.export.export(network, (x,))
    assert any("attentive_rnn" in str(node.target) for node in kept.graph.nodes) == (layer.backend == "auto")


@pytest.mark.filterwarnings("ignore")  # of the exporter
def test_torch_onnx_export_itself_writes_a_mask_over_maps(tmp_path):
    gate = AttentionRNN2d(3, 4).eval()
    sizes = {0: torch.export.Dim("batch"), 2: torch.export.Dim("height", min=2), 3: torch.export.Dim("width", min=2)}
    made = torch.onnx.export(gate, (torch.randn(2, 3, 4, 5),), dynamo=True, dynamic_shapes=(sizes,), verbose=False)
    made.save(tmp_path / "gate.onnx")
    x = torch.randn(1, 3, 6, 3)
    _equal(_session(tmp_path / "gate.onnx").run(None, {"x": x.numpy()}), *gate(x))


def _operators(graph: onnx.GraphProto) -> Counter[str]:
    """How often each operator is in a graph, its loops included."""
    found = Counter(node.op_type for node in graph.node)
    for node in graph.node:
        for attribute in node.attribute:
            found += _operators(attribute.g)
    return found


@pytest.mark.parametrize(
    ("layer", "step", "products"),
    [
        (EleAttGRU(20, 24, 2, batch_first=True, bidirectional=True), False, 20),
        (EleAttGRU(20, 24, gate=None, reset_after=True), True, 2),
        (EleAttLSTM(20, 24, batch_first=True), True, 3),
        (EleAttRNN(20, 24, gate=None, batch_first=True, bidirectional=True), False, 4),
        (RRA(20, 24, lags=3, gate="sigmoid", batch_first=True), False, 4),
    ],
    ids=["gru both ways", "plain gru, a step", "lstm, a step", "plain rnn both ways", "rra"],
)
def test_with_int8_weights_all_products_of_weights_are_of_integers_and_the_outputs_near(
    tmp_path, layer, step, products
):
    to_onnx(layer, tmp_path / "layer.onnx", step=step, int8=True)
    to_onnx(layer, tmp_path / "float.onnx", step=step)
    graph = onnx.load(tmp_path / "layer.onnx").graph
    operators = _operators(graph)
    assert (operators["MatMulInteger"], operators["MatMul"] + operators["Gemm"]) == (products, 0)
    assert (tmp_path / "layer.onnx").stat().st_size < (tmp_path / "float.onnx").stat().st_size
    x, lengths = torch.randn(3, 9, 20), torch.tensor([9, 4, 0])
    given = {"input": x.numpy(), "lengths": lengths.numpy()}
    if step:
        states = zip(("h", "c"), layer.state_shapes(3), strict=False)
        given = {"input": x[:, 0].numpy(), **{name: np.zeros(shape, np.float32) for name, shape in states}}
    whole, rounded = (_session(tmp_path / name).run(None, given) for name in ("float.onnx", "layer.onnx"))
    for a, b in zip(rounded, whole, strict=True):
        assert 0 < np.abs(a - b).max() < 0.03


def test_what_lies_past_a_length_does_not_widen_the_range_that_int8_is_rounded_by(tmp_path):
    layer = EleAttGRU(4, 6, batch_first=True, bidirectional=True)
    to_onnx(layer, tmp_path / "layer.onnx", int8=True)
    session, lengths = _session(tmp_path / "layer.onnx"), torch.tensor([5, 3])
    x = torch.randn(2, 5, 4)
    found = []
    for padding in (0.0, 1e6, torch.nan):
        x[1, 3:] = padding
        found.append(session.run(None, {"input": x.numpy(), "lengths": lengths.numpy()}))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.filterwarnings("ignore")  # of the exporter
def test_torch_onnx_export_itself_writes_a_cell(tmp_path):
    cell = EleAttGRUCell(4, 6).eval()
    made = torch.onnx.export(cell, (torch.randn(3, 4), torch.randn(3, 6)), dynamo=True, verbose=False)
    made.save(tmp_path / "cell.onnx")
    x, h = torch.randn(3, 4), torch.randn(3, 6)
    _equal(_session(tmp_path / "cell.onnx").run(None, {"input": x.numpy(), "hx": h.numpy()}), cell(x, h))


@pytest.mark.filterwarnings("ignore")  # of the exporter
@pytest.mark.parametrize(
    ("module", "x"),
    [
        (EleAttGRU(4, 6), torch.zeros(5, 3, 4)),
        (EleAttGRUCell(4, 6), torch.zeros(3, 4)),
        (AttentionRNN2d(3, 4), torch.zeros(2, 3, 4, 5)),
        (SequenceClassifier(4, 3, hidden_size=5), torch.zeros(2, 7, 4)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_exporter_that_traces_is_refused(tmp_path, module, x):
    with pytest.raises(NotImplementedError, match=r"^torch.onnx.export cannot write \w+ with .*; use dynamo=True$"):
        torch.onnx.export(module.eval(), (x,), tmp_path / "module.onnx", dynamo=False)
    torch.jit.trace(module, (x,), check_trace=False)  # which is no export


def test_what_has_no_graph_is_refused(tmp_path):
    both = EleAttLSTM(4, 6, bidirectional=True)
    for module, options, message in (
        (both, {"step": True}, "a step needs layers that run forward in time only, but bidirectional is true"),
        (both, {"step": True, "need_attention": True}, "a graph of a step gives no attention"),
        (EleAttGRU(4, 6).double(), {"int8": True}, "int8 weights are made of weights in float32"),
        (AttentionRNN2d(3, 4), {"int8": True}, "int8 weights are for recurrent layers and SequenceClassifier"),
        (torch.nn.GRU(4, 6), {}, "GRU cannot be exported; recurrent layers and SequenceClassifier can"),
    ):
        with pytest.raises(ConfigError, match=message):
            to_onnx(module, tmp_path / "layer.onnx", **options)
    assert list(tmp_path.iterdir()) == []
