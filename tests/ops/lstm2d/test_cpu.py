"""The CPU kernels of the 2-D LSTM against the reference in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from attentive_rnn.ops.lstm2d import Weights, lstm2d
from helpers import assert_near, poison_pool, relative_error

TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-12}


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
