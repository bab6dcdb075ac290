"""Parameters of the layers: names and shapes, initialisations, counts, saving."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from attentive_rnn import EleAttGRU, EleAttLSTM, EleAttRNN
from helpers import ALL_CELLS, CELL_MODULES, LAYERS

D, N = 5, 6
BLOCKS = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3, "gru_reset_after": 3}
every_cell = pytest.mark.parametrize("cell", ALL_CELLS)


@every_cell
def test_names_and_shapes_are_torchs_and_the_gates(cell):
    g = BLOCKS[cell]
    layer = LAYERS[cell](D, N, 2, bidirectional=True)
    expected = {}
    for k, width in enumerate((D, 2 * N)):
        for suffix in (f"_l{k}", f"_l{k}_reverse"):
            expected |= {"weight_ih" + suffix: (g * N, width), "weight_hh" + suffix: (g * N, N)}
            expected |= {"bias_ih" + suffix: (g * N,)}
            if cell == "gru_reset_after":
                expected |= {"bias_hh" + suffix: (g * N,)}
            expected |= {"weight_ia" + suffix: (width, width), "weight_ha" + suffix: (width, N)}
            expected |= {"bias_a" + suffix: (width,)}
    assert {name: tuple(p.shape) for name, p in layer.named_parameters()} == expected


@pytest.mark.parametrize(("ours", "theirs"), [(EleAttRNN, nn.RNN), (EleAttLSTM, nn.LSTM), (EleAttGRU, nn.GRU)])
def test_without_a_gate_and_a_second_bias_the_names_are_torchs_in_torchs_order(ours, theirs):
    plain = ours(D, N, 2, bidirectional=True, gate=None)
    known = [name for name, _ in theirs(D, N, 2, bidirectional=True).named_parameters() if "bias_hh" not in name]
    assert [name for name, _ in plain.named_parameters()] == known


@every_cell
def test_without_biases_there_is_none(cell):
    layer = LAYERS[cell](D, N, bias=False)
    assert [name for name, _ in layer.named_parameters()] == [
        "weight_ih_l0", "weight_hh_l0", "weight_ia_l0", "weight_ha_l0",
    ]  # fmt: skip


@every_cell
def test_a_low_rank_gate_has_two_narrow_weights_and_a_wide_one(cell):
    layer, one = LAYERS[cell](D, N, gate_rank=2), CELL_MODULES[cell](D, N, gate_rank=2)
    gate = {"weight_ia": (2, D), "weight_ha": (2, N), "weight_ua": (D, 2), "bias_a": (D,)}
    for module, suffix in ((layer, "_l0"), (one, "")):
        own = [(name, tuple(p.shape)) for name, p in module.named_parameters() if name.removesuffix(suffix)[-1] == "a"]
        assert own == [(name + suffix, shape) for name, shape in gate.items()]


def test_all_weights_lists_them_by_layer_and_direction():
    layer = EleAttGRU(D, N, 2, bidirectional=True, gate=["sigmoid", None])
    assert [len(weights) for weights in layer.all_weights] == [6, 6, 3, 3]
    assert layer.all_weights[1][0] is layer.weight_ih_l0_reverse


@every_cell
def test_a_state_dict_makes_a_new_layer_the_same(cell):
    layer, other = (LAYERS[cell](D, N, 2, bidirectional=True) for _ in range(2))
    x = torch.randn(4, 3, D)
    assert not torch.equal(layer(x)[0], other(x)[0])
    other.load_state_dict(layer.state_dict())
    assert torch.equal(layer(x)[0], other(x)[0])


@every_cell
def test_a_state_dict_of_a_low_rank_gate_makes_a_new_layer_the_same_and_a_full_one_not(cell):
    layer, other = (LAYERS[cell](D, N, 2, gate_rank=2) for _ in range(2))
    other.load_state_dict(layer.state_dict())
    x = torch.randn(4, 3, D)
    assert torch.equal(layer(x)[0], other(x)[0])
    with pytest.raises(RuntimeError, match="weight_ua_l0"):
        LAYERS[cell](D, N, 2).load_state_dict(layer.state_dict())


def test_a_state_dict_of_another_gate_is_refused_by_name():
    with pytest.raises(RuntimeError, match=r"Missing key\(s\) .*weight_ia_l0"):
        EleAttGRU(D, N).load_state_dict(EleAttGRU(D, N, gate=None).state_dict())


@every_cell
def test_torchs_initialisation_is_uniform_in_its_bound(cell):
    layer = LAYERS[cell](40, 64)
    bound = 64**-0.5
    for name, parameter in layer.named_parameters():
        assert parameter.abs().max() <= bound, name
        assert parameter.abs().max() > 0.8 * bound, name


@every_cell
def test_the_papers_initialisation(cell):
    layer = LAYERS[cell](40, 32, 2, init="paper", dtype=torch.float64)
    for k, width in enumerate((40, 32)):
        for block in getattr(layer, f"weight_hh_l{k}").split(32):
            torch.testing.assert_close(block @ block.T, 1e-6 * torch.eye(32, dtype=torch.float64), atol=1e-12, rtol=0)
        for block in getattr(layer, f"weight_ih_l{k}").split(32):
            bound = (6 / (32 + width)) ** 0.5
            assert 0.95 * bound < block.abs().max() <= bound
        gate_bound = (6 / (2 * width)) ** 0.5
        assert 0.95 * gate_bound < getattr(layer, f"weight_ia_l{k}").abs().max() <= gate_bound
        w_ha = getattr(layer, f"weight_ha_l{k}")
        torch.testing.assert_close(w_ha.T @ w_ha, 1e-6 * torch.eye(32, dtype=torch.float64), atol=1e-12, rtol=0)
        assert not getattr(layer, f"bias_a_l{k}").any()
        biases = getattr(layer, f"bias_ih_l{k}").split(32)
        forget = 1 if cell == "lstm" else None
        for i, block in enumerate(biases):
            assert torch.equal(block, torch.full_like(block, float(i == forget)))
        if cell == "gru_reset_after":
            assert not getattr(layer, f"bias_hh_l{k}").any()


@every_cell
def test_the_papers_gate_starts_at_one_half_of_small_inputs(cell):
    layer = LAYERS[cell](D, N, init="paper")
    (attention,) = layer(torch.zeros(3, 2, D), need_attention=True)[2]
    torch.testing.assert_close(attention, torch.full((3, 2, D), 0.5), atol=1e-3, rtol=0)


@every_cell
@pytest.mark.parametrize(
    ("gate", "scale", "rank"),
    [
        *(("sigmoid", 1.0, None), ("sigmoid", 2.0, None), ("softmax", 1.0, None)),
        *(("hard", 1.0, None), ("hard", 2.0, None), ("sigmoid", 1.0, 2), ("softmax", 1.0, 2)),
    ],
)
def test_with_the_open_start_a_layer_begins_nearly_as_without_a_gate(cell, gate, scale, rank):
    x = torch.randn(4, 3, D, generator=torch.Generator().manual_seed(0)) / 2

    def off(init):
        torch.manual_seed(0)
        layer = LAYERS[cell](D, N, init=init, gate=gate, gate_scale=scale, gate_rank=rank)
        torch.manual_seed(0)
        own = LAYERS[cell](D, N, init="paper", gate=gate, gate_scale=scale, gate_rank=rank).state_dict()
        plain = LAYERS[cell](D, N, gate=None)
        plain.load_state_dict({name: own[name] for name in plain.state_dict()})
        wanted = plain(x)[0]
        return ((layer(x)[0] - wanted).norm() / wanted.norm()).item()

    assert off("open") < 0.2
    if scale == 1.0:
        assert off("paper") > 0.3


@every_cell
def test_without_a_gate_the_open_start_is_the_papers(cell):
    layers = []
    for init in ("paper", "open"):
        torch.manual_seed(0)
        layers.append(LAYERS[cell](D, N, 2, gate=None, init=init))
    assert all(torch.equal(a, b) for a, b in zip(*(layer.parameters() for layer in layers), strict=True))


@every_cell
def test_cells_are_initialised_as_layers_are(cell):
    for init in ("torch", "paper", "open"):
        torch.manual_seed(1)
        layer = LAYERS[cell](D, N, init=init)
        torch.manual_seed(1)
        one = CELL_MODULES[cell](D, N, init=init)
        assert all(torch.equal(a, b) for a, b in zip(layer.parameters(), one.parameters(), strict=True))


def test_resetting_draws_anew_by_the_named_choice():
    layer = EleAttLSTM(D, N)
    layer.reset_parameters("paper")
    assert torch.equal(layer.bias_ih_l0[N : 2 * N], torch.ones(N))
    layer.reset_parameters()
    assert not torch.equal(layer.bias_ih_l0[N : 2 * N], torch.ones(N))


@pytest.mark.parametrize(("d", "n"), [(150, 100), (60, 128), (3, 2)])
def test_counts_are_the_papers_formulas(d, n):
    gate_parameters, gate_flops = d * (d + n + 1), d * (2 * d + 2 * n + 1)
    for cls, parameters, flops in (
        (EleAttGRU, 3 * n * (d + n + 1), n * (6 * d + 6 * n + 5)),
        (EleAttLSTM, 4 * n * (d + n + 1), n * (8 * d + 8 * n + 4)),
        (EleAttRNN, n * (d + n + 1), n * (2 * d + 2 * n)),
    ):
        plain, gated = cls(d, n, gate=None), cls(d, n)
        assert plain.num_parameters == parameters
        assert gated.num_parameters == parameters + gate_parameters
        assert plain.flops() == flops
        assert gated.flops() == flops + gate_flops
        assert gated.flops(T=7, B=3) == 21 * gated.flops()
    assert EleAttGRU(d, n, reset_after=True).num_parameters == EleAttGRU(d, n).num_parameters + 3 * n


@pytest.mark.parametrize(("d", "n", "r"), [(150, 100, 8), (60, 128, 59), (3, 2, 1)])
def test_counts_of_a_low_rank_gate_are_those_of_its_products(d, n, r):
    low, plain = EleAttGRU(d, n, gate_rank=r), EleAttGRU(d, n, gate=None)
    assert low.num_parameters - plain.num_parameters == r * (d + n + d) + d
    assert low.flops() - plain.flops() == 2 * r * (d + n + d) + d
    state = EleAttGRU(d, n, gate_rank=r, gate_reads="state")
    assert low.num_parameters - state.num_parameters == r * d
    assert low.flops() - state.flops() == 2 * r * d


def test_counts_of_stacked_layers_in_both_directions_add_up():
    layer = EleAttGRU(D, N, 2, bidirectional=True, gate=["sigmoid", None])
    first, second = EleAttGRU(D, N), EleAttGRU(2 * N, N, gate=None)
    assert layer.num_parameters == 2 * (first.num_parameters + second.num_parameters)
    assert layer.flops() == 2 * (first.flops() + second.flops())


@every_cell
def test_a_cell_counts_as_its_layer_does(cell):
    one, layer = CELL_MODULES[cell](D, N), LAYERS[cell](D, N)
    assert one.num_parameters == layer.num_parameters
    assert one.flops(B=3) == layer.flops(T=1, B=3)
