"""The Triton kernels as operators of a graph: torch.compile where they run, and for a GPU that is not here."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from attentive_rnn import RRA, AttentionRNN2d, EleAttGRU
from attentive_rnn.ops.recurrence import Lags, Spec
from helpers import Call, as_tuple, assert_near, random_call
from on_gpu import DEVICE, on_device

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # PyTorch's own, on importing its parts


@pytest.fixture(autouse=True)
def _fresh():
    torch._dynamo.reset()


def arguments(call: Call, keep_history: bool = True) -> tuple[Any, ...]:
    options = call.options
    return (
        *(call.x, *call.spec.h_c_window(call.state), *call.weights, options.get("lengths"), None),
        *(*call.spec[:3], False, options.get("need_attention", False), "triton", keep_history),
    )


CALLS = [
    (Spec("gru"), {"need_attention": True}),
    (Spec("lstm", None, lags=Lags(2)), {"lengths": torch.tensor([1, 2])}),
]
MAPS = [((2, 3, 4, 2, 5), True), ((3, 1, 6, 1, 4), False)]  # (B, H, W, R, N), and whether there is a weight up
every_call = pytest.mark.parametrize(("spec", "options"), CALLS, ids=lambda value: "-".join(map(str, value)))


@pytest.mark.usefixtures("triton_runs")
@every_call
def test_the_operators_keep_the_rules_of_operators(spec, options):
    torch.use_deterministic_algorithms(True)  # new tensors are filled: two runs agree in what nothing reads
    call = on_device(random_call(spec, 2, 2, 3, 4, dtype=torch.float32, **options))
    torch.library.opcheck(torch.ops.attentive_rnn.eleatt.default, arguments(call))
    plain = tuple(a.detach() if isinstance(a, Tensor) else a for a in arguments(call))
    output, h, c, window, attention, history, _ = torch.ops.attentive_rnn.eleatt(*plain)
    grads = [torch.rand_like(t) if t.numel() else None for t in (output, h, c, window, attention)]
    needed = [t is not None for t in plain[:13]]
    backward = torch.ops.attentive_rnn.eleatt_backward
    given = (*grads, output, history, *plain[:-1], needed)
    torch.library.opcheck(backward.default, given, test_utils=("test_schema", "test_faketensor"))
    without = backward(*grads, output, history.new_empty(0), *plain[:-1], needed)  # the steps are run once more
    assert all(torch.equal(one, other) for one, other in zip(backward(*given), without, strict=True))


@pytest.mark.usefixtures("triton_runs")
@pytest.mark.parametrize("layer", [EleAttGRU(3, 4, bidirectional=True), RRA(3, 4, 2)], ids=["gru", "rra"])
def test_a_compiled_layer_is_one_graph_of_operators_and_equals_the_eager_one(layer):
    nodes: list[str] = []

    def backend(graph: torch.fx.GraphModule, inputs: Any) -> Any:
        nodes.extend(str(node.target) for node in graph.graph.nodes if node.op == "call_function")
        return torch._dynamo.lookup_backend("aot_eager")(graph, inputs)

    layer = layer.to(DEVICE)
    x = torch.randn(3, 2, 3, device=DEVICE, requires_grad=True)
    found = []
    for run in (torch.compile(layer, fullgraph=True, backend=backend), layer):
        output, last = run(x)
        results = (output, *as_tuple(last))
        loss = sum((i + 1) * result.square().sum() for i, result in enumerate(results))
        found.append((*results, *torch.autograd.grad(loss, [x, *layer.parameters()])))
        assert layer.last_backend.backend == "triton"
    for one, other in zip(*found, strict=True):
        assert_near(one, other, 1e-5)
    assert sum("eleatt" in node for node in nodes) == layer.directions


@pytest.mark.usefixtures("triton_runs")
@pytest.mark.parametrize(("sizes", "up"), MAPS, ids=str)
def test_the_operators_on_maps_keep_the_rules_of_operators(sizes, up):
    torch.use_deterministic_algorithms(True)
    *_, r, n = sizes
    inputs = [torch.randn(*sizes[:4], 4 * n, device=DEVICE, requires_grad=True)]
    inputs += [torch.randn(r, 4 * n, n, device=DEVICE, requires_grad=True) for _ in range(1 + up)]
    plain = [t.detach() for t in inputs] + [None] * (not up)
    torch.library.opcheck(torch.ops.attentive_rnn.lstm2d.default, (*inputs, *[None] * (not up), "triton", True))
    states, history = torch.ops.attentive_rnn.lstm2d(*plain, "triton", True)
    given = (torch.rand_like(states), states, history, *plain, "triton", [True, True, up])
    backward = torch.ops.attentive_rnn.lstm2d_backward
    torch.library.opcheck(backward.default, given, test_utils=("test_schema", "test_faketensor"))
    without = backward(*given[:2], history.new_empty(0), *given[3:])  # the maps are gone through once more
    assert all(torch.equal(one, other) for one, other in zip(backward(*given), without, strict=True))


@pytest.mark.usefixtures("triton_runs")
@pytest.mark.parametrize("options", [{"block": 2}, {"scan": "flat", "normalize": "softmax"}], ids=str)
def test_a_compiled_layer_of_maps_is_one_graph_with_one_operator(options):
    nodes: list[str] = []

    def backend(graph: torch.fx.GraphModule, inputs: Any) -> Any:
        nodes.extend(str(node.target) for node in graph.graph.nodes if node.op == "call_function")
        return torch._dynamo.lookup_backend("aot_eager")(graph, inputs)

    layer = AttentionRNN2d(3, 5, backend="triton", **options).to(DEVICE)
    x = torch.randn(1, 3, 4, 3, device=DEVICE, requires_grad=True)
    found = []
    for run in (torch.compile(layer, fullgraph=True, backend=backend), layer):
        y, mask = run(x)
        found.append([y, mask, *torch.autograd.grad(y.square().sum(), [x, *layer.parameters()])])
        assert layer.last_backend.backend == "triton"
    for one, other in zip(*found, strict=True):
        assert_near(one, other, 1e-5)
    assert sum("lstm2d" in node for node in nodes) == 1


def test_in_a_graph_of_maps_for_a_gpu_that_is_not_here_shapes_types_and_places_are_known():
    """The operators on stand-ins for tensors on a GPU, with a height that is a symbol."""
    mode = FakeTensorMode(shape_env=ShapeEnv())
    height = mode.from_tensor(torch.empty(3), static_shapes=False).shape[0]
    assert isinstance(height, torch.SymInt)
    with mode:
        made = {"dtype": torch.bfloat16, "device": "cuda"}
        inputs = [torch.empty(2, height, 5, 2, 16, **made), *(torch.empty(2, 16, 4, **made) for _ in range(2))]
        states, history = torch.ops.attentive_rnn.lstm2d(*inputs, "triton", True)
        given = (torch.empty_like(states), states, history, *inputs, "triton", [True, True, False])
        gradients = torch.ops.attentive_rnn.lstm2d_backward(*given)
    assert (states.shape, states.dtype) == ((2, height, 5, 2, 4), torch.bfloat16)
    cells = 2 * 3 * 5 * 2
    assert (history.dtype, history.shape[0].node.hint) == (torch.uint8, cells * (16 * 2 + 4 * 4))
    assert [g.shape for g in gradients] == [inputs[0].shape, inputs[1].shape, (0,)]
    assert all(result.device.type == "cuda" for result in (states, history, *gradients))


@every_call
def test_in_a_graph_for_a_gpu_that_is_not_here_shapes_types_and_places_are_known(spec, options):
    """The operators on stand-ins for tensors on a GPU, with a number of steps that is a symbol."""
    given = arguments(random_call(spec, 2, 2, 3, 4, dtype=torch.bfloat16, **options))
    mode = FakeTensorMode(shape_env=ShapeEnv())
    steps = mode.from_tensor(given[0].detach(), static_shapes=False).shape[0]
    assert isinstance(steps, torch.SymInt)
    with mode:
        there = [torch.empty(a.shape, dtype=a.dtype, device="cuda") if isinstance(a, Tensor) else a for a in given]
        there[0] = torch.empty(steps, 2, 3, dtype=torch.bfloat16, device="cuda")
        output, *states, attention, history, _ = results = torch.ops.attentive_rnn.eleatt(*there)
        needed = [t is not None for t in there[:13]]
        grads = (output, *states, attention, output, history)
        gradients = torch.ops.attentive_rnn.eleatt_backward(*grads, *there[:-1], needed)
    assert (output.shape, output.dtype) == ((steps, 2, 4), torch.bfloat16)
    assert (history.dtype, history.shape[0].node.hint) == (torch.uint8, history_of_two_steps(spec))
    for gradient, tensor in zip(gradients, there, strict=False):
        assert (gradient.shape, gradient.dtype) == ((0,) if tensor is None else tensor.shape, torch.bfloat16)
    assert all(result.device.type == "cuda" for result in (*results, *gradients))


def history_of_two_steps(spec: Spec) -> int:
    """Bytes of bfloat16 for 2 steps of 2 rows, 3 inputs and 4 units, each part in whole steps of 16 numbers."""
    parts = {"gru": [4, 12, 4, 3, 3], "lstm": [4, 16, 4, 4]}[spec.cell]
    return sum(-(-4 * part // 16) * 16 for part in parts) * 2


def test_a_graph_recorded_for_another_device_says_so():
    call = random_call(Spec("gru"), 2, 2, 3, 4, dtype=torch.float32)
    with pytest.raises(
        RuntimeError, match="recorded for the backend 'triton', which cannot run it: tensors are on cpu"
    ):
        torch.ops.attentive_rnn.eleatt(*arguments(call))
    p, weight = torch.randn(1, 2, 3, 1, 8), torch.randn(1, 8, 2)
    with pytest.raises(RuntimeError, match="for the backend 'triton', which cannot run it: tensors are on cpu"):
        torch.ops.attentive_rnn.lstm2d(p, weight, weight, "triton", False)
