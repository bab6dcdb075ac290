"""Layers under PyTorch's own machinery: dtypes, autocast, compile, function transforms, pickling, double backward."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call, grad, jvp, vmap
from torch.utils.checkpoint import checkpoint

from attentive_rnn import RRA, EleAttGRU, EleAttLSTM, EleAttRNN, SequenceClassifier
from helpers import ALL_CELLS, CELL_MODULES, LAYERS, as_tuple, assert_near

torchs_own_warning = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # on importing its parts
every_cell = pytest.mark.parametrize("cell", ALL_CELLS)
X = torch.linspace(-2, 2, 5 * 3 * 4).sin().view(5, 3, 4)


@every_cell
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float16, 3e-3), (torch.bfloat16, 2e-2), (torch.float32, 1e-6)], ids=str
)
def test_smaller_dtypes_agree_with_float64(cell, dtype, tolerance):
    layer = LAYERS[cell](4, 6, 2, bidirectional=True, dtype=torch.float64)
    lengths = torch.tensor([5, 2, 3])
    expected, _, (first, second) = layer(X.double(), lengths=lengths, need_attention=True)
    small = copy.deepcopy(layer).to(dtype)
    x = X.to(dtype, copy=True).requires_grad_()
    output, last, attention = small(x, lengths=lengths, need_attention=True)
    assert {t.dtype for t in (output, *as_tuple(last), *attention)} == {dtype}
    assert_near(output, expected, tolerance)
    assert_near(attention[0], first, tolerance)
    assert_near(attention[1], second, tolerance)
    output.float().sum().backward()
    assert x.grad.dtype == dtype
    assert all(p.grad.dtype == dtype and p.grad.isfinite().all() for p in small.parameters())


@every_cell
@pytest.mark.parametrize("lengths", [None, torch.tensor([5, 2, 3])])
def test_autocast_computes_in_its_dtype_and_gives_gradients_in_the_parameters(cell, lengths):
    layer = LAYERS[cell](4, 6, 2, zoneout=0.1)
    expected = layer.eval()(X, lengths=lengths)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, last, attention = layer(X, lengths=lengths, need_attention=True)
    assert {t.dtype for t in (output, *as_tuple(last), *attention)} == {torch.bfloat16}
    assert layer.last_backend.backend == "cpu"  # in the second layer too, whose input comes in autocast's dtype
    assert_near(output, expected, 2e-2)
    output.float().square().sum().backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.any() for p in layer.parameters())


def test_autocast_leaves_float64_alone():
    layer = EleAttGRU(4, 6, dtype=torch.float64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, _ = layer(X.double())
    assert torch.equal(output, layer(X.double())[0])


def test_autocast_takes_states_and_packed_sequences_of_float32():
    layer = EleAttLSTM(4, 6)
    packed = nn.utils.rnn.pack_padded_sequence(X, torch.tensor([5, 3, 2]))
    hx = (torch.zeros(1, 3, 6), torch.zeros(1, 3, 6))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, _ = layer(packed, hx)
    assert output.data.dtype == torch.bfloat16
    assert_near(output.data, layer(packed, hx)[0].data, 2e-2)


@every_cell
def test_the_meta_device_gives_shapes(cell):
    layer = LAYERS[cell](4, 6, 2, bidirectional=True, device="meta")
    output, last = layer(torch.empty(5, 3, 4, device="meta"))
    assert output.shape == (5, 3, 12)
    assert output.device.type == "meta"
    assert all(s.shape == (4, 3, 6) for s in as_tuple(last))


class Held(nn.Module):
    """A layer whose attention and last state are used, as a graph sees it."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        output, last, (attention,) = self.layer(x, need_attention=True)
        return output, *as_tuple(last), attention


@torchs_own_warning
@every_cell
def test_dynamo_takes_a_layer_as_one_graph(cell):
    """fullgraph: any break would be an error. The captured graph runs as it is."""
    torch._dynamo.reset()
    model = Held(LAYERS[cell](4, 6, dtype=torch.float64))
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    x = X[:3].double()
    for ours, expected in zip(compiled(x), model(x), strict=True):
        assert_near(ours, expected, 1e-13)
    sum(out.square().sum() for out in compiled(x)).backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    sum(out.square().sum() for out in model(x)).backward()
    for name, parameter in model.named_parameters():
        assert_near(gradients[name], parameter.grad, 1e-12, name)


@torchs_own_warning
def test_inductor_compiles_a_layer_as_one_graph():
    torch._dynamo.reset()
    layer = EleAttGRU(4, 6).eval()
    with torch.no_grad():
        assert_near(torch.compile(layer, fullgraph=True)(X[:3])[0], layer(X[:3])[0], 1e-6)


@every_cell
@pytest.mark.parametrize("rank", [None, 2])
def test_gradients_per_sample_by_vmap_are_those_of_a_loop(cell, rank):
    layer = LAYERS[cell](4, 6, 2, bidirectional=True, batch_first=True, gate_rank=rank, dtype=torch.float64)
    weights = {name: p.detach() for name, p in layer.named_parameters()}
    rows = X.double().transpose(0, 1)

    def loss(weights: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        output, _, attention = functional_call(layer, weights, (x,), {"need_attention": True})
        return output.square().sum() + sum(a.square().sum() for a in attention)

    together = vmap(grad(loss), in_dims=(None, 0))(weights, rows)
    for row, x in enumerate(rows):
        for name, alone in grad(loss)(weights, x).items():
            assert_near(together[name][row], alone, 1e-12, name)


@torchs_own_warning
@every_cell
def test_forward_mode_derivatives_are_those_of_finite_differences(cell):
    layer = LAYERS[cell](4, 6, dtype=torch.float64)
    x, direction = X.double(), torch.randn(5, 3, 4, dtype=torch.float64)
    _, derivative = jvp(lambda v: layer(v)[0], (x,), (direction,))
    step = 1e-6 * direction
    assert_near(derivative, (layer(x + step)[0] - layer(x - step)[0]) / 2e-6, 1e-6)


@every_cell
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_a_penalty_on_the_gradient_trains_the_weights(cell, training):
    """Double backward, as a gradient penalty uses it; the size of the second gradient is checked in tests/outside."""
    layer = LAYERS[cell](4, 6, 2, dtype=torch.float64).train(training)
    x = X.double().requires_grad_()
    (slope,) = torch.autograd.grad(layer(x)[0].sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in layer.parameters())
    assert layer.weight_ia_l0.grad.any()
    assert layer.weight_ha_l1.grad.any()


@every_cell
def test_saliency_works_in_evaluation(cell):
    layer = LAYERS[cell](4, 6, 2).eval()
    x = X.clone().requires_grad_()
    layer(x)[0][-1].sum().backward()
    assert x.grad.any(-1).all()


@every_cell
def test_pickles_and_deep_copies_give_the_same(cell):
    for module, x in (
        (LAYERS[cell](4, 6, 2, dropout=0.5, zoneout=0.1, gate=["softmax", None]).eval(), X),
        (CELL_MODULES[cell](4, 6), X[0]),
    ):
        expected = module(x)[0]
        for again in (pickle.loads(pickle.dumps(module)), copy.deepcopy(module)):
            assert torch.equal(again(x)[0], expected)
            assert repr(again) == repr(module)
            assert again.last_backend == module.last_backend


@pytest.mark.parametrize(
    "parametrization", [nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm]
)
def test_reparametrised_weights_are_used(parametrization):
    """The gate's weights can be normalised as any module's can."""
    layer = EleAttGRU(4, 6)
    plain = layer(X)[0]
    parametrization(layer, "weight_ia_l0")
    with torch.no_grad():
        for name, parameter in layer.parametrizations.named_parameters():
            parameter.mul_(3.0 if "original0" in name else 1.0)
    output = layer(X)[0]
    output.sum().backward()
    assert not torch.equal(output, plain)
    assert all(p.grad is not None for p in layer.parameters())


@pytest.mark.parametrize("cls", [EleAttRNN, EleAttLSTM, EleAttGRU])
def test_frozen_parts_get_no_gradient_and_the_rest_is_right(cls):
    layer, free = cls(4, 6, dtype=torch.float64), cls(4, 6, dtype=torch.float64)
    free.load_state_dict(layer.state_dict())
    layer.weight_hh_l0.requires_grad_(False)
    layer.weight_ia_l0.requires_grad_(False)
    for one in (layer, free):
        one(X.double())[0].square().sum().backward()
    assert layer.weight_hh_l0.grad is layer.weight_ia_l0.grad is None
    for name, parameter in layer.named_parameters():
        if parameter.requires_grad:
            assert_near(parameter.grad, dict(free.named_parameters())[name].grad, 1e-13, name)


def test_no_graph_is_kept_without_gradients():
    layer = EleAttGRU(4, 6)
    with torch.no_grad():
        assert not layer(X)[0].requires_grad
    with torch.inference_mode():
        output, h_n = layer(X, lengths=torch.tensor([5, 2, 3]))
    assert output.is_inference()
    assert h_n.is_inference()


def test_a_classifier_gives_gradients_per_sample():
    model = SequenceClassifier(4, 3, hidden_size=5, num_layers=2, dropout=0.0).double()
    weights = {name: p.detach() for name, p in model.named_parameters()}
    rows, labels = X.double().transpose(0, 1), torch.tensor([0, 2, 1])

    def loss(weights: dict[str, torch.Tensor], x: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(functional_call(model, weights, (x[None],)), label[None])

    together = vmap(grad(loss), in_dims=(None, 0, 0))(weights, rows, labels)
    for row in range(3):
        for name, alone in grad(loss)(weights, rows[row], labels[row]).items():
            assert_near(together[name][row], alone, 1e-12, name)


@pytest.mark.usefixtures("triton_runs")
@pytest.mark.parametrize("backend", ["triton", "cpu", "hoisted", "reference"])
@pytest.mark.parametrize("kind", [EleAttGRU, RRA])
def test_checkpointing_keeps_the_input_alone_and_changes_no_gradient(kind, backend):
    device, dtype = "cpu", X.dtype
    if backend == "triton":
        device, dtype = "cuda" if torch.cuda.is_available() else "cpu", torch.float32
    layer = kind(4, 6, 2, backend=backend, device=device, dtype=dtype)
    x = X.to(device, dtype).requires_grad_()

    def run(forward):
        kept: list[int] = []

        def keep(tensor):
            kept.append(tensor.nbytes)
            return tensor

        with saved_tensors_hooks(keep, lambda tensor: tensor):
            output = forward()[0]
        return sum(kept), torch.autograd.grad(output.square().sum(), [x, *layer.parameters()])

    kept, found = run(lambda: checkpoint(layer, x, use_reentrant=False))
    all_kept, expected = run(lambda: layer(x))
    assert kept == x.nbytes < all_kept / 10
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_lengths_within_vmap_are_refused_with_what_to_do():
    layer = EleAttGRU(4, 6)
    with pytest.raises(RuntimeError, match="lengths cannot be mapped by vmap: give it sequences of one length"):
        vmap(lambda x, length: layer(x[:, None], lengths=length[None])[0])(X.transpose(0, 1), torch.tensor([5, 2, 3]))
