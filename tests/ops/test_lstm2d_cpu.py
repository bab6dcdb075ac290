"""The CPU kernels of the 2-D LSTM: at odd sizes, in poisoned memory, on threads, and as operators of a graph."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.export import Dim

from attentive_rnn import AttentionRNN2d
from attentive_rnn.ops import BackendError
from attentive_rnn.ops.lstm2d import Weights, lstm2d
from helpers import assert_near, poison_pool, relative_error

TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-12}
torchs_own_warning = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # on importing its parts


def call(sizes: tuple[int, ...], dtype: torch.dtype, up: bool = True, seed: int = 0) -> dict[str, Tensor]:
    b, h, w, r, n = sizes
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int, scale: float = 1.0) -> Tensor:
        return (torch.randn(shape, generator=generator) * scale).to(dtype).requires_grad_()

    taps = {"left": draw(r, 4 * n, n, scale=n**-0.5)} | ({"up": draw(r, 4 * n, n, scale=n**-0.5)} if up else {})
    return {"p": draw(b, h, w, r, 4 * n)} | taps


def results(tensors: dict[str, Tensor], backend: str) -> dict[str, Tensor]:
    h = lstm2d(tensors["p"], Weights(tensors["left"], tensors.get("up")), backend=backend).h
    weight = torch.randn(h.shape, generator=torch.Generator().manual_seed(1)).to(h.dtype)
    gradients = torch.autograd.grad(h, list(tensors.values()), weight, materialize_grads=True)
    return {"h": h} | dict(zip(tensors, gradients, strict=True))


def compare(tensors: dict[str, Tensor]) -> None:
    """The kernels give what the reference gives in float64, to within rounding and a few times its own error."""
    exact = results({name: t.detach().double().requires_grad_() for name, t in tensors.items()}, "hoisted")
    found, ref = results(tensors, "cpu"), results(tensors, "hoisted")
    for name, expected in exact.items():
        bound = max(TOLERANCE[tensors["p"].dtype], 4 * relative_error(ref[name], expected))
        assert_near(found[name], expected, bound, name)


@pytest.mark.usefixtures("_poisoned")
@settings(max_examples=80)
@given(
    st.tuples(
        st.sampled_from([1, 2, 5, 33]),
        st.integers(1, 9),
        st.integers(1, 9),
        st.sampled_from([1, 2, 4]),
        st.sampled_from([1, 3, 8, 15, 17]),
    ),
    st.sampled_from(list(TOLERANCE)),
    st.booleans(),
)
def test_any_call_gives_what_the_reference_gives(sizes, dtype, up):
    poison_pool()
    compare(call(sizes, dtype, up or sizes[1] > 1))


@pytest.mark.usefixtures("_poisoned")
def test_every_instruction_set_here(has_isa):
    if has_isa:
        for dtype in TOLERANCE:
            compare(call((3, 7, 5, 2, 13), dtype))
            compare(call((40, 1, 6, 2, 20), dtype, up=False))


@pytest.mark.parametrize("sizes", [(33, 10, 9, 2, 24), (1, 24, 31, 4, 16), (64, 1, 60, 2, 16)])
def test_the_number_of_threads_changes_no_bit(sizes):
    tensors, found = call(sizes, torch.float32), []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        found.append(results(tensors, "cpu"))
    for name in found[0]:
        assert torch.equal(found[0][name], found[1][name])
        assert torch.equal(found[0][name], found[2][name])


@pytest.mark.usefixtures("_poisoned")
@pytest.mark.parametrize("name", ["p", "left", "up"])
def test_each_gradient_alone_is_the_one_among_others(name):
    tensors = call((3, 4, 5, 2, 6), torch.float32)
    expected = results(tensors, "cpu")[name]
    only = {key: t.detach().requires_grad_(key == name) for key, t in tensors.items()}
    h = lstm2d(only["p"], Weights(only["left"], only["up"]), backend="cpu").h
    weight = torch.randn(h.shape, generator=torch.Generator().manual_seed(1))
    assert torch.equal(torch.autograd.grad(h, only[name], weight)[0], expected)


def test_a_nan_reaches_the_cells_of_its_cone_only():
    tensors = call((2, 4, 5, 1, 6), torch.float32)
    with torch.no_grad():
        tensors["p"][1, 2, 3, 0, 0] = torch.nan
        h = lstm2d(tensors["p"], Weights(tensors["left"], tensors["up"]), backend="cpu").h
    hidden = h.isnan().any(-1)[..., 0]
    assert hidden[1, 2:, 3:].all()
    assert int(hidden.sum()) == 4


def test_values_fed_back_name_the_reason_for_pytorchs_operators():
    layer = AttentionRNN2d(3, 4, feed_mask=True)
    layer(torch.randn(1, 3, 4, 4))
    refusal = "its kernels do not feed the mask's values back"
    assert layer.last_backend == ("hoisted", f"triton: {refusal}; cpu: {refusal}")
    layer.backend = "cpu"
    with pytest.raises(BackendError, match=r"do not feed the mask's values back; use backend='auto'"):
        layer(torch.randn(1, 3, 4, 4))


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
