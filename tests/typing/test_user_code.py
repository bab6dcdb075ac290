"""Code of a user, whose types mypy and pyright check in `make lint`, and that runs as well."""

from __future__ import annotations

from typing import Any, assert_type

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_sequence

from attentive_rnn import RRA, EleAttGRU, EleAttLSTM, SequenceClassifier
from attentive_rnn.ops.recurrence import Attention


def test_a_gru_gives_an_output_and_a_state() -> None:
    layer, x = EleAttGRU(4, 5), torch.zeros(3, 2, 4)
    output, h_n = layer(x)
    assert_type(output, Tensor)
    assert_type(h_n, Tensor)
    output, h_n, attention = layer(x, h_n, lengths=torch.tensor([3, 2]), need_attention=True)
    assert_type(attention, list[Tensor | None])
    assert (output.shape, h_n.shape, len(attention)) == ((3, 2, 5), (1, 2, 5), 1)


def test_an_lstm_gives_two_states_and_goes_on_from_them() -> None:
    layer = EleAttLSTM(4, 5)
    output, (h_n, c_n) = layer(torch.zeros(3, 2, 4))
    assert_type(c_n, Tensor)
    frame, state = layer.step(torch.zeros(2, 4), (h_n, c_n))
    assert_type(frame, Tensor)
    assert_type(state, tuple[Tensor, Tensor])
    frame, state, attention = layer.step(torch.zeros(2, 4), state, need_attention=True)
    assert_type(attention, list[Tensor | None])
    assert (output.shape, frame.shape, len(state)) == ((3, 2, 5), (2, 5), 2)


def test_a_packed_sequence_comes_back_packed() -> None:
    output, h_n = EleAttGRU(4, 5)(pack_sequence([torch.zeros(3, 4), torch.zeros(2, 4)]))
    assert_type(output, PackedSequence)
    assert_type(h_n, Tensor)
    assert output.batch_sizes.tolist() == [2, 2, 1]


def test_rra_gives_attention_of_two_kinds() -> None:
    output, _, attention = RRA(4, 5, gate="sigmoid")(torch.zeros(3, 2, 4), need_attention=True)
    assert_type(output, Tensor)
    assert_type(attention, list[Attention])
    assert isinstance(attention[0], Attention)


def test_a_classifier_gives_logits() -> None:
    model, x = SequenceClassifier(4, 3, hidden_size=5), torch.zeros(2, 7, 4)
    logits = model(x, torch.tensor([7, 4]))
    assert_type(logits, Tensor)
    logits, attention = model(x, need_attention=True)
    assert_type(attention, list[Any])
    assert (logits.shape, len(attention)) == ((2, 3), model.layers.num_layers)
