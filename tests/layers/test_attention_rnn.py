"""AttentionRNN2d and its rivals as layers: masks, sizes, options, parameters, and PyTorch's machinery around them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.export import Dim

from attentive_rnn import AttentionRNN2d
from helpers import assert_near

torchs_own_warning = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # on importing its parts
X = torch.linspace(-3, 3, 2 * 3 * 7 * 5).sin().view(2, 3, 7, 5)
QUERY = torch.linspace(-1, 1, 2 * 4).view(2, 4)
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "flat": {"scan": "flat"},
    "four": {"directions": 4},
    "block": {"block": 2},
    "fed": {"feed_mask": True},
    "fed-flat-mean": {"feed_mask": True, "scan": "flat", "combine": "mean"},
    "mean-block": {"combine": "mean", "block": 3},
    "mask-conv": {"combine": "mask_conv", "context": 1},
    "softmax-block": {"normalize": "softmax", "block": 2, "directions": 4},
}


every_variant = pytest.mark.parametrize("options", VARIANTS.values(), ids=list(VARIANTS))


def layer_of(options: dict[str, Any], dtype: torch.dtype = torch.float64) -> AttentionRNN2d:
    torch.manual_seed(1)
    return AttentionRNN2d(3, 6, **options, dtype=dtype)


def gradients(layer: nn.Module, x: Tensor, *query: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    y, mask = layer(x, *query)
    loss = (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).sum() + mask.square().sum()
    return [y, mask, *torch.autograd.grad(loss, [x, *layer.parameters()])]


def assert_each_near(found: list[Tensor], expected: list[Tensor], tolerance: float) -> None:
    for one, other in zip(
        found, expected, strict=True
    ):  # a softmax has no gradient for its bias: zero but for rounding
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


@every_variant
def test_every_backend_gives_the_reference_and_its_gradients(options):
    layer = layer_of(options)
    layer.backend = "reference"
    expected = gradients(layer, X.double())
    assert layer.last_backend == ("reference", "asked for by name")
    for backend in ("hoisted", "auto"):
        layer.backend = backend
        assert_each_near(gradients(layer, X.double()), expected, 1e-12)


def test_the_mask_is_read_from_both_directions_states():
    """The layer written out for one map: convolution, raster loop over cells, inverse by flips, read-out."""
    layer, x = layer_of({}), X[:1].double()
    p = nn.functional.conv2d(x, layer.input_to_state.weight, layer.input_to_state.bias, padding=1)[0]
    states = []
    for r, blocks in enumerate(p.split(24)):
        blocks = blocks.flip(1, 2) if r else blocks
        h, c = torch.zeros(8, 6, 6, dtype=torch.float64), torch.zeros(8, 6, 6, dtype=torch.float64)
        for i in range(7):
            for j in range(5):
                s = blocks[:, i, j] + layer.weight_left[r] @ h[i + 1, j] + layer.weight_up[r] @ h[i, j + 1]
                inn, forget, new, out = s.view(4, 6)
                c[i + 1, j + 1] = forget.sigmoid() * c[i + 1, j] + inn.sigmoid() * new.tanh()
                h = h.clone()
                h[i + 1, j + 1] = out.sigmoid() * c[i + 1, j + 1].tanh()
        inner = h[1:, 1:]
        states.append(inner.flip(0, 1) if r else inner)
    logits = torch.cat(states, -1) @ layer.up.weight[:, 0, 0, 0] + layer.up.bias
    y, mask = layer(x)
    assert_near(mask[0, 0], torch.sigmoid(logits), 1e-13)
    assert_near(y, x * mask, 1e-15)


@pytest.mark.parametrize("combine", ["concat", "mean", "mask_conv"])
@pytest.mark.parametrize("directions", [2, 4])
def test_a_map_turned_by_half_is_the_mask_turned_if_the_directions_trade_weights(combine, directions):
    layer, x = layer_of({"combine": combine, "directions": directions, "context": 1}), X.double()
    mask = layer(x)[1]
    traded = copy.deepcopy(layer)
    order = torch.tensor([1, 0, 3, 2])[:directions]
    with torch.no_grad():
        for parameter in traded.parameters():
            rows = parameter.shape[0]
            if rows % directions == 0:
                blocks = parameter.view(directions, rows // directions, *parameter.shape[1:])
                parameter.copy_(blocks[order].reshape(parameter.shape))
    assert_near(traded(x.flip(2, 3))[1], mask.flip(2, 3), 1e-13)


def test_with_context_1_the_first_direction_sees_what_is_above_and_to_the_left_only():
    layer, x = layer_of({"context": 1, "combine": "mean"}), X[:1].double().requires_grad_()
    with torch.no_grad():
        layer.weight_read[1] = 0.0  # the inverse direction is silent
    (slope,) = torch.autograd.grad(layer(x)[1][0, 0, 4, 2], x)
    rows, columns = torch.meshgrid(torch.arange(7), torch.arange(5), indexing="ij")
    assert torch.equal(slope[0].ne(0).any(0), (rows <= 4) & (columns <= 2))


def test_the_flat_scan_sees_the_whole_raster_before_a_position():
    layer, x = layer_of({"context": 1, "combine": "mean", "scan": "flat"}), X[:1].double().requires_grad_()
    with torch.no_grad():
        layer.weight_read[1] = 0.0
    (slope,) = torch.autograd.grad(layer(x)[1][0, 0, 4, 2], x)
    assert torch.equal(slope[0].ne(0).any(0).flatten(), torch.arange(35) <= 4 * 5 + 2)


@every_variant
@settings(max_examples=15)
@given(st.integers(1, 2), st.integers(1, 7), st.integers(1, 7))
def test_maps_of_any_size_keep_it(options, b, h, w):
    layer = layer_of(options)
    y, mask = layer(torch.randn(b, 3, h, w, dtype=torch.float64))
    assert y.shape == (b, 3, h, w)
    assert mask.shape == (b, 1, h, w)
    assert mask.min() >= 0
    assert mask.max() <= 1
    if options.get("normalize") == "softmax":
        assert_near(mask.sum((1, 2, 3)), torch.ones(b, dtype=torch.float64), 1e-12)


def test_mean_with_a_block_has_one_value_a_block():
    mask = layer_of({"combine": "mean", "block": 3})(X.double())[1]
    assert torch.equal(mask[..., :3, :3], mask[..., :1, :1].expand(2, 1, 3, 3))
    assert torch.equal(mask[..., 6:, 3:], mask[..., 6:7, 3:4].expand(2, 1, 1, 2))


def test_a_query_directs_the_mask():
    layer = layer_of({"query_size": 4})
    one, other = layer(X.double(), QUERY.double())[1], layer(X.double(), -QUERY.double())[1]
    assert not torch.allclose(one, other, atol=1e-4)
    shifted = copy.deepcopy(layer)  # the same as a bias of its own for each map
    shift = layer.query_to_state.weight @ QUERY[0].double()
    with torch.no_grad():
        shifted.input_to_state.bias += shift
    zero = torch.zeros(1, 4, dtype=torch.float64)
    assert_near(shifted(X[:1].double(), zero)[1], one[:1], 1e-13)


@pytest.mark.parametrize("e", [None, 5])
@pytest.mark.parametrize(("c", "d", "k"), [(3, 8, 1), (16, 32, 3)])
def test_the_number_of_parameters_is_the_formulas(c, d, k, e):
    layer = AttentionRNN2d(c, d, k, query_size=e)
    assert layer.num_parameters == 2 * (4 * d * c * k**2 + 4 * d + 8 * d**2) + 2 * d + 1 + (8 * d * e if e else 0)
    assert AttentionRNN2d(c, d, k, block=4, query_size=e).num_parameters == (
        layer.num_parameters + c * c * 16 + c + 2 * d * 15
    )


@every_variant
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float16, 5e-3), (torch.bfloat16, 3e-2), (torch.float32, 1e-6)], ids=str
)
def test_smaller_dtypes_agree_with_float64(options, dtype, tolerance):
    layer = layer_of(options)
    expected = layer(X.double())
    small = copy.deepcopy(layer).to(dtype)
    x = X.to(dtype, copy=True).requires_grad_()
    y, mask = small(x)
    assert {y.dtype, mask.dtype} == {dtype}
    assert_near(y, expected[0], tolerance)
    assert_near(mask, expected[1], tolerance)
    y.float().sum().backward()
    assert all(p.grad.dtype == dtype and p.grad.isfinite().all() for p in small.parameters())


@every_variant
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_autocast_trains_parameters_of_float32(options, dtype):
    layer = layer_of(options, torch.float32)
    expected = layer(X)[1]
    with torch.autocast("cpu", dtype=dtype):
        y, mask = layer(X)
    assert layer.last_backend.backend == ("hoisted" if options.get("feed_mask") else "cpu")
    assert y.dtype == torch.float32
    assert_near(mask, expected, 3e-2)
    (y.sum() + mask.float().square().sum()).backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.any() for p in layer.parameters())


@every_variant
def test_channels_last_maps_give_the_same_and_stay_so(options):
    layer = layer_of(options)
    x = X.double().contiguous(memory_format=torch.channels_last)
    y, mask = layer(x)
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert_near(y, layer(X.double())[0], 1e-14)
    assert_near(mask, layer(X.double())[1], 1e-14)


@every_variant
def test_a_penalty_on_the_gradient_trains_the_weights(options):
    layer, x = layer_of(options), X.double().requires_grad_()
    (slope,) = torch.autograd.grad(layer(x)[1].square().sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in layer.parameters())
    assert layer.weight_left.grad.any()


@every_variant
def test_pickles_and_deep_copies_give_the_same(options):
    layer = layer_of({**options, "query_size": 4})
    expected = layer(X.double(), QUERY.double())[1]
    for again in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        assert torch.equal(again(X.double(), QUERY.double())[1], expected)


@torchs_own_warning
@pytest.mark.parametrize("name", ["default", "fed", "softmax-block"])
def test_a_compiled_layer_is_one_graph_and_equals_the_eager_one(name):
    torch._dynamo.reset()
    layer = layer_of({**VARIANTS[name], "query_size": 4})
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x, query = X[:, :, :3, :3].double(), QUERY.double()
    assert_each_near(gradients(compiled, x, query), gradients(layer, x, query), 1e-12)


@torchs_own_warning
def test_an_exported_layer_runs_at_any_batch(tmp_path):
    layer = layer_of({"query_size": 4, "block": 2}).eval()
    batch = Dim("batch", min=2)
    program = torch.export.export(
        layer, (X.double(), QUERY.double()), dynamic_shapes={"x": {0: batch}, "query": {0: batch}}
    )
    torch.export.save(program, tmp_path / "layer.pt2")
    x, query = torch.cat([X, X.flip(0)]).double(), torch.cat([QUERY, QUERY]).double()
    again = torch.export.load(tmp_path / "layer.pt2").module()
    assert_each_near(list(again(x, query)), list(layer(x, query)), 1e-13)


@torchs_own_warning
def test_per_sample_gradients_by_vmap_are_those_of_a_loop():
    layer, x = layer_of({}), X[:, :, :3, :4].double()
    weights = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(weights: dict[str, Tensor], one: Tensor) -> Tensor:
        return torch.func.functional_call(layer, weights, (one.unsqueeze(0),))[1].square().sum()

    together = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(weights, x)
    for row, one in enumerate(x):
        for name, alone in torch.func.grad(loss)(weights, one).items():
            assert_near(together[name][row], alone, 1e-12, name)


def test_options_and_maps_that_do_not_fit_are_refused():
    for options, error, message in [
        ({"context": 2}, ValueError, r"context must be odd"),
        ({"block": 0}, ValueError, r"block must be greater than zero"),
        ({"hidden_size": 1.5}, TypeError, r"hidden_size should be of type int, got: float"),
        ({"scan": "zigzag"}, ValueError, r"scan should be one of 'diagonal', 'flat', got 'zigzag'"),
        ({"directions": 3}, ValueError, r"directions should be one of 2, 4, got 3"),
        ({"scan": "flat", "directions": 4}, ValueError, r"use directions=2"),
        ({"normalize": "none"}, ValueError, r"normalize should be one of"),
        ({"combine": "sum"}, ValueError, r"combine should be one of"),
        ({"query_size": 0}, ValueError, r"query_size must be greater than zero"),
    ]:
        with pytest.raises(error, match=message):
            AttentionRNN2d(3, **options)
    plain, asked = AttentionRNN2d(3), AttentionRNN2d(3, query_size=4)
    for layer, call, error, message in [
        (plain, (X[0],), ValueError, r"shape \(B, C, H, W\), got 3 dimensions"),
        (plain, (X[:, :2],), RuntimeError, r"3 channels, got 2"),
        (plain, (X, QUERY), ValueError, r"made without a query, and its call has one"),
        (asked, (X,), ValueError, r"made with query_size=4, and its call has none"),
        (asked, (X, QUERY[:, :3]), RuntimeError, r"query of shape \(B, 4\)"),
        (asked, (X, QUERY[:1]), RuntimeError, r"one query a map, got 1 for 2"),
    ]:
        with pytest.raises(error, match=message):
            layer(*call)


def test_the_layer_prints_what_is_not_default():
    assert repr(AttentionRNN2d(8, block=4, normalize="softmax")).startswith(
        "AttentionRNN2d(\n  8, 32, block=4, normalize='softmax'\n"
    )


@pytest.mark.parametrize("name", VARIANTS)
def test_an_empty_batch_gives_empty_maps(name):
    layer = AttentionRNN2d(3, 4, **VARIANTS[name])
    x = X[:0].clone().requires_grad_()
    y, mask = layer(x, *([QUERY[:0]] if layer.query_size else []))
    assert y.shape == (0, 3, 7, 5)
    assert mask.shape == (0, 1, 7, 5)
    (y.sum() + mask.sum()).backward()
    assert x.grad.shape == x.shape
    assert all(p.grad is not None and not p.grad.any() for p in layer.parameters())
