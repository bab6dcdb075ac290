"""Calls of the layers: shapes, layouts, attention, backends."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import pytest
import torch
from torch import nn

import attentive_rnn
from attentive_rnn import RRA, EleAttGRU, EleAttGRUCell, EleAttLSTM, EleAttRNN
from attentive_rnn.ops import BackendError
from helpers import ALL_CELLS, LAYERS, as_tuple, assert_near, states_of

every_cell = pytest.mark.parametrize("cell", ALL_CELLS)
both_directions = pytest.mark.parametrize("bidirectional", [False, True])
T, B, D, N = 7, 4, 5, 6
X = torch.linspace(-2, 2, T * B * D).sin().view(T, B, D)
LENGTHS = torch.tensor([4, 7, 1, 6])


def attention_shapes(rows, bidirectional, batch_first=False):
    """Layer 0 reads D elements, layer 1 the outputs of both directions."""
    axes = (B, T) if batch_first else (T, B)
    axes = axes if rows else (T,)
    return [(*axes, D, 2), (*axes, 2 * N, 2)] if bidirectional else [(*axes, D), (*axes, N)]


@every_cell
@both_directions
def test_shapes_of_a_batch(cell, bidirectional):
    layer = LAYERS[cell](D, N, 2, bidirectional=bidirectional)
    directions = 2 if bidirectional else 1
    output, last, attention = layer(X, need_attention=True)
    assert output.shape == (T, B, directions * N)
    assert all(s.shape == (2 * directions, B, N) for s in as_tuple(last))
    assert len(as_tuple(last)) == (2 if cell == "lstm" else 1)
    assert [tuple(a.shape) for a in attention] == attention_shapes(B, bidirectional)


@every_cell
@both_directions
def test_batch_first_transposes_sequences_and_not_states(cell, bidirectional):
    layer = LAYERS[cell](D, N, 2, bidirectional=bidirectional)
    turned = LAYERS[cell](D, N, 2, batch_first=True, bidirectional=bidirectional)
    turned.load_state_dict(layer.state_dict())
    hx = states_of(layer, B, torch.float32)
    output, last, attention = layer(X, hx, lengths=LENGTHS, need_attention=True)
    output_t, last_t, attention_t = turned(X.transpose(0, 1), hx, lengths=LENGTHS, need_attention=True)
    assert torch.equal(output_t, output.transpose(0, 1))
    assert all(torch.equal(a, b) for a, b in zip(as_tuple(last_t), as_tuple(last), strict=True))
    assert [tuple(a.shape) for a in attention_t] == attention_shapes(B, bidirectional, batch_first=True)
    assert all(torch.equal(a, b.transpose(0, 1)) for a, b in zip(attention_t, attention, strict=True))


@every_cell
@both_directions
@pytest.mark.parametrize("batch_first", [False, True])
def test_a_sequence_without_a_batch(cell, bidirectional, batch_first):
    layer = LAYERS[cell](D, N, 2, batch_first=batch_first, bidirectional=bidirectional).double()
    x, hx = X[:, :1].double(), states_of(layer, 1)
    output, last, attention = layer(x.transpose(0, 1) if batch_first else x, hx, need_attention=True)
    alone_hx = tuple(s[:, 0] for s in as_tuple(hx))
    alone, alone_last, alone_attention = layer(
        x[:, 0], alone_hx if cell == "lstm" else alone_hx[0], need_attention=True
    )
    assert_near(alone, (output.transpose(0, 1) if batch_first else output)[:, 0], 1e-14)
    for mine, expected in zip(as_tuple(alone_last), as_tuple(last), strict=True):
        assert_near(mine, expected[:, 0], 1e-14)
    assert [tuple(a.shape) for a in alone_attention] == attention_shapes(None, bidirectional)
    for mine, expected in zip(alone_attention, attention, strict=True):
        assert_near(mine, (expected.transpose(0, 1) if batch_first else expected)[:, 0], 1e-14)


@pytest.mark.parametrize("scale", [1.0, 2.0, 0.25])
def test_gate_scale_multiplies_the_attention(scale):
    layer, one = EleAttGRU(D, N, gate_scale=scale), EleAttGRU(D, N)
    one.load_state_dict(layer.state_dict())
    first, first_of_one = layer(X[:1], need_attention=True)[2][0], one(X[:1], need_attention=True)[2][0]
    assert_near(first, scale * first_of_one, 1e-6)


def test_sigmoid_attention_lies_between_zero_and_one():
    (attention,) = EleAttRNN(D, N)(100 * X, need_attention=True)[2]
    assert attention.min() >= 0
    assert attention.max() <= 1
    assert attention.std() > 0.1


def test_asking_for_attention_changes_nothing_else():
    layer = EleAttLSTM(D, N, 2, bidirectional=True)
    output, (h, c) = layer(X)
    same, (same_h, same_c), _ = layer(X, need_attention=True)
    assert torch.equal(output, same)
    assert torch.equal(h, same_h)
    assert torch.equal(c, same_c)


def test_inputs_are_left_as_they_were():
    layer = EleAttGRU(D, N)
    x, hx, lengths = X.clone(), torch.randn(1, B, N), LENGTHS.clone()
    kept = x.clone(), hx.clone(), lengths.clone()
    layer(x, hx, lengths=lengths)
    assert all(torch.equal(a, b) for a, b in zip((x, hx, lengths), kept, strict=True))


def test_a_layer_tells_which_backend_ran_and_why():
    layer = EleAttGRU(D, N)
    assert layer.last_backend is None
    layer(X)
    assert layer.last_backend.backend in {status.name for status in attentive_rnn.backends() if status.available}
    assert layer.last_backend.reason


def test_the_reference_can_be_asked_for_by_name():
    layer, cell = EleAttGRU(D, N, backend="reference"), EleAttGRUCell(D, N, backend="reference")
    layer(X)
    cell(X[0])
    assert layer.last_backend == cell.last_backend == ("reference", "asked for by name")
    auto = EleAttGRU(D, N)
    auto.load_state_dict(layer.state_dict())
    assert_near(auto(X)[0], layer(X)[0], 1e-6)


def test_a_backend_that_cannot_run_is_refused_with_the_reason():
    with pytest.raises(BackendError, match=r"backend 'triton' cannot run .+: .+; use backend='auto'"):
        EleAttGRU(D, N, backend="triton")(X)


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match=r"backend should be 'auto' or one of .*'reference', got 'cudnn'"):
        EleAttGRU(D, N, backend="cudnn")(X)


KINDS = {
    "rra": partial(RRA, lags=3, gate="sigmoid"),
    "content": partial(RRA, lags=2, norm="content"),
    **LAYERS,
}


@pytest.mark.parametrize("lengths", [None, torch.zeros(0, dtype=torch.int64)], ids=["whole", "lengths"])
@pytest.mark.parametrize("backend", ["auto", "cpu", "hoisted", "reference"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_batch_gives_what_torchs_layers_give(kind, backend, lengths):
    backend = "auto" if kind == "content" else backend
    layer = KINDS[kind](
        4, 6, num_layers=2, batch_first=True, bidirectional=True, zoneout=0.1, dropout=0.2, backend=backend
    )
    theirs = nn.LSTM(4, 6, 2, batch_first=True, bidirectional=True)
    x = torch.zeros(0, 5, 4, requires_grad=True)
    output, last, attention = layer(x, lengths=lengths, need_attention=True)
    expected, (h, _) = theirs(x)
    assert output.shape == expected.shape == (0, 5, 12)
    assert as_tuple(last)[0].shape == h.shape == (4, 0, 6)
    for response in attention:
        assert all(part.shape[:2] == (0, 5) for part in as_tuple(response) if part is not None)
    (output.sum() + sum(s.sum() for s in as_tuple(last))).backward()
    assert x.grad.shape == x.shape
    assert all(p.grad is not None and not p.grad.any() for p in layer.parameters())


def test_a_step_and_a_cell_take_an_empty_batch():
    layer, cell, x = EleAttLSTM(4, 6), EleAttGRUCell(4, 6), torch.zeros(0, 4)
    with torch.no_grad():
        output, state = layer.step(x)
        output, state = layer.step(x, state)
    assert output.shape == (0, 6)
    assert [s.shape for s in state] == [(1, 0, 6), (1, 0, 6)]
    h = cell(x, cell(x))
    assert h.shape == nn.GRUCell(4, 6)(x).shape == (0, 6)
    h.sum().backward()
    assert all(p.grad is not None and not p.grad.any() for p in cell.parameters())


def of_rank(layer, rank):
    """A layer with full gates whose [W_xa W_ha] have that rank."""
    with torch.no_grad():
        for name, wide in layer.named_parameters():
            if name.startswith("weight_ia"):
                narrow = getattr(layer, name.replace("weight_ia", "weight_ha"))
                width, units = narrow.shape
                product = torch.randn(width, rank).to(wide) @ torch.randn(rank, width + units).to(wide)
                wide.copy_(product[:, :width] / width)
                narrow.copy_(product[:, width:] / width)
    return layer


@every_cell
def test_from_full_computes_the_same_where_the_gates_are_of_that_rank(cell):
    options = {"bidirectional": True, "gate": ["sigmoid", "hard"], "dtype": torch.float64}
    layer = of_rank(LAYERS[cell](7, 6, 2, **options), 3)
    low = type(layer).from_full(layer, 3)
    x = torch.randn(5, 4, 7, dtype=torch.float64)
    for ours, theirs in zip(low(x, need_attention=True)[2], layer(x, need_attention=True)[2], strict=True):
        assert_near(ours, theirs, 1e-12)
    fresh = LAYERS[cell](7, 6, 2, gate_rank=3, **options)
    assert list(low.state_dict()) == list(fresh.state_dict())
    fresh.load_state_dict(low.state_dict())
    assert torch.equal(fresh(x)[0], low(x)[0])
    assert low.gate_rank == 3
    assert layer.gate_rank is None


@pytest.mark.parametrize("reads", ["both", "state"])
def test_from_full_is_nearer_the_higher_the_rank_and_the_layer_itself_at_the_highest(reads):
    layer, x = EleAttGRU(12, 4, gate_reads=reads), torch.randn(5, 3, 12)
    _, _, (wanted,) = layer(x, need_attention=True)
    errors = []
    for rank in (1, 3, 6, 11, 12):
        _, _, (attention,) = EleAttGRU.from_full(layer, rank)(x, need_attention=True)
        errors.append(float((attention - wanted).detach().norm()))
    assert all(low >= high - 1e-5 for low, high in pairwise(errors))
    assert errors[0] > 1e-2
    assert errors[-1] == 0


def test_from_full_keeps_lags_dropout_and_what_does_not_learn():
    layer = RRA(6, 4, lags=2, gate="sigmoid").eval()
    layer.weight_ha_l0.requires_grad_(False)
    low = RRA.from_full(layer, 2)
    assert not low.training
    assert [name for name, p in low.named_parameters() if not p.requires_grad] == [
        *("weight_ia_l0", "weight_ha_l0", "weight_ua_l0")
    ]
    assert torch.equal(low.weight_lag_l0, layer.weight_lag_l0)
    assert low.weight_lag_l0 is not layer.weight_lag_l0


def test_a_gate_of_zeros_learns_after_from_full():
    plain = EleAttGRU.from_torch(nn.GRU(6, 4), gate="sigmoid")
    low = EleAttGRU.from_full(plain, 2)
    x = torch.randn(5, 3, 6)
    assert_near(low(x)[0], plain(x)[0], 1e-6)
    low(x)[0].square().sum().backward()
    assert low.weight_ia_l0.grad.any()


@pytest.mark.parametrize(
    ("layer", "rank", "error", "message"),
    [
        (EleAttGRU(5, 4, gate_rank=2), 2, ValueError, "full gates, but it has gate_rank=2"),
        (EleAttLSTM(5, 4), 2, TypeError, "EleAttGRU.from_full takes an EleAttGRU, got EleAttLSTM"),
        (EleAttGRU(5, 4), 0, ValueError, "rank must be greater than zero"),
        (EleAttGRU(5, 4), 1.5, TypeError, "rank should be of type int, got: float"),
    ],
)
def test_from_full_refuses_what_it_cannot_take(layer, rank, error, message):
    with pytest.raises(error, match=message):
        EleAttGRU.from_full(layer, rank)
