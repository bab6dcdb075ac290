"""The layers beside those of torch.nn: what PyTorch's own tests ask of recurrent layers, asked of both."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence

from attentive_rnn import EleAttGRU, EleAttGRUCell, EleAttLSTM, EleAttLSTMCell, EleAttRNN, EleAttRNNCell

PAIRS = [(nn.RNN, EleAttRNN), (nn.LSTM, EleAttLSTM), (nn.GRU, EleAttGRU)]
CELLS = [(nn.RNNCell, EleAttRNNCell), (nn.LSTMCell, EleAttLSTMCell), (nn.GRUCell, EleAttGRUCell)]
both = pytest.mark.parametrize(("theirs", "ours"), PAIRS, ids=lambda kind: kind.__name__)
cells = pytest.mark.parametrize(("theirs", "ours"), CELLS, ids=lambda kind: kind.__name__)


def state_of(kind, batch, layers=1, size=5, dtype=torch.float32):
    h = torch.zeros(layers, batch, size, dtype=dtype)
    return (h, h.clone()) if "LSTM" in kind.__name__ else h


def tensors(state):
    return state if isinstance(state, tuple) else (state,)


def outcome(function, kind):
    """What a call gives, or the type of error and its message."""
    try:
        return function(kind)
    except (RuntimeError, TypeError, ValueError) as error:
        return type(error), str(error)


SAME = {
    "input_size 0": lambda kind: kind(0, 5),
    "hidden_size 0": lambda kind: kind(4, 0),
    "hidden_size 1.5": lambda kind: kind(4, 1.5),
    "num_layers 0": lambda kind: kind(4, 5, num_layers=0),
    "another input size": lambda kind: kind(4, 5)(torch.zeros(3, 2, 3)),
    "a state of another batch": lambda kind: kind(4, 5)(torch.zeros(3, 2, 4), state_of(kind, 3)),
    "a state of another size": lambda kind: kind(4, 5)(torch.zeros(3, 2, 4), state_of(kind, 2, size=6)),
    "a state of other layers": lambda kind: kind(4, 5)(torch.zeros(3, 2, 4), state_of(kind, 2, layers=2)),
    "a row without steps": lambda kind: kind(4, 5)(pack_padded_sequence(torch.zeros(3, 2, 4), [3, 0])),
}


@both
@pytest.mark.parametrize("call", SAME.values(), ids=SAME)
def test_a_wrong_call_gets_the_same_error(theirs, ours, call):
    expected = outcome(call, theirs)
    assert issubclass(expected[0], Exception)
    assert outcome(call, ours) == expected


@both
def test_no_steps_too_many_dimensions_and_a_rate_above_one_are_refused_with_the_same_type(theirs, ours):
    for kind in (theirs, ours):
        for x in (torch.zeros(0, 2, 4), torch.zeros(0, 4)):
            with pytest.raises(RuntimeError, match="Expected sequence length to be larger than 0"):
                kind(4, 5)(x)
        with pytest.raises(ValueError, match="Expected input to be 2D or 3D, got 4D"):
            kind(4, 5)(torch.zeros(1, 1, 1, 4))
        with pytest.raises(ValueError, match=r"dropout should be a number in range \[0, 1\]"):
            kind(4, 5, num_layers=2, dropout=1.5)


@both
def test_a_projection_is_refused_with_what_to_do(theirs, ours):
    with pytest.raises(TypeError, match=rf"{ours.__name__} has no proj_size: put a torch.nn.Linear"):
        ours(4, 5, proj_size=2)


@both
def test_a_batch_of_no_rows_gives_none_and_gradients_of_zero(theirs, ours):
    found = []
    for kind in (theirs, ours):
        layer, x = kind(4, 5, num_layers=2, bidirectional=True), torch.zeros(3, 0, 4, requires_grad=True)
        output, state = layer(x)
        output.sum().backward()
        shapes = output.shape, [part.shape for part in tensors(state)], x.grad.shape
        found.append((*shapes, {p.grad.abs().sum().item() for name, p in layer.named_parameters() if "_ih_" in name}))
    assert found[0] == found[1]
    assert found[0][-1] == {0.0}


@both
def test_layers_on_the_meta_device_know_their_shapes_and_become_real(theirs, ours):
    for kind in (theirs, ours):
        layer = kind(4, 5, num_layers=2, bidirectional=True, device="meta")
        output, state = layer(torch.zeros(3, 2, 4, device="meta"))
        assert {tensor.device.type for tensor in (output, *tensors(state), *layer.parameters())} == {"meta"}
        assert (output.shape, tensors(state)[0].shape) == ((3, 2, 10), (4, 2, 5))
        real = layer.to_empty(device="cpu")
        real.reset_parameters()
        assert real(torch.zeros(3, 2, 4))[0].isfinite().all()


@both
@pytest.mark.parametrize("lengths", [[3, 2, 1], [1, 3, 2]])
def test_packed_sequences_come_back_packed_alike(theirs, ours, lengths):
    torch.manual_seed(0)
    reference = theirs(4, 5, bidirectional=True).double()
    layer = ours.from_torch(reference, gate=None)
    rows = [torch.randn(length, 4, dtype=torch.float64) for length in lengths]
    expected, found = (one(pack_sequence(rows, enforce_sorted=False)) for one in (reference, layer))
    torch.testing.assert_close(found[0], expected[0])
    torch.testing.assert_close(found[1], expected[1])
    assert found[0].batch_sizes.tolist() == [3, 2, 1]
    state = state_of(theirs, 3, layers=2, dtype=torch.float64)
    torch.testing.assert_close(layer(pack_sequence(rows, enforce_sorted=False), state)[0].data, expected[0].data)


@both
def test_a_row_of_length_zero_keeps_its_state_and_gives_nothing(theirs, ours):
    layer, start = ours(4, 5), torch.randn(1, 2, 5)
    state = (start, start.clone()) if ours is EleAttLSTM else start
    output, last = layer(torch.randn(3, 2, 4), state, lengths=torch.tensor([3, 0]))
    assert torch.equal(output[:, 1], torch.zeros(3, 5))
    assert all(torch.equal(part[:, 1], start[:, 1]) for part in tensors(last))


@both
def test_parameters_can_be_flattened_at_any_time(theirs, ours):
    torch.manual_seed(0)
    layer, x = ours(4, 5, num_layers=2), torch.randn(3, 2, 4)
    before = layer(x)[0]
    assert layer.flatten_parameters() is None
    assert torch.equal(layer(x)[0], before)


@both
def test_no_state_is_a_state_of_zeros(theirs, ours):
    torch.manual_seed(0)
    layer, x = ours(4, 5, num_layers=2), torch.randn(3, 2, 4)
    torch.testing.assert_close(layer(x), layer(x, state_of(ours, 2, layers=2)), rtol=0, atol=0)


@both
def test_a_backward_pass_can_be_repeated(theirs, ours):
    torch.manual_seed(0)
    layer, x = ours(4, 5, num_layers=2), torch.randn(3, 2, 4, requires_grad=True)
    total = layer(x)[0].sum()
    total.backward(retain_graph=True)
    first, x.grad = x.grad, None
    total.backward()
    assert torch.equal(x.grad, first)


@both
@pytest.mark.parametrize("rate", [0.0, 1.0])
@pytest.mark.parametrize("training", [True, False])
def test_dropout_between_layers_acts_in_training_alone(theirs, ours, rate, training):
    reference = theirs(4, 5, num_layers=2, dropout=rate).double().train(training)
    layer = ours.from_torch(reference, gate=None)
    x = torch.randn(3, 2, 4, dtype=torch.float64)
    torch.testing.assert_close(layer(x), reference(x))
    layer.dropout = 0.0  # as code for torch.nn changes it
    assert layer.train()(x)[0].isfinite().all()


@both
def test_copies_and_pickles_compute_the_same(theirs, ours):
    torch.manual_seed(0)
    layer, x = ours(4, 5, bidirectional=True), torch.randn(3, 2, 4)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(other(x)[0], layer(x)[0])


@both
def test_a_normalised_weight_is_followed(theirs, ours):
    torch.manual_seed(0)
    layer, x = ours(4, 5), torch.randn(3, 2, 4)
    before = layer(x)[0]
    normalised = weight_norm(layer, name="weight_hh_l0")
    torch.testing.assert_close(normalised(x)[0], before)
    with torch.no_grad():
        normalised.parametrizations.weight_hh_l0.original0.mul_(2)
    assert not torch.allclose(normalised(x)[0], before)


@cells
def test_cells_take_no_rows_and_refuse_what_does_not_fit(theirs, ours):
    for kind in (theirs, ours):
        cell = kind(4, 5)
        assert tensors(cell(torch.zeros(0, 4)))[0].shape == (0, 5)
        state = (torch.zeros(3, 5),) * 2 if "LSTM" in kind.__name__ else torch.zeros(3, 5)
        for x, hx in ((torch.zeros(2, 3), None), (torch.zeros(2, 4), state)):
            with pytest.raises((RuntimeError, ValueError)):
                cell(x, hx)
