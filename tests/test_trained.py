"""A run from Python: it labels, is scored, explains and streams whatever holds sequences."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow as pa
import pytest
import torch

import attentive_rnn
from attentive_rnn.data import load as load_data
from attentive_rnn.data.formats import npz
from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.training import load_model
from explain.runs import feature_run, image_run, number_run, plain_run, skeleton_run, skeletons

__all__ = ["feature_run", "image_run", "number_run", "plain_run", "skeleton_run"]


@pytest.fixture(scope="module")
def run(feature_run):
    return attentive_rnn.load(feature_run.path)


@pytest.fixture(scope="module")
def test_part():
    return load_data("basic-motions").test


def test_a_run_and_its_model_folder_answer_alike(run, feature_run, test_part):
    alone = attentive_rnn.load(str(feature_run.model))
    assert (run.folder.path, alone.folder.path) == (feature_run.path, feature_run.path)
    expected = load_model(feature_run.path).logits(test_part).argmax(1)
    for one in (run, alone):
        prediction = one.predict(test_part)
        assert prediction.labels == [test_part.schema.classes[i] for i in expected]
        assert prediction.probabilities.sum(1) == pytest.approx(np.ones(40))


def test_arrays_lists_batches_and_paths_are_answered_alike(run, test_part, tmp_path):
    arrays = [sequence.numpy() for sequence in test_part.sequences[:6]]
    expected = run.predict(arrays).probabilities
    assert run.predict(arrays[2]).probabilities == pytest.approx(expected[2:3], abs=1e-6)
    assert run.predict(np.stack(arrays)).probabilities == pytest.approx(expected, abs=1e-6)
    padded = np.concatenate([np.stack(arrays), np.full((6, 9, 6), np.nan)], axis=1)
    lengths = [len(arrays[0])] * 6
    assert run.predict(padded, lengths=lengths).probabilities == pytest.approx(expected, abs=1e-6)
    (tmp_path / "six.npz").write_bytes(npz.to_bytes(test_part.subset(range(6))))
    assert run.predict(tmp_path / "six.npz").probabilities == pytest.approx(expected, abs=1e-6)


def test_a_table_in_memory_is_answered_as_its_sequences(run, test_part):
    names = test_part.schema.features
    columns = {name: np.concatenate([s[:, i].numpy() for s in test_part.sequences[:3]]) for i, name in enumerate(names)}
    columns["id"] = np.repeat([0, 1, 2], [len(s) for s in test_part.sequences[:3]])
    columns["label"] = [test_part.schema.classes[test_part.labels[i]] for i in columns["id"]]
    expected = run.predict([s.numpy() for s in test_part.sequences[:3]]).probabilities
    for table in (columns, pa.table(columns)):
        prediction = run.predict(table)
        assert prediction.probabilities == pytest.approx(expected, abs=1e-6)
        assert prediction.truth == [test_part.schema.classes[i] for i in test_part.labels[:3]]
        assert prediction.scores["count"] == 3


def test_the_most_probable_classes_come_first(run, test_part):
    prediction = run.predict(test_part)
    for label, shares, top in zip(prediction.labels, prediction.probabilities, prediction.top(3), strict=True):
        assert top[0] == (label, shares.max())
        assert [share for _, share in top] == sorted(shares, reverse=True)[:3]
    assert len(prediction.top(9)[0]) == 4
    with pytest.raises(ConfigError, match="top 0"):
        prediction.top(0)


def test_scores_are_those_of_the_run_and_of_given_data(run, feature_run, test_part):
    test = feature_run.read_results()["test"]
    assert run.evaluate() == test
    again = run.evaluate(test_part)
    assert {key: again[key] for key in ("accuracy", "confusion", "classes")} == {
        key: test[key] for key in ("accuracy", "confusion", "classes")
    }
    arrays, labels = [s.numpy() for s in test_part.sequences], [test_part.schema.classes[i] for i in test_part.labels]
    assert run.evaluate(arrays, labels)["confusion"] == test["confusion"]
    with pytest.raises(DataError, match="no sequence has a label"):
        run.evaluate(arrays)
    with pytest.raises(ConfigError, match="no data are given"):
        run.evaluate(labels=labels)
    with pytest.raises(ConfigError, match="of arrays"):
        run.evaluate(test_part, labels)


def test_numbers_are_predicted(number_run):
    run = attentive_rnn.load(number_run.path)
    test = load_data("adding", length=12, count=60, test_count=30).test
    prediction = run.predict(test)
    assert prediction.labels == pytest.approx(load_model(number_run.path).logits(test)[:, 0].tolist())
    assert prediction.probabilities.shape == (30, 0)
    assert prediction.scores["rmse"] == pytest.approx(number_run.read_results()["test"]["rmse"])
    with pytest.raises(ConfigError, match="one of classes"):
        prediction.top(1)


def test_a_sequence_is_explained_with_the_training_data_and_later_without(skeleton_run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(skeleton_run.path, copy)
    (copy / "model" / "static_modulation.safetensors").unlink(missing_ok=True)
    one = skeletons().sequences[3]
    (explained,) = attentive_rnn.load(copy).explain(one)
    assert explained.response.shape == (len(one), 60)
    shutil.copytree(copy / "model", tmp_path / "alone")
    alone = attentive_rnn.load(tmp_path / "alone")
    assert alone.folder is None
    assert np.array_equal(alone.explain(one)[0].response, explained.response)
    (tmp_path / "alone" / "static_modulation.safetensors").unlink()
    with pytest.raises(ConfigError, match="a model without its run"):
        alone.explain(one)
    with pytest.raises(ConfigError, match="a model without its run"):
        alone.evaluate()


def test_images_are_labelled_and_explained(image_run):
    run = attentive_rnn.load(image_run.path)
    test = run.splits().test
    prediction = run.predict(test)
    assert prediction.scores["accuracy"] == image_run.read_results()["test"]["accuracy"]
    assert len(run.explain(test.subset([0, 1]))) == 2


def test_frames_are_recognised_as_they_come(skeleton_run):
    run = attentive_rnn.load(skeleton_run.path)
    frames = skeletons().sequences[0]
    recognizer = run.stream(hold=1)
    *_, last = [recognizer.push(frame) for frame in frames]
    assert last.probabilities == pytest.approx(run.predict(frames).probabilities[0], abs=1e-5)


def test_sequences_without_a_name_count_from_0_wherever_they_are_answered(skeleton_run):
    run = attentive_rnn.load(skeleton_run.path)
    two = [sequence.numpy() for sequence in skeletons().sequences[:2]]
    assert run.predict(two).names == ["0", "1"]
    assert [one.name for one in run.explain(two)] == ["0", "1"]


def test_what_goes_with_files_does_not_go_with_arrays(run):
    with pytest.raises(ConfigError, match="take no options, got missing"):
        run.predict(np.zeros((5, 6)), options={"missing": "zero"})
    with pytest.raises(ConfigError, match="lengths and labels are of arrays"):
        run.predict("x.ts", lengths=[1])
    with pytest.raises(DataError, match="no such file"):
        run.predict("x.ts")


def test_weights_that_answer_nothing_are_an_error(run, feature_run):
    broken = attentive_rnn.load(feature_run.path)
    with torch.no_grad():
        broken.saved.model.classifier.bias.fill_(torch.nan)
    with pytest.raises(ConfigError, match="answer is not finite"):
        broken.predict(np.zeros((5, 6)))


def test_a_folder_that_is_no_run_is_one_error(tmp_path):
    with pytest.raises(ConfigError, match="is not a run folder"):
        attentive_rnn.load(tmp_path)
    with pytest.raises(ConfigError, match="there is no such run folder"):
        attentive_rnn.load(tmp_path / "none")
