"""A saved model gives the same output again, and a damaged one is a clear error."""

from __future__ import annotations

import json
import shutil
import tracemalloc

import numpy as np
import pytest
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import Compose, OriginAtBodyCentre, Schema, load
from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.options import MAX_FRAMES
from attentive_rnn.training import SavedModel, Standardise, load_model, save_model


def saved(gate="sigmoid", **options):
    train = load("basic-motions").train
    torch.manual_seed(3)
    model = SequenceClassifier(6, 4, 5, 2, gate=gate, **options)
    return SavedModel(model, train.schema, Compose([Standardise([0.1] * 6, [2.0] * 6)]))


@pytest.fixture
def folder(tmp_path):
    save_model(tmp_path / "model", saved())
    return tmp_path / "model"


@pytest.mark.parametrize(
    "options", [{}, {"cell": "lstm", "gate": ["softmax", None]}, {"bidirectional": True, "pool": "last"}]
)
def test_a_model_read_back_gives_the_same_logits(tmp_path, options):
    test = load("basic-motions").test
    one = saved(**options)
    save_model(tmp_path, one)
    again = load_model(tmp_path)
    assert np.array_equal(again.logits(test), one.logits(test))
    assert again.schema == one.schema
    assert again.model.num_parameters == one.model.num_parameters
    assert not again.model.training


def test_a_model_in_float64_stays_one(tmp_path):
    one = saved()
    one.model.double()
    save_model(tmp_path, one)
    assert next(load_model(tmp_path).model.parameters()).dtype == torch.float64


def test_the_order_and_size_of_batches_do_not_change_the_result():
    train = load("japanese-vowels").train
    model = SavedModel(SequenceClassifier(12, 9, 4, 1, dropout=0.5).double(), train.schema, Compose([]))
    one = model.logits(train.subset(range(20)), batch_size=1)
    assert np.allclose(model.logits(train.subset(range(20)), batch_size=7), one, rtol=0, atol=1e-12)
    assert np.allclose(model.logits(train.subset(range(19, -1, -1)))[::-1], one, rtol=0, atol=1e-12)


def test_batches_keep_to_the_bound_and_answers_to_their_order(tmp_path):
    train = load("japanese-vowels").train.subset(range(40))
    model = SavedModel(SequenceClassifier(12, 9, 4, 1).double(), train.schema, Compose([]))
    one = model.logits(train)
    model.max_frames = 50
    padded = [batch.x.shape[0] * batch.x.shape[1] for _, batch in model.batches(train)]
    assert max(padded) <= 50
    assert sum(padded) <= 1.2 * train.lengths.sum()
    assert np.allclose(model.logits(train), one, rtol=0, atol=1e-12)
    save_model(tmp_path, model)
    assert load_model(tmp_path).max_frames == 50


def test_a_model_of_an_earlier_version_has_the_usual_bound(folder):
    file = folder / "config.json"
    values = json.loads(file.read_text())
    del values["max_frames_per_batch"]
    file.write_text(json.dumps(values))
    assert load_model(folder).max_frames == MAX_FRAMES


def test_the_same_model_is_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        save_model(tmp_path / name, saved())
    assert (tmp_path / "one/model.safetensors").read_bytes() == (tmp_path / "two/model.safetensors").read_bytes()


def test_a_saved_model_does_not_insist_on_the_backend_of_its_training(tmp_path):
    save_model(tmp_path, saved(backend="reference"))
    assert load_model(tmp_path).model.config["backend"] == "auto"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text"])
def test_a_damaged_file_is_named(folder, name, damage):
    path = folder / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "text": b"no such thing"}[damage])
    with pytest.raises(ConfigError, match=name.replace(".", r"\.")):
        load_model(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 99}, "format_version is 99, but this version of the package reads 1"),
        ({"schema": None}, "the field 'schema' is missing or not an object"),
        ({"model": {"input_size": 6, "num_classes": 4, "layers": 3}}, "unexpected keyword argument 'layers'"),
        ({"model": {"input_size": 6, "num_classes": 4, "hidden_size": 7}}, "does not fit config.json"),
        ({"model": {"input_size": 6, "num_classes": 5}}, "does not fit config.json"),
        ({"preprocessing": {"name": "no_such_step"}}, "unknown transform 'no_such_step'"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(folder, changes, message):
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values | changes))
    with pytest.raises(ConfigError) as caught:
        load_model(folder)
    assert message in str(caught.value)


def test_weights_of_another_model_are_refused(folder, tmp_path):
    save_model(tmp_path / "other", saved(cell="rnn"))
    shutil.copy(tmp_path / "other/model.safetensors", folder / "model.safetensors")
    with pytest.raises(ConfigError, match=r"does not fit config\.json"):
        load_model(folder)


def test_sequences_with_other_frames_are_refused(folder):
    with pytest.raises(DataError, match=r"missing accelerometer x, .*; unknown LPC cepstrum 1, "):
        load_model(folder).logits(load("japanese-vowels").test)


def test_a_saved_model_knows_a_confidence_from_a_coordinate(tmp_path):
    schema = Schema(("a", "b"), (1, 17, 3), layout="coco-17", coordinates=2)
    saved = SavedModel(SequenceClassifier(51, 2, 6).eval(), schema, OriginAtBodyCentre(0))
    save_model(tmp_path, saved)
    again = load_model(tmp_path)
    assert again.schema == schema
    x = torch.rand(5, 1, 17, 3) + 0.1
    y = again.preprocessing(x, np.random.default_rng(0))
    assert torch.equal(y[..., 2], x[..., 2])
    assert torch.equal(y[..., :2], x[..., :2] - x[0, 0, 0, :2])
    description = json.loads((tmp_path / "config.json").read_text())
    del description["schema"]["coordinates"], description["schema"]["vectors"]  # as versions that do not know them
    (tmp_path / "config.json").write_text(json.dumps(description))
    old = load_model(tmp_path)
    assert torch.equal(old.preprocessing(x, np.random.default_rng(0)), x - x[0, 0, 0])


def test_a_run_folder_is_loaded_as_its_model(finished_run):
    of_run, of_model = load_model(finished_run.path), load_model(str(finished_run.model))
    assert of_run.schema == of_model.schema
    assert all(torch.equal(a, b) for a, b in zip(of_run.model.parameters(), of_model.model.parameters(), strict=True))


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": 10**6},
        {"hidden_size": 10**30},
        {"num_layers": 10**7},
        {"num_layers": 10**12},
        {"cell": "rra", "lags": 10**12},
    ],
)
def test_a_description_of_a_huge_model_is_refused_without_taking_memory(folder, changes):
    values = json.loads((folder / "config.json").read_text())
    values["model"] |= changes
    (folder / "config.json").write_text(json.dumps(values))
    tracemalloc.start()
    with pytest.raises(ConfigError, match=r"config.json"):
        load_model(folder)
    assert tracemalloc.get_traced_memory()[1] < 2**27
    tracemalloc.stop()


def test_sampling_to_a_billion_frames_is_refused(folder):
    values = json.loads((folder / "config.json").read_text())
    values["preprocessing"] = {"name": "uniform_sampling", "frames": 10**9}
    (folder / "config.json").write_text(json.dumps(values))
    with pytest.raises(ConfigError, match=r"config.json: uniform_sampling: frames must be at most 1000000"):
        load_model(folder)


def test_an_unknown_backend_in_a_description_is_refused(folder):
    values = json.loads((folder / "config.json").read_text())
    values["model"]["backend"] = "abacus"
    (folder / "config.json").write_text(json.dumps(values))
    with pytest.raises(ConfigError, match=r"config.json: backend must be .*, got 'abacus'"):
        load_model(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(folder, value):
    tensors = load_tensors((folder / "model.safetensors").read_bytes())
    name = sorted(tensors)[0]
    tensors[name].view(-1)[0] = value
    (folder / "model.safetensors").write_bytes(save_tensors(tensors))
    with pytest.raises(ConfigError, match=rf"model.safetensors: {name} has values that are NaN or infinite"):
        load_model(folder)


def test_an_answer_that_is_not_finite_is_an_error(folder):
    model = load_model(folder)
    dataset = load("basic-motions").test.subset([0])
    with torch.no_grad():
        next(model.model.parameters()).fill_(float("nan"))
    with pytest.raises(ConfigError, match="answer is not finite"):
        model.logits(dataset)
