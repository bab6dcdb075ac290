"""The kernels as operators of a graph: torch.compile and torch.export of layers, against the eager layers."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from attentive_rnn import EleAttGRU
from attentive_rnn.ops.recurrence import Lags, Spec
from helpers import ALL_CELLS, LAYERS, Call, as_tuple, assert_near, random_call

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # PyTorch's own, on importing its parts
X = torch.linspace(-2, 2, 7 * 3 * 4, dtype=torch.float64).sin().view(7, 3, 4)
LENGTHS = torch.tensor([7, 2, 5])


@pytest.fixture(autouse=True)
def _fresh():
    torch._dynamo.reset()


@pytest.fixture
def filled():
    """New tensors are filled, so that two runs also agree in the parts of a history that nothing reads."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


class Whole(nn.Module):
    """A layer all of whose results are used, as a graph sees it."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, ...]:
        output, last, attention = self.layer(x, lengths=lengths, need_attention=True)
        return output, *as_tuple(last), *(a for a in attention if a is not None)


def operator_arguments(call: Call, keep_history: bool, backend: str = "cpu") -> tuple[Any, ...]:
    options = call.options
    return (
        *(call.x, *call.spec.h_c_window(call.state), *call.weights, options.get("lengths"), options.get("zoneout")),
        *(*call.spec[:3], options.get("reverse", False), options.get("need_attention", False), backend, keep_history),
    )


CALLS = [
    (Spec("gru"), {}),
    (Spec("gru", None), {"lengths": torch.tensor([4, 2])}),
    (Spec("lstm", "softmax", 2.0), {"lengths": torch.tensor([1, 4]), "need_attention": True}),
    (Spec("lstm", None), {"reverse": True, "bias": False}),
    (Spec("gru", "hard", gate_reads="state"), {"need_attention": True}),
    (Spec("lstm", gate_rank=2), {"lengths": torch.tensor([1, 4]), "need_attention": True}),
    (Spec("rnn_relu"), {"need_attention": True, "dtype": torch.float32}),
    (Spec("lstm", None, lags=Lags(3)), {"lengths": torch.tensor([1, 4])}),
    (Spec("gru", "sigmoid", lags=Lags(2, first=2)), {"need_attention": True}),
]


@pytest.mark.parametrize(("spec", "options"), CALLS, ids=lambda value: "-".join(map(str, value)))
def test_the_forward_operator_keeps_the_rules_of_operators(spec, options, filled):
    call = random_call(spec, 4, 2, 3, 5, **options)
    torch.library.opcheck(torch.ops.attentive_rnn.eleatt.default, operator_arguments(call, True))


@pytest.mark.parametrize(("spec", "options"), CALLS, ids=lambda value: "-".join(map(str, value)))
@pytest.mark.parametrize("keep_history", [True, False])
def test_the_backward_operator_keeps_the_rules_of_operators(spec, options, keep_history, filled):
    call = random_call(spec, 4, 2, 3, 5, **options)
    arguments = tuple(a.detach() if isinstance(a, Tensor) else a for a in operator_arguments(call, keep_history))
    output, _, c, window, attention, history, _ = torch.ops.attentive_rnn.eleatt(*arguments)
    inputs = arguments[:13]
    needed = [t is not None and i != 1 for i, t in enumerate(inputs)]
    g_c = torch.rand_like(c) if spec.cell_states == 2 else None
    g_window = torch.rand_like(window) if spec.lags is not None else None
    g_attention = torch.rand_like(attention) if arguments[-3] else None
    torch.library.opcheck(
        torch.ops.attentive_rnn.eleatt_backward.default,
        (torch.rand_like(output), None, g_c, g_window, g_attention, output, history, *arguments[:-1], needed),
    )


def gradients(model: nn.Module, results: tuple[Tensor, ...], x: Tensor) -> list[Tensor]:
    loss = sum((i + 1) * result.square().sum() for i, result in enumerate(results))
    return list(torch.autograd.grad(loss, [x, *model.parameters()]))


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_a_compiled_layer_is_one_graph_of_operators_and_equals_the_eager_one(cell, lengths):
    nodes: list[str] = []

    def backend(graph: torch.fx.GraphModule, inputs: Any) -> Any:
        nodes.extend(str(node.target) for node in graph.graph.nodes if node.op == "call_function")
        return torch._dynamo.lookup_backend("aot_eager")(graph, inputs)

    model = Whole(LAYERS[cell](4, 6, 2, gate=["sigmoid", None], bidirectional=True, dtype=torch.float64))
    compiled = torch.compile(model, fullgraph=True, backend=backend)
    x = X.clone().requires_grad_()
    ours, expected = compiled(x, lengths), model(x, lengths)
    for one, other in zip(ours, expected, strict=True):
        assert_near(one, other, 1e-13)
    for one, other in zip(gradients(model, ours, x), gradients(model, expected, x), strict=True):
        assert_near(one, other, 1e-12)
    assert sum("eleatt" in node for node in nodes) == 4
    assert model.layer.last_backend.backend == "cpu"


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn_tanh"])
def test_inductor_trains_a_layer_of_any_number_of_steps_and_rows(cell):
    model = Whole(LAYERS[cell](4, 6, 2).double())
    compiled = torch.compile(model, fullgraph=True, dynamic=True)
    for x in (X, torch.cat([X, X.flip(0)])[:, :2]):
        x = x.clone().requires_grad_()
        ours, expected = compiled(x), model(x)
        for one, other in zip(ours, expected, strict=True):
            assert_near(one, other, 1e-12)
        for one, other in zip(gradients(model, ours, x), gradients(model, expected, x), strict=True):
            assert_near(one, other, 1e-11)


def test_a_layer_of_a_hundred_steps_compiles_in_seconds():
    layer = EleAttGRU(75, 100, 3)
    compiled = torch.compile(layer, fullgraph=True)
    start = time.process_time()  # of the processor, which a busy machine does not lengthen
    compiled(torch.randn(100, 4, 75))[0].sum().backward()
    assert time.process_time() - start < 30


def test_lengths_out_of_range_are_refused_when_the_graph_runs():
    compiled = torch.compile(Whole(EleAttGRU(4, 6, dtype=torch.float64)), fullgraph=True, backend="aot_eager")
    compiled(X, LENGTHS)
    with pytest.raises(ValueError, match=r"lengths must lie in 0\.\.7"):
        compiled(X, LENGTHS + 1)


def test_a_second_derivative_of_a_compiled_layer_is_refused():
    compiled = torch.compile(EleAttGRU(4, 6, dtype=torch.float64), fullgraph=True, backend="aot_eager")
    x = X.clone().requires_grad_()
    (slope,) = torch.autograd.grad(compiled(x)[0].sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"double backward"):
        slope.square().sum().backward()


def test_functional_transforms_inside_a_compiled_function_use_pytorchs_operators():
    layer = EleAttGRU(4, 6, dtype=torch.float64)

    def slopes(rows: Tensor) -> Tensor:
        return torch.func.vmap(torch.func.grad(lambda row: layer(row)[0].square().sum()))(rows)

    rows = X[:3].transpose(0, 1)
    assert_near(torch.compile(slopes, fullgraph=True, backend="aot_eager")(rows), slopes(rows), 1e-12)


@pytest.mark.parametrize("strict", [False, True], ids=["traced", "strict"])
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_an_exported_layer_runs_at_any_number_of_steps_and_rows(cell, strict):
    model = Whole(LAYERS[cell](4, 6, 2, bidirectional=True, dtype=torch.float64)).eval()
    shapes = {"x": {0: Dim("steps", min=2), 1: Dim("rows", min=2)}, "lengths": {0: Dim("rows", min=2)}}
    program = torch.export.export(model, (X, LENGTHS), dynamic_shapes=shapes, strict=strict)
    assert sum("eleatt" in str(node.target) for node in program.graph.nodes) == 4
    x, lengths = torch.cat([X, X.flip(0)], 0)[:, :2], torch.tensor([3, 14])
    for one, other in zip(program.module()(x, lengths), model(x, lengths), strict=True):
        assert_near(one, other, 1e-13)


def test_an_exported_layer_can_be_trained():
    model = Whole(EleAttGRU(4, 6, dtype=torch.float64))
    program = torch.export.export(model, (X,), dynamic_shapes=({0: Dim("steps", min=2), 1: Dim("rows", min=2)},))
    again = program.module()
    x = X[:5].clone().requires_grad_()
    expected = gradients(model, model(x), x)
    for one, other in zip(gradients(again, again(x), x), expected, strict=True):
        assert_near(one, other, 1e-12)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_compiled_layer_under_autocast_equals_the_eager_one(cell):
    model = Whole(LAYERS[cell](4, 6, 2))
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    x = X.float().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours, expected = compiled(x, LENGTHS), model(x, LENGTHS)
    for one, other in zip(ours, expected, strict=True):
        assert one.dtype is other.dtype is torch.bfloat16
        assert_near(one, other, 1e-2)
    for one, other in zip(gradients(model, ours, x), gradients(model, expected, x), strict=True):
        assert one.dtype is torch.float32
        assert_near(one, other, 3e-2)
    assert model.layer.last_backend.backend == "cpu"


def test_a_compiled_and_an_exported_layer_of_short_floats_equal_the_eager_one():
    model, x = Whole(EleAttGRU(4, 6, dtype=torch.bfloat16)), X.bfloat16()
    program = torch.export.export(model, (x,)).module()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    for found in (program(x), compiled(x)):
        for one, other in zip(found, model(x), strict=True):
            assert one.dtype is torch.bfloat16
            assert_near(one, other, 1e-2)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")  # PyTorch's own
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_compiled_layer_takes_and_gives_packed_sequences(cell):
    layer = LAYERS[cell](4, 6, 2, bidirectional=True, dtype=torch.float64)

    packed = nn.utils.rnn.pack_padded_sequence(X, LENGTHS, enforce_sorted=False)

    def run(layer: Any) -> tuple[list[Tensor], list[Tensor]]:
        output, last = layer(packed)
        results = [output.data, *as_tuple(last)]
        return results, list(torch.autograd.grad(sum(r.square().sum() for r in results), list(layer.parameters())))

    ours, expected = run(torch.compile(layer, backend="aot_eager")), run(layer)
    for one, other in zip((*ours[0], *ours[1]), (*expected[0], *expected[1]), strict=True):
        assert_near(one, other, 1e-12)
    assert layer.last_backend.backend == "cpu"


def test_a_graph_keeps_a_copy_of_the_lengths():
    """A loader fills its buffer for the next batch before the backward pass of this one."""
    layer = EleAttGRU(4, 6, bidirectional=True).double()
    compiled = torch.compile(layer, fullgraph=True)
    x, gradients = X.clone().requires_grad_(), []
    for run, fills in ((layer, [7, 2, 5]), (compiled, [2, 7, 7]), (compiled, [10_000_000] * 3)):
        buffer = LENGTHS.numpy().copy()
        output, _ = run(x, lengths=torch.from_numpy(buffer))
        buffer[:] = fills
        gradients.append(torch.autograd.grad(output.square().sum(), (x, *layer.parameters())))
    for others in gradients[1:]:
        for ours, expected in zip(others, gradients[0], strict=True):
            assert_near(ours, expected, 1e-13)


def test_operators_take_a_batch_without_rows():
    layer = EleAttGRU(4, 6, bidirectional=True).double()
    x = X[:, :0].clone().requires_grad_()
    compiled = torch.compile(Whole(layer), fullgraph=True, backend="aot_eager")
    assert compiled(x, None)[0].shape == (7, 0, 12)
    call = random_call(Spec("lstm"), 4, 0, 3, 5, lengths=torch.zeros(0, dtype=torch.int64))
    for keep_history in (True, False):
        output, h, c, *_ = torch.ops.attentive_rnn.eleatt(*operator_arguments(call, keep_history))
        assert (output.shape, h.shape, c.shape) == ((4, 0, 5), (0, 5), (0, 5))
        weights = [w for w in call.weights if w is not None]
        assert not any(g.any() for g in torch.autograd.grad(output.sum() + c.sum(), weights))
