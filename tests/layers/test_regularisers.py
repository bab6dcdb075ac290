"""Dropout between layers, locked dropout and zoneout: what they draw, where, and their limits."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn import EleAttLSTM, EleAttRNN
from helpers import ALL_CELLS, LAYERS, as_tuple, assert_near, states_of

T, B, N = 9, 16, 32
every_cell = pytest.mark.parametrize("cell", ALL_CELLS)
X = torch.linspace(-2, 2, 7 * 4 * 5, dtype=torch.float64).sin().view(7, 4, 5)


def seen_by_the_second_layer(**options):
    """A first layer that gives ones and a second that repeats its input: the output is the mask between them."""
    layer = EleAttRNN(3, N, 2, nonlinearity="relu", gate=None, **options)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias_ih_l0.fill_(1)
        layer.weight_ih_l1.copy_(torch.eye(N))
    return layer, torch.randn(T, B, 3)


def test_dropout_is_drawn_anew_at_every_step_and_scaled():
    layer, x = seen_by_the_second_layer(dropout=0.25)
    mask = layer(x)[0]
    assert mask.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert (mask == 0).double().mean() == pytest.approx(0.25, abs=0.03)
    assert all(not torch.equal(mask[0], mask[t]) for t in range(1, T))


def test_locked_dropout_holds_one_mask_over_the_steps_of_each_row():
    layer, x = seen_by_the_second_layer(locked_dropout=0.25)
    mask = layer(x)[0]
    assert mask.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert torch.equal(mask, mask[:1].expand_as(mask))
    assert not torch.equal(mask[0, 0], mask[0, 1])
    assert (mask[0] == 0).double().mean() == pytest.approx(0.25, abs=0.07)
    assert not torch.equal(layer(x)[0], mask)


def test_both_dropouts_multiply():
    layer, x = seen_by_the_second_layer(dropout=0.5, locked_dropout=0.5)
    mask = layer(x)[0]
    assert set(mask.unique().tolist()) == {0.0, 4.0}
    never = (mask == 0).all(0).double().mean()
    assert never == pytest.approx(0.5, abs=0.08)
    assert (mask == 0).double().mean() == pytest.approx(0.75, abs=0.05)


@pytest.mark.parametrize("kind", ["dropout", "locked_dropout"])
def test_dropout_does_nothing_in_evaluation(kind):
    layer, x = seen_by_the_second_layer(**{kind: 0.7})
    assert torch.equal(layer.eval()(x)[0], torch.ones(T, B, N))


@pytest.mark.parametrize("kind", ["dropout", "locked_dropout"])
def test_dropout_of_one_leaves_nothing_and_of_zero_everything(kind):
    layer, x = seen_by_the_second_layer(**{kind: 1.0})
    assert not layer(x)[0].any()
    layer, x = seen_by_the_second_layer(**{kind: 0.0})
    assert torch.equal(layer(x)[0], torch.ones(T, B, N))


@pytest.mark.parametrize("kind", ["dropout", "locked_dropout"])
def test_dropout_is_not_on_the_last_layer_nor_on_the_states(kind):
    layer, x = seen_by_the_second_layer(**{kind: 1.0})
    with torch.no_grad():
        layer.bias_ih_l1.fill_(3)
    output, h_n = layer(x)
    assert torch.equal(output, torch.full((T, B, N), 3.0))
    assert torch.equal(h_n[0], torch.ones(B, N))


@pytest.mark.parametrize("kind", ["dropout", "locked_dropout"])
def test_dropout_of_a_single_layer_warns_that_it_does_nothing(kind):
    with pytest.warns(UserWarning, match=r"needs num_layers greater than 1") as caught:
        EleAttLSTM(3, 4, **{kind: 0.5})
    assert caught[0].filename == __file__


def holding(zoneout, start=5.0):
    """A layer whose new state is always one, begun at `start`."""
    layer = EleAttRNN(3, N, nonlinearity="relu", gate=None, zoneout=zoneout)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias_ih_l0.fill_(1)
    return layer, torch.randn(T, B, 3), torch.full((1, B, N), start)


def test_zoneout_keeps_a_unit_or_updates_it():
    layer, x, h_0 = holding(0.6)
    output, h_n = layer(x, h_0)
    assert set(output.unique().tolist()) == {1.0, 5.0}
    for t in range(T):  # a unit is untouched after t + 1 steps with probability 0.6^(t + 1)
        assert (output[t] == 5).double().mean() == pytest.approx(0.6 ** (t + 1), abs=0.08)
    assert torch.equal(h_n[0], output[-1])
    assert not torch.equal(layer(x, h_0)[0], output)


def test_zoneout_in_evaluation_is_the_mean():
    layer, x, h_0 = holding(0.6)
    output = layer.eval()(x, h_0)[0]
    for t in range(T):
        torch.testing.assert_close(output[t], torch.full((B, N), 1 + 4 * 0.6 ** (t + 1)))


@every_cell
def test_zoneout_of_one_keeps_the_first_state(cell):
    layer = LAYERS[cell](5, 6, 2, bidirectional=True, zoneout=1.0, dtype=torch.float64)
    hx = states_of(layer, rows=4)
    for mode in (True, False):
        output, last = layer.train(mode)(X, hx)
        for kept, first in zip(as_tuple(last), as_tuple(hx), strict=True):
            assert torch.equal(kept, first)
        h = as_tuple(hx)[0]
        assert torch.equal(output, torch.cat([h[2], h[3]], dim=-1).expand_as(output))


@every_cell
def test_zoneout_of_zero_is_none(cell):
    plain = LAYERS[cell](5, 6, dtype=torch.float64)
    zoned = LAYERS[cell](5, 6, zoneout=1e-300, dtype=torch.float64)
    zoned.load_state_dict(plain.state_dict())
    for mode in (True, False):
        assert_near(zoned.train(mode)(X)[0], plain.train(mode)(X)[0], 1e-14)


def test_zoneout_draws_its_own_mask_for_the_lstms_cell_state():
    layer = EleAttLSTM(3, N, zoneout=0.5)
    h_0, c_0 = torch.full((1, B, N), 7.0), torch.full((1, B, N), 9.0)
    _, (h_n, c_n) = layer(torch.randn(1, B, 3), (h_0, c_0))
    h_kept, c_kept = h_n == 7, c_n == 9
    assert h_kept.double().mean() == pytest.approx(0.5, abs=0.1)
    assert c_kept.double().mean() == pytest.approx(0.5, abs=0.1)
    assert (h_kept & c_kept).double().mean() == pytest.approx(0.25, abs=0.1)


@every_cell
def test_zoneout_in_evaluation_streams(cell):
    layer = LAYERS[cell](5, 6, 2, zoneout=0.3, dtype=torch.float64).eval()
    output, last = layer(X)
    state = None
    for t, x_t in enumerate(X):
        out, state = layer.step(x_t, state)
        assert_near(out, output[t], 1e-14)
    for ours, expected in zip(as_tuple(state), as_tuple(last), strict=True):
        assert_near(ours, expected, 1e-14)


@every_cell
def test_a_seed_repeats_every_draw(cell):
    layer = LAYERS[cell](5, 6, 2, dropout=0.3, locked_dropout=0.2, zoneout=0.2, dtype=torch.float64)
    outputs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outputs.append(layer(X)[0])
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
