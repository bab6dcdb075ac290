"""Explanations hold the model's answer and attention; groups, and the origins of steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from attentive_rnn import RRA, SequenceClassifier
from attentive_rnn.data import Compose, JoinSteps, Resample, Schema, SequenceDataset, load
from attentive_rnn.errors import ConfigError
from attentive_rnn.explain import Usual, explain, groups_of, measure_usual, stored_usual
from attentive_rnn.explain.explanation import hardest_mistakes, heading, origins
from attentive_rnn.training import SavedModel, Standardise
from explain.runs import explained, saved_for


@pytest.fixture(scope="module")
def data():
    return load("basic-motions")


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"cell": "lstm", "gate": [None, "sigmoid"]}])
def test_a_deeper_layer_is_explained_by_the_neurons_below_it(data, options, tmp_path):
    saved = saved_for(data.train.schema, **options)
    usual = stored_usual(tmp_path, saved, data.train, layer=1)
    found = explain(saved, data.test, usual, layer=1)[5]
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
    np.testing.assert_allclose(found.response * usual.modulation, a, rtol=1e-4)
    let_in = a * (below - torch.from_numpy(usual.mean)).abs()
    np.testing.assert_allclose(found.attended, let_in, rtol=1e-3, atol=1e-5)
    assert found.groups[4].name == "neuron 5"
    assert len(found.groups) == below.shape[1] == (10 if "bidirectional" in options else 5)
    with pytest.raises(ConfigError, match="there is no layer 3: the model's layers go from 1 to 2"):
        explain(saved, data.test, usual, layer=2)


def test_an_explanation_holds_what_the_model_saw_did_and_attended_to(data):
    saved = saved_for(data.train.schema)
    usual = measure_usual(saved, data.train)
    found = explain(saved, data.test, usual, batch_size=7)
    logits = saved.logits(data.test)
    for index in (0, 11, 39):
        _, (a, _) = saved.model(data.test.sequences[index][None], need_attention=True)
        one = found[index]
        assert (one.label, one.predicted) == (data.test.labels[index], logits[index].argmax())
        assert one.probabilities.sum() == pytest.approx(1)
        np.testing.assert_allclose(one.attention, a[0].detach().numpy(), rtol=1e-4)
        np.testing.assert_allclose(one.response * usual.modulation, one.attention)
        attended = one.attention * np.abs(data.test.sequences[index].numpy() - usual.mean)
        np.testing.assert_allclose(one.attended, attended, rtol=1e-5)
        shares = 100 * np.array([attended[:, :3].sum(), attended[:, 3:].sum()]) / attended.sum()
        np.testing.assert_allclose(one.relevance.mean(0), shares)
        assert one.in_words(1) == f"{one.groups[int(shares.argmax())].name} {shares.max():.0f} % of the attended input"
        paper = replace(one, shows="relative")
        np.testing.assert_allclose(paper.relevance[:, 0], one.response[:, :3].mean(1))
        top = one.groups[int(paper.relevance.mean(0).argmax())].name
        assert paper.in_words(1) == f"{top} {paper.relevance.mean(0).max():.2f} times the usual"


def test_the_relative_response_keeps_the_energy_of_the_training_set(data):
    saved = saved_for(data.train.schema)
    found = explain(saved, data.train, measure_usual(saved, data.train))
    kept = sum(((one.response * one.inputs) ** 2).sum(0) for one in found)
    np.testing.assert_allclose(kept, sum((one.inputs**2).sum(0) for one in found), rtol=1e-5)


def test_the_axes_of_the_only_sensor_are_told_apart():
    groups = groups_of(Schema(("a", "b"), (3,), features=("acc_x", "acc_y", "acc_z")))
    assert [(group.name, group.elements) for group in groups] == [("acc_x", (0,)), ("acc_y", (1,)), ("acc_z", (2,))]


def test_joints_and_axes_make_groups():
    skeleton = groups_of(Schema(classes=(), shape=(2, 20, 3), layout="kinect-20"))
    assert len(skeleton) == 40
    assert (skeleton[11].name, skeleton[11].elements) == ("right hand", (33, 34, 35))
    assert (skeleton[31].name, skeleton[31].elements) == ("right hand (person 2)", (93, 94, 95))
    assert [group.name for group in groups_of(Schema(classes=(), shape=(1, 2, 3)))] == ["joint 0", "joint 1"]
    assert [group.elements for group in groups_of(Schema(classes=(), shape=(3,)))] == [(0,), (1,), (2,)]
    mixed = Schema(classes=(), shape=(4,), features=("left_x", "left_y", "heart rate", "x"))
    assert [group.name for group in groups_of(mixed)] == ["left", "heart rate", "x"]


@pytest.fixture(scope="module")
def motions(feature_run):
    return explained(feature_run)


def test_the_hardest_mistakes_are_the_ones_with_the_least_probability_for_the_truth(motions):
    explanations, _ = motions
    worst = hardest_mistakes(explanations, 4)
    assert worst
    wrong = sorted(one.probabilities[one.label] for one in explanations if one.predicted != one.label)
    assert [one.probabilities[one.label] for one in worst] == wrong[: len(worst)]


def test_the_frames_that_mattered_are_those_of_most_attention(motions):
    (one, *_), _ = motions
    total = one.attended.sum(1)
    assert sorted(total[one.key_steps()]) == sorted(total)[-3:]


def test_the_lags_of_every_layer_are_averaged_over_the_steps():
    schema = Schema(("a", "b"), (3,))
    data = SequenceDataset([torch.randn(6, 3)], [0], [{}], schema)
    model = SequenceClassifier(3, 2, hidden_size=4, num_layers=2)
    model.layers = RRA(3, 4, lags=2, num_layers=2, norm="content", gate="sigmoid")
    (one,) = explain(SavedModel(model.eval(), schema, Compose([])), data, Usual(np.zeros(3), np.ones(3)))
    _, _, asked = model.layers(data.sequences[0][:, None], need_attention=True)
    for found, wanted in zip(one.lags, asked, strict=True):
        np.testing.assert_allclose(found, wanted.lags[:, 0].mean(0).detach(), rtol=1e-5)
    np.testing.assert_allclose(one.attention, asked[0].inputs[:, 0].detach(), rtol=1e-5)


def test_a_heading_says_the_truth_and_the_answer(motions):
    explanations, classes = motions
    for one in explanations:
        wanted = "recognised" if one.right else f"taken for {classes[one.predicted]}"
        assert heading(one, classes).startswith(f"{classes[int(one.label)]}, {wanted}")


def test_origins_follow_moves_and_joins_but_no_mixture():
    joined = Compose([JoinSteps(2), Standardise([0.5, 0.5], [2.0, 2.0])])
    assert origins(joined, (6, 1)).tolist() == [[0, 1], [2, 3], [4, 5]]
    assert origins(Resample(30, 20), (6, 1)) is None
