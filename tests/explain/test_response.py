"""The relative response and its reference, by hand; and what an explanation says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import Compose, MotionFeatures, OriginAtBodyCentre, Schema, SequenceDataset, load
from attentive_rnn.errors import ConfigError
from attentive_rnn.explain import Usual, explain, measure_usual, stored_usual
from attentive_rnn.explain.response import FILE, observe
from attentive_rnn.training import SavedModel
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
    silent = torch.cat([saved.model(s[None], need_attention=True)[1][0][0, :, 1] for s in sequences])
    np.testing.assert_allclose(together.modulation[1], silent.double().pow(2).mean().sqrt().item(), rtol=1e-5)


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


def test_joints_that_are_not_seen_count_neither_for_the_mean_nor_as_attended_input():
    torch.manual_seed(0)
    schema = Schema(("a", "b"), (1, 20, 3), layout="kinect-20")
    sequences = [5 + torch.randn(steps, 1, 20, 3) for steps in (6, 4)]
    sequences[0][2:, 0, 11] = 0  # the right hand is lost
    sequences[1][:, 0, 7] = 0
    data = SequenceDataset(sequences, [0, 1], [{}, {}], schema)
    saved = saved_for(schema)
    usual = measure_usual(saved, data, batch_size=1)
    hand = torch.cat([sequences[0][:2, 0, 11], sequences[1][:, 0, 11]]).double().mean(0)
    np.testing.assert_allclose(usual.mean.reshape(20, 3)[11], hand, rtol=1e-5)
    np.testing.assert_allclose(usual.mean.reshape(20, 3)[7], sequences[0][:, 0, 7].double().mean(0), rtol=1e-5)
    first, second = explain(saved, data, usual)
    assert (first.relevance[:2, 11] > 0).all()
    assert not first.relevance[2:, 11].any()
    assert not second.relevance[:, 7].any()
    assert first.relevance.sum(1).mean() == pytest.approx(100)


def test_a_joint_at_the_origin_is_seen_and_one_that_is_absent_there_is_not():
    schema = Schema(("a", "b"), (1, 20, 3), layout="kinect-20")
    frames = torch.randn(5, 1, 20, 3, generator=torch.Generator().manual_seed(1))
    frames[3:, 0, 4] = 0
    data = SequenceDataset([frames], [0], [{}], schema)
    model = SequenceClassifier(60, 2, hidden_size=5).eval()
    saved = SavedModel(model, schema, Compose([OriginAtBodyCentre(0)]))  # puts joint 0 of the first frame at the origin
    ((_, _, _, seen),) = observe(saved, data)
    present = seen.present[:, 0].reshape(5, 20, 3).all(-1)
    assert present[0, 0]
    assert present[:, 4].tolist() == [True, True, True, False, False]
    assert present.sum() == 98
    (one,) = explain(saved, data, Usual(np.full(60, 9.0), np.ones(60)))
    assert one.relevance[0, 0] > 0
    assert not one.relevance[3:, 4].any()


def test_positions_and_velocities_of_a_joint_are_added_up():
    schema = Schema(("a", "b"), (1, 20, 3), layout="kinect-20")
    frames = torch.randn(5, 1, 20, 3, generator=torch.Generator().manual_seed(1))
    frames[2, 0, 11] = 0  # seen before and after
    data = SequenceDataset([frames], [0], [{}], schema)
    motion = MotionFeatures()
    width = motion.schema_after(schema).size
    saved = SavedModel(SequenceClassifier(width, 2, hidden_size=5).eval(), schema, Compose([motion]))
    usual = measure_usual(saved, data)
    (one,) = explain(saved, data, usual)
    assert (len(one.groups), len(one.groups[11].elements)) == (20, width // 20)
    let_in = one.attention * np.abs(one.inputs - usual.mean)
    let_in = let_in.reshape(5, 20, -1).sum(-1)
    let_in[2, 11] = 0
    np.testing.assert_allclose(one.relevance, 100 * 5 * let_in / let_in.sum(), rtol=1e-6)


def test_the_mean_of_one_hot_inputs_is_their_frequency_so_that_the_one_that_is_on_is_attended_to_most():
    steps = torch.tensor([0, 1, 2, 0, 0, 3])
    data = SequenceDataset([torch.nn.functional.one_hot(steps, 4).float()], [0], [{}], Schema(("a", "b"), (4,)))
    saved = saved_for(data.schema, init="open")  # a gate that is nearly even
    usual = measure_usual(saved, data)
    np.testing.assert_allclose(usual.mean, [3 / 6, 1 / 6, 1 / 6, 1 / 6], rtol=1e-6)
    (one,) = explain(saved, data, usual)
    np.testing.assert_allclose(one.attended, one.attention * np.abs(one.inputs - usual.mean), rtol=1e-6)
    rare = [1, 2, 5]
    assert one.relevance[rare].argmax(1).tolist() == steps[rare].tolist()


def test_of_words_the_mean_is_that_of_the_vectors_of_the_training_words():
    schema = Schema(("bad", "good"), (1,), vocabulary=("<unknown>", "a", "film", "fine"))
    data = SequenceDataset(
        [torch.tensor(words)[:, None] for words in ([1, 2, 3], [1, 1, 2, 2, 1])], [0, 1], [{}] * 2, schema
    )
    model = SequenceClassifier(1, 2, hidden_size=4, num_layers=1, vocabulary_size=4, embedding_size=8).eval()
    saved = SavedModel(model, schema, Compose([]))
    usual = measure_usual(saved, data)
    vectors = model.embedding.weight.detach().double()
    np.testing.assert_allclose(usual.mean, (4 * vectors[1] + 3 * vectors[2] + vectors[3]) / 8, rtol=1e-4, atol=1e-6)
    one = explain(saved, data, usual)[1]
    assert one.relevance.sum() == pytest.approx(100)
    first, second = one.in_words(2).split(" of the attended input")[0].split(", ")
    assert first.split()[0] in ("a", "film")
    assert first.endswith(" %")
    assert second.endswith(" %")


def test_a_folder_of_an_earlier_version_is_measured_anew_and_without_training_data_nothing_is_known(data, tmp_path):
    saved = saved_for(data.train.schema)
    assert stored_usual(tmp_path, saved, None) is None
    whole = stored_usual(tmp_path, saved, data.train)
    (tmp_path / FILE).write_bytes(save({"static_modulation": whole.modulation}))
    assert stored_usual(tmp_path, saved, None) is None
    np.testing.assert_array_equal(stored_usual(tmp_path, saved, data.train).mean, whole.mean)
    np.testing.assert_array_equal(stored_usual(tmp_path, saved, None).mean, whole.mean)
