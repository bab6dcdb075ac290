"""The 2-D LSTM as an operator of a graph: its rules, torch.compile, torch.export."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from attentive_rnn import AttentionRNN2d
from helpers import assert_near

torchs_own_warning = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # on importing its parts


def call(sizes: tuple[int, ...], dtype: torch.dtype, up: bool = True, seed: int = 0) -> dict[str, Tensor]:
    b, h, w, r, n = sizes
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int, scale: float = 1.0) -> Tensor:
        return (torch.randn(shape, generator=generator) * scale).to(dtype).requires_grad_()

    taps = {"left": draw(r, 4 * n, n, scale=n**-0.5)} | ({"up": draw(r, 4 * n, n, scale=n**-0.5)} if up else {})
    return {"p": draw(b, h, w, r, 4 * n)} | taps


SAMPLES = [((2, 3, 4, 2, 5), True), ((3, 1, 6, 2, 4), False)]


@pytest.mark.usefixtures("_poisoned")
@pytest.mark.parametrize(("sizes", "up"), SAMPLES)
def test_the_operators_keep_the_rules_of_operators(sizes, up):
    tensors = call(sizes, torch.float64, up)
    inputs = (tensors["p"], tensors["left"], tensors.get("up"))
    torch.library.opcheck(torch.ops.attentive_rnn.lstm2d.default, (*inputs, "cpu", True))
    plain = tuple(None if t is None else t.detach() for t in inputs)
    for keep in (True, False):
        h, history = torch.ops.attentive_rnn.lstm2d(*plain, "cpu", keep)
        needed = [True, True, up]
        torch.library.opcheck(
            torch.ops.attentive_rnn.lstm2d_backward.default,
            (torch.rand_like(h), h, history, *plain, "cpu", needed),
        )


@torchs_own_warning
def test_a_compiled_layer_trains_on_maps_of_any_size():
    torch._dynamo.reset()
    layer = AttentionRNN2d(3, 5, block=2, dtype=torch.float64)
    compiled = torch.compile(layer, fullgraph=True, dynamic=True, backend="aot_eager")
    for shape in ((2, 3, 7, 6), (3, 3, 5, 9)):
        x = torch.randn(shape, dtype=torch.float64)
        ours, expected = (
            torch.autograd.grad(model(x)[0].square().sum(), list(layer.parameters())) for model in (compiled, layer)
        )
        for one, other in zip(ours, expected, strict=True):
            assert_near(one, other, 1e-11)
    assert layer.last_backend.backend == "cpu"


@torchs_own_warning
def test_inductor_compiles_a_layer_as_one_graph():
    torch._dynamo.reset()
    layer, x = AttentionRNN2d(3, 5), torch.randn(2, 3, 7, 6)
    with torch.no_grad():
        for one, other in zip(torch.compile(layer, fullgraph=True)(x), layer(x), strict=True):
            assert_near(one, other, 1e-5)


@torchs_own_warning
@pytest.mark.parametrize("options", [{}, {"scan": "flat"}, {"block": 2}], ids=["diagonal", "flat", "block"])
def test_an_exported_layer_runs_on_maps_of_any_size(options):
    layer = AttentionRNN2d(3, 5, dtype=torch.float64, **options).eval()
    shapes = {"x": {0: Dim("b", min=2), 2: Dim("h", min=3), 3: Dim("w", min=3)}}
    program = torch.export.export(layer, (torch.randn(2, 3, 7, 6, dtype=torch.float64),), dynamic_shapes=shapes)
    assert sum("lstm2d" in str(node.target) for node in program.graph.nodes) == 1
    for x in (torch.randn(3, 3, *size, dtype=torch.float64) for size in ((5, 9), (4, 3))):
        for one, other in zip(program.module()(x), layer(x), strict=True):
            assert_near(one, other, 1e-13)


def test_operators_take_a_batch_without_maps():
    made = call((2, 3, 4, 2, 3), torch.float32)
    for keep_history in (True, False):
        h, _ = torch.ops.attentive_rnn.lstm2d(made["p"][:0], made["left"], made["up"], "cpu", keep_history)
        assert h.shape == (0, 3, 4, 2, 3)
        assert not any(g.any() for g in torch.autograd.grad(h.sum(), (made["left"], made["up"])))
