"""The relative response and its reference, by hand; and what an explanation says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import Compose, Schema, SequenceDataset, load
from attentive_rnn.errors import ConfigError
from attentive_rnn.explain import explain, groups_of, static_modulation, stored_modulation
from attentive_rnn.explain.response import FILE
from attentive_rnn.training import SavedModel


def saved_for(schema: Schema, **options) -> SavedModel:
    model = SequenceClassifier(schema.size, len(schema.classes), hidden_size=5, num_layers=2, **options).eval()
    return SavedModel(model, schema, Compose([]))


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
    found = static_modulation(saved, data.train, batch_size=7)
    np.testing.assert_allclose(found, (after / before).sqrt().detach().numpy(), rtol=1e-5)


def test_padding_and_silent_elements_do_not_count():
    schema = Schema(classes=("a", "b"), shape=(3,))
    sequences = [torch.randn(steps, 3) * torch.tensor([1.0, 0.0, 2.0]) for steps in (2, 9, 4)]
    dataset = SequenceDataset(sequences, [0, 1, 0], [{}] * 3, schema)
    saved = saved_for(schema)
    together, alone = (static_modulation(saved, dataset, batch_size=size) for size in (3, 1))
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    silent = [saved.model(s[None], need_attention=True)[1][0][0, :, 1] for s in sequences]
    np.testing.assert_allclose(together[1], torch.cat(silent).double().pow(2).mean().sqrt().item(), rtol=1e-5)


def test_it_is_measured_once_and_stored_with_the_model(data, tmp_path, monkeypatch):
    saved = saved_for(data.train.schema)
    first = stored_modulation(tmp_path, saved, data.train)
    monkeypatch.setattr(saved.model, "forward", None)
    np.testing.assert_array_equal(stored_modulation(tmp_path, saved, data.train), first)


def test_a_damaged_or_foreign_file_is_named(data, tmp_path):
    stored_modulation(tmp_path, saved_for(data.train.schema), data.train)
    with pytest.raises(ConfigError, match=rf"{FILE}: has 6 numbers for 2 elements"):
        stored_modulation(tmp_path, saved_for(Schema(classes=("a",), shape=(2,))), data.train)
    (tmp_path / FILE).write_bytes(b"nothing")
    with pytest.raises(ConfigError, match=rf"{FILE}: is damaged"):
        stored_modulation(tmp_path, saved_for(data.train.schema), data.train)


def test_a_model_without_a_gate_has_nothing_to_show(data):
    with pytest.raises(ConfigError, match="first layer has no gate"):
        static_modulation(saved_for(data.train.schema, gate=[None, "sigmoid"]), data.train)


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"cell": "lstm", "gate": [None, "sigmoid"]}])
def test_a_deeper_layer_is_explained_by_the_neurons_below_it(data, options, tmp_path):
    saved = saved_for(data.train.schema, **options)
    modulation = stored_modulation(tmp_path, saved, data.train, layer=1)
    found = explain(saved, data.test, modulation, layer=1)[5]
    steps = data.test.sequences[5][None]
    first = SequenceClassifier(**saved.model.config | {"num_layers": 1, "gate": saved.model.layers.gates[0]}).eval()
    weights = {name: saved.model.state_dict()[name] for name in first.state_dict()}
    first.load_state_dict(weights)
    with torch.no_grad():
        below = first.layers(steps.transpose(0, 1))[0][:, 0]
        _, (_, a) = saved.model(steps, need_attention=True)
    a = a[0].mean(-1) if a.dim() == 4 else a[0]
    np.testing.assert_allclose(found.inputs, below, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.attention, a, rtol=1e-4)
    np.testing.assert_allclose(found.response * modulation, a, rtol=1e-4)
    assert found.groups[4].name == "neuron 5"
    assert len(found.groups) == below.shape[1] == (10 if "bidirectional" in options else 5)
    with pytest.raises(ConfigError, match="there is no layer 3: the model's layers go from 1 to 2"):
        explain(saved, data.test, modulation, layer=2)


def test_what_is_stored_of_one_layer_stays_when_another_is_asked_for(data, tmp_path):
    saved = saved_for(data.train.schema)
    first, second = (stored_modulation(tmp_path, saved, data.train, layer) for layer in (0, 1))
    assert (first.shape, second.shape) == ((6,), (5,))
    np.testing.assert_array_equal(stored_modulation(tmp_path, saved, data.train), first)


def test_an_explanation_holds_what_the_model_saw_did_and_attended_to(data):
    saved = saved_for(data.train.schema)
    modulation = static_modulation(saved, data.train)
    found = explain(saved, data.test, modulation, batch_size=7)
    logits = saved.logits(data.test)
    for index in (0, 11, 39):
        _, (a, _) = saved.model(data.test.sequences[index][None], need_attention=True)
        one = found[index]
        assert (one.label, one.predicted) == (data.test.labels[index], logits[index].argmax())
        assert one.probabilities.sum() == pytest.approx(1)
        np.testing.assert_allclose(one.attention, a[0].detach().numpy(), rtol=1e-4)
        np.testing.assert_allclose(one.response * modulation, one.attention)
        np.testing.assert_allclose(one.relevance[:, 0], one.response[:, :3].mean(1))
        top = one.groups[int(one.relevance.mean(0).argmax())].name
        assert one.in_words(1) == f"{top} {one.relevance.mean(0).max():.2f} times the usual"


def test_the_relative_response_keeps_the_energy_of_the_training_set(data):
    saved = saved_for(data.train.schema)
    found = explain(saved, data.train, static_modulation(saved, data.train))
    kept = sum(((one.response * one.inputs) ** 2).sum(0) for one in found)
    np.testing.assert_allclose(kept, sum((one.inputs**2).sum(0) for one in found), rtol=1e-5)


def test_joints_and_axes_make_groups():
    skeleton = groups_of(Schema(classes=(), shape=(2, 20, 3), layout="kinect-20"))
    assert len(skeleton) == 40
    assert (skeleton[11].name, skeleton[11].elements) == ("right hand", (33, 34, 35))
    assert (skeleton[31].name, skeleton[31].elements) == ("right hand (person 2)", (93, 94, 95))
    assert [group.name for group in groups_of(Schema(classes=(), shape=(1, 2, 3)))] == ["joint 0", "joint 1"]
    assert [group.elements for group in groups_of(Schema(classes=(), shape=(3,)))] == [(0,), (1,), (2,)]
    mixed = Schema(classes=(), shape=(4,), features=("left_x", "left_y", "heart rate", "x"))
    assert [group.name for group in groups_of(mixed)] == ["left", "heart rate", "x"]
