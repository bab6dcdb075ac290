"""The CPU kernels against the reference in float64, at odd sizes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from attentive_rnn.ops import native
from attentive_rnn.ops.dispatch import BackendError
from attentive_rnn.ops.recurrence import GATE_READS, Lags, Spec, Weights, recurrence
from drawn import calls
from helpers import (
    ALL_CELLS,
    ALL_GATES,
    TOLERANCE,
    Call,
    compare,
    in_double,
    poison_pool,
    random_call,
    relative_error,
    results,
)

BEST = native.kernels.isa()
PARTS = (ALL_CELLS, ALL_GATES, (1.0, 2.0), (None,), GATE_READS, (None, None, 1, 5, 17))
SPECS = st.builds(Spec, *(st.sampled_from(some) for some in PARTS)).map(
    lambda spec: spec if spec.gate else spec._replace(gate_rank=None)
)


@pytest.mark.usefixtures("_poisoned")
@settings(max_examples=250)
@given(call=calls(SPECS))
def test_any_call_gives_what_the_reference_gives(call):
    poison_pool()
    compare(call)


@pytest.mark.usefixtures("_poisoned")
@pytest.mark.parametrize("gate", ALL_GATES)
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_every_cell_and_gate_on_every_instruction_set_here(has_isa, cell, gate):
    if has_isa:
        for dtype in TOLERANCE:
            lengths = torch.tensor([9, 1, 4, 9, 2])
            compare(random_call(Spec(cell, gate), 9, 5, 11, 13, dtype=dtype, lengths=lengths, need_attention=True))
            compare(random_call(Spec(cell, gate), 6, 70, 20, 37, dtype=dtype, reverse=True))


@pytest.mark.usefixtures("_poisoned")
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_weights_that_outgrow_the_caches(cell):
    lengths = torch.randint(1, 7, (100,))
    compare(random_call(Spec(cell), 6, 100, 310, 290, dtype=torch.float32, lengths=lengths))


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_what_lies_in_the_padding_is_never_read(cell):
    lengths = torch.tensor([2, 7, 5])
    call = random_call(Spec(cell), 7, 3, 5, 9, dtype=torch.float32, lengths=lengths, need_attention=True)
    clean = results(call, "cpu")
    padding = torch.arange(7).unsqueeze(1) >= lengths
    with torch.no_grad():
        call.x[padding] = torch.nan
    dirty = results(call, "cpu")
    assert all(torch.equal(clean[name], dirty[name]) for name in clean)
    assert (dirty["output"][padding] == 0).all()
    assert (dirty["inputs"][padding] == 0).all()
    assert (dirty["grad_x"][padding] == 0).all()


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_nan_and_infinity_in_the_input_are_not_hidden(cell):
    call = random_call(Spec(cell), 4, 3, 5, 9, dtype=torch.float32)
    with torch.no_grad():
        call.x[1, 2, 0] = torch.nan
        output = recurrence(*call[:4], backend="cpu").output
    assert output[1:, 2].isnan().all()
    assert output[:, :2].isfinite().all()
    with torch.no_grad():
        call.x.fill_(1e30)
        assert recurrence(*call[:4], backend="cpu").output.isfinite().all() or cell == "rnn_relu"


@pytest.mark.parametrize("gate", ALL_GATES)
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_gradients_agree_with_differences(cell, gate):
    lengths = torch.tensor([3, 2])
    call = random_call(Spec(cell, gate, 1.5), 3, 2, 3, 2, lengths=lengths, need_attention=True)

    def run(*tensors: Tensor) -> tuple[Tensor, ...]:
        leaves = dict(zip(call.leaves(), tensors, strict=True))
        state = tuple(leaves[f"state{i}"] for i in range(call.spec.states))
        weights = Weights(*(leaves.get(name) for name in Weights._fields))
        result = recurrence(leaves["x"], state, weights, call.spec, **call.options, backend="cpu")
        return (result.output, *result.state) + (() if gate is None else (result.attention.inputs,))

    leaves = tuple(call.leaves().values())
    assert torch.autograd.gradcheck(run, leaves, fast_mode=True)
    assert torch.autograd.gradgradcheck(run, leaves, fast_mode=True)


def test_float32_is_as_accurate_as_torch_itself():
    torch.manual_seed(3)
    gru = torch.nn.GRU(20, 40)
    x, weight = torch.randn(200, 96, 20), torch.randn(200, 96, 40)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")

    def ours(dtype: torch.dtype, backend: str) -> dict[str, Tensor]:
        parameters = [getattr(gru, name).detach().to(dtype).requires_grad_() for name in names]
        state = (torch.zeros(96, 40, dtype=dtype),)
        run = recurrence(x.to(dtype), state, Weights(*parameters), Spec("gru_reset_after", None), backend=backend)
        gradients = torch.autograd.grad((run.output * weight.to(dtype)).sum(), parameters)
        return {"output": run.output} | dict(zip(names, gradients, strict=True))

    exact = ours(torch.float64, "reference")
    output, _ = gru(x)
    gradients = torch.autograd.grad((output * weight).sum(), [getattr(gru, name) for name in names])
    torchs = {"output": output} | dict(zip(names, gradients, strict=True))
    for name, out in ours(torch.float32, "cpu").items():
        error, bar = relative_error(out, exact[name]), relative_error(torchs[name], exact[name])
        assert error < 3 * bar, f"{name}: {error:.1e}, torch's own {bar:.1e}"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_short_floats_are_computed_in_float32_and_returned_as_they_came(dtype):
    call = random_call(Spec("lstm"), 6, 4, 5, 9, dtype=dtype, need_attention=True)
    ours, exact = results(call, "cpu"), results(in_double(call), "reference")
    assert {t.dtype for t in ours.values()} == {dtype}
    for name in ours:
        assert relative_error(ours[name], exact[name]) < 4 * torch.finfo(dtype).eps, name


KEPT = 2.0**-6  # a gradient, where what the backward pass reads is off by up to 2^-9: a few roundings add up
SHORT = 2.0**-7  # the share that the factors of a product are off by, twice over: each is rounded to 8 bits


@pytest.mark.usefixtures("_poisoned")
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_short_products_are_off_by_the_rounding_of_their_factors(has_isa, monkeypatch, cell):
    if not has_isa or (native.kernels.isa() == "avx512" and not native.short_products()):
        return
    monkeypatch.setattr(native, "short_products", lambda: True)
    for gate, lags in ((None, None), ("sigmoid", None), ("hard", Lags(3)), ("softmax", None)):
        spec = Spec(cell, gate, lags=lags)
        lengths = torch.tensor([9, 1, 4, 9, 2])
        call = random_call(spec, 9, 5, 11, 13, dtype=torch.bfloat16, lengths=lengths, need_attention=True)
        poison_pool()
        compare(call, bound=SHORT)
        compare(random_call(spec, 6, 70, 20, 37, dtype=torch.bfloat16, reverse=True), bound=SHORT)
    zoneout = torch.rand(spec.cell_states, 3, 40, 33, dtype=torch.bfloat16)
    compare(random_call(Spec(cell), 3, 40, 75, 33, dtype=torch.bfloat16, zoneout=zoneout), bound=SHORT)
    compare(random_call(Spec(cell), 2, 98, 310, 290, dtype=torch.bfloat16), bound=SHORT)


def test_calls_in_bfloat16_take_short_products_where_they_are_faster(monkeypatch):
    call = random_call(Spec("gru"), 6, 40, 20, 30, dtype=torch.bfloat16)
    native.kernels.select_isa("generic")
    try:
        found = []
        for short in (False, True):
            monkeypatch.setattr(native, "short_products", lambda short=short: short)
            found.append(results(call, "cpu")["grad_hh"])
    finally:
        native.kernels.select_isa(BEST)
    assert 0 < relative_error(*found) < SHORT


@pytest.mark.usefixtures("_poisoned")
@pytest.mark.parametrize("gate", ALL_GATES)
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_gradients_of_what_is_kept_in_bfloat16_are_off_by_its_rounding(has_isa, cell, gate):
    if not has_isa:
        return
    spec, lengths = Spec(cell, gate), torch.tensor([9, 1, 4, 9, 2])
    calls = [
        random_call(spec, 9, 5, 11, 13, dtype=torch.float32, lengths=lengths, need_attention=True),
        random_call(spec._replace(lags=Lags(3)), 6, 70, 20, 37, dtype=torch.float32, reverse=True),
        random_call(spec, 4, 3, 7, 5, dtype=torch.float32, zoneout=torch.rand(spec.cell_states, 4, 3, 5)),
    ]
    for call in calls:
        exact, whole = results(in_double(call), "reference"), results(call, "cpu")
        poison_pool()
        found = results(call._replace(options=call.options | {"keep": "bf16"}), "cpu")
        for name, expected in exact.items():
            if name.startswith("grad_"):
                assert relative_error(found[name], expected) < KEPT, name
            else:
                assert torch.equal(found[name], whole[name]), name


def test_what_is_kept_in_bfloat16_takes_little_more_than_half_the_memory():
    sizes = []
    for keep in (None, "bf16"):
        blocks: dict[int, int] = {}

        def note(tensor, blocks=blocks):
            blocks[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        call = random_call(Spec("gru"), 100, 8, 12, 64, dtype=torch.float32, keep=keep)
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            recurrence(*call[:4], **call.options)
        sizes.append(sum(blocks.values()))
    assert sizes[1] < 0.6 * sizes[0]


def test_second_derivatives_of_what_is_kept_in_bfloat16():
    call = random_call(Spec("gru"), 5, 3, 4, 6, dtype=torch.float32)
    found = []
    for keep in (None, "bf16"):
        output = recurrence(*call[:4], keep=keep).output
        (slope,) = torch.autograd.grad(output.square().sum(), call.x, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), call.weights.hh)[0])
    assert relative_error(found[1], found[0]) < KEPT


@pytest.mark.parametrize(
    ("backend", "dtype", "message"),
    [
        ("hoisted", torch.float32, "keep='bf16' is of the backend 'cpu', but 'hoisted' runs this call"),
        ("cpu", torch.float64, "keep='bf16' is not for float64"),
    ],
)
def test_other_backends_and_float64_refuse_to_keep_in_bfloat16(backend, dtype, message):
    call = random_call(Spec("gru"), dtype=dtype, keep="bf16")
    with pytest.raises(BackendError, match=message):
        recurrence(*call[:4], **call.options, backend=backend)
    with torch.no_grad():
        recurrence(*call[:4], **call.options, backend=backend)


def test_tensors_need_not_be_contiguous():
    call = random_call(Spec("gru"), 6, 5, 4, 9)
    expected = results(call, "cpu")
    for x in (
        call.x.detach().transpose(0, 1).contiguous().transpose(0, 1),
        torch.stack([call.x.detach()] * 2, dim=-1)[..., 1],
    ):
        assert not x.is_contiguous()
        hh = call.weights.hh.detach().T.contiguous().T.requires_grad_()
        ours = results(Call(x.requires_grad_(), call.state, call.weights._replace(hh=hh), call.spec, {}), "cpu")
        assert all(torch.equal(ours[name], expected[name]) for name in expected)


def test_gradients_that_come_in_expanded_or_not_at_all():
    call = random_call(Spec("lstm"), 6, 5, 4, 9)
    leaves = list(call.leaves().values())
    for function in (
        lambda run: run.output.sum(),
        lambda run: run.output[-1].mean(),
        lambda run: run.state[1].sum(),
        lambda run: run.output.transpose(0, 1).flatten(1).square().sum(),
    ):
        ours, theirs = (
            torch.autograd.grad(function(recurrence(*call[:4], backend=b)), leaves) for b in ("cpu", "reference")
        )
        for out, ref in zip(ours, theirs, strict=True):
            assert relative_error(out, ref) < 1e-11


@pytest.mark.parametrize("wanted", ["x", "state0", "hh", "b_a", "ia"])
def test_only_the_gradients_asked_for_are_made(wanted):
    call = random_call(Spec("gru"), 6, 5, 4, 9)
    expected = results(call, "reference")[f"grad_{wanted}"]
    for name, leaf in call.leaves().items():
        leaf.requires_grad_(name == wanted)
    generator = torch.Generator().manual_seed(1)
    run = recurrence(*call[:4], backend="cpu")
    weights = [torch.randn(t.shape, generator=generator, dtype=torch.float64) for t in (run.output, *run.state)]
    torch.autograd.backward((run.output, *run.state), weights)
    gradients = {name: leaf.grad for name, leaf in call.leaves().items() if leaf.grad is not None}
    assert gradients.keys() == {wanted}
    assert relative_error(gradients[wanted], expected) < 1e-11


@pytest.mark.parametrize(
    ("cell", "shape"), [("lstm", (20, 130, 24, 40)), ("gru", (3, 20, 310, 290)), ("rnn_tanh", (2, 100, 310, 600))]
)
def test_results_do_not_depend_on_whether_threads_share_the_rows_or_each_product(cell, shape):
    lengths = torch.randint(1, shape[0] + 1, (shape[1],))
    call = random_call(Spec(cell), *shape, dtype=torch.float32, lengths=lengths, need_attention=True)
    alone = results(call, "cpu")
    for threads in (2, 3):
        torch.set_num_threads(threads)
        together = results(call, "cpu")
        assert all(torch.equal(alone[name], together[name]) for name in alone)


SATURATING = [*(sign * v for v in (20.0, 50.0, 90.0, 1e4, 1e30, 3e38) for sign in (1, -1))]


@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru"])
def test_saturated_units_are_exact_and_pass_no_gradient(has_isa, cell):
    if not has_isa:
        return
    spec = Spec(cell, None)
    for value in [*SATURATING, *([9.1, -12.0] if cell == "rnn_tanh" else [])]:
        found = {}
        for backend, dtype in (("cpu", torch.float32), ("reference", torch.float64)):
            x = torch.full((1, 1, 1), value, dtype=dtype, requires_grad=True)
            w = Weights(ih=torch.ones(spec.blocks, 1, dtype=dtype), hh=torch.zeros(spec.blocks, 1, dtype=dtype))
            state = tuple(torch.zeros(1, 1, dtype=dtype) for _ in range(spec.states))
            output = recurrence(x, state, w, spec, backend=backend).output
            output.sum().backward()
            found[backend] = output.item(), x.grad.item()
        (h, g), (exact, exact_g) = found["cpu"], found["reference"]
        assert abs(h - exact) <= 2.4e-7, value
        assert h == exact or abs(exact) not in (0.0, 1.0), value
        assert abs(g - exact_g) <= 1.3e-7, value
        assert abs(g) < 1e-12 or abs(exact_g) > 1e-12, value


@pytest.mark.parametrize("gate", ALL_GATES)
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_infinity_and_nan_spread_as_in_the_reference(has_isa, cell, gate):
    if not has_isa:
        return
    for value in (float("inf"), -float("inf"), float("nan")):
        for seed in range(3):
            call = random_call(Spec(cell, gate), 4, 3, 5, 6, dtype=torch.float32, seed=seed, need_attention=True)
            with torch.no_grad():
                call.x[1, 1, 2] = call.x[2, 0, seed] = value
            out, expected = results(call, "cpu"), results(call, "reference")
            for name in expected:
                if not name.startswith("grad"):
                    torch.testing.assert_close(out[name], expected[name], rtol=1e-4, atol=1e-5, equal_nan=True)
