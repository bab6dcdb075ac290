"""The relative response and its reference, by hand; and what an explanation says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset, load
from attentive_rnn.errors import ConfigError
from attentive_rnn.explain import measure_usual, stored_usual
from attentive_rnn.explain.response import FILE
from explain.runs import saved_for


@pytest.fixture(scope="module")
def data():
    return load("basic-motions")


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"cell": "lstm", "gate": ["softmax", None]}])
def test_the_static_modulation_is_the_energy_after_over_the_energy_before(data, options):
    saved = saved_for(data.train.schema, **options)
    after = before = 0.0
    for sequence in data.train.sequences:
        _, (a, _) = saved.model(sequence[None], need_attention=True)
        a = a.mean(-1) if a.dim() == 4 else a
        after = after + (a[0] * sequence).double().pow(2).sum(0)
        before = before + sequence.double().pow(2).sum(0)
    found = measure_usual(saved, data.train, batch_size=7)
    np.testing.assert_allclose(found.modulation, (after / before).sqrt().detach().numpy(), rtol=1e-5)


def test_padding_and_silent_elements_do_not_count():
    schema = Schema(classes=("a", "b"), shape=(3,))
    sequences = [torch.randn(steps, 3) * torch.tensor([1.0, 0.0, 2.0]) for steps in (2, 9, 4)]
    dataset = SequenceDataset(sequences, [0, 1, 0], [{}] * 3, schema)
    saved = saved_for(schema)
    together, alone = (measure_usual(saved, dataset, batch_size=size) for size in (3, 1))
    np.testing.assert_allclose(together.modulation, alone.modulation, rtol=1e-5)
    np.testing.assert_allclose(together.mean, torch.cat(sequences).double().mean(0), rtol=1e-5, atol=1e-7)
    silent = [saved.model(s[None], need_attention=True)[1][0][0, :, 1] for s in sequences]
    np.testing.assert_allclose(
        together.modulation[1], torch.cat(silent).double().pow(2).mean().sqrt().item(), rtol=1e-5
    )


def test_it_is_measured_once_and_stored_with_the_model(data, tmp_path, monkeypatch):
    saved = saved_for(data.train.schema)
    first = stored_usual(tmp_path, saved, data.train)
    monkeypatch.setattr(saved.model, "forward", None)
    np.testing.assert_array_equal(stored_usual(tmp_path, saved, data.train), first)


def test_a_damaged_or_foreign_file_is_named(data, tmp_path):
    stored_usual(tmp_path, saved_for(data.train.schema), data.train)
    with pytest.raises(ConfigError, match=rf"{FILE}: has 6 numbers for 2 elements"):
        stored_usual(tmp_path, saved_for(Schema(classes=("a",), shape=(2,))), data.train)
    (tmp_path / FILE).write_bytes(b"nothing")
    with pytest.raises(ConfigError, match=rf"{FILE}: is damaged"):
        stored_usual(tmp_path, saved_for(data.train.schema), data.train)


def test_a_model_without_a_gate_has_nothing_to_show(data):
    with pytest.raises(ConfigError, match="first layer has no gate"):
        measure_usual(saved_for(data.train.schema, gate=[None, "sigmoid"]), data.train)


def test_what_is_stored_of_one_layer_stays_when_another_is_asked_for(data, tmp_path):
    saved = saved_for(data.train.schema)
    first, second = (stored_usual(tmp_path, saved, data.train, layer) for layer in (0, 1))
    assert (first.mean.shape, second.mean.shape) == ((6,), (5,))
    np.testing.assert_array_equal(stored_usual(tmp_path, saved, data.train), first)
