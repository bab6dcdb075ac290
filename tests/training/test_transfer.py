"""A model that starts from a run has its weights where joints, persons and classes are the same, and nowhere else."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset, get_layout
from attentive_rnn.data.formats import npz
from attentive_rnn.errors import ConfigError
from attentive_rnn.experiments.compare import compare
from attentive_rnn.models import SequenceClassifier
from attentive_rnn.training import load_model, resume, train
from attentive_rnn.training.checkpoint import read_checkpoint
from attentive_rnn.training.run_folder import read_rows
from attentive_rnn.training.setup import build_model, load_splits
from attentive_rnn.training.transfer import match_inputs, starting_model

NTU, KINECT = get_layout("ntu-25").joints, get_layout("kinect-20").joints


def write(path, shape, classes=("sit", "stand"), **schema):
    """An .npz of sequences whose classes differ in their mean."""
    rng = np.random.default_rng(0)
    labels = [i % len(classes) for i in range(24)]
    frames = [torch.from_numpy((rng.normal(size=(4 + y, *shape)) + y).astype(np.float32)) for y in labels]
    data = SequenceDataset(frames, labels, [{}] * 24, Schema(classes, shape, **schema), "made")
    path.write_bytes(npz.to_bytes(data))
    return str(path)


@pytest.fixture(scope="module")
def make(small_config, tmp_path_factory):
    """A configuration of skeletons of a layout, with a bidirectional gated layer."""
    folder = tmp_path_factory.mktemp("made")

    def config(layout, persons=1, classes=("sit", "stand"), values=3, **changes):
        shape = (persons, len(get_layout(layout).joints), values)
        path = write(folder / f"{layout}-{persons}-{values}-{len(classes)}.npz", shape, classes, layout=layout)
        return small_config("paper/skeleton", data__path=path, model__bidirectional="true", **changes)

    return config


@pytest.fixture(scope="module")
def ntu_run(make, tmp_path_factory):
    """A finished run on two persons of 25 joints."""
    return train(make("ntu-25", persons=2), tmp_path_factory.mktemp("runs"))


def start(config):
    return starting_model(config, load_splits(config).train.schema)


def test_joints_are_matched_by_name_person_and_coordinate():
    source = Schema(("a",), (2, 25, 3), layout="ntu-25")
    columns, by = match_inputs(source, Schema(("a",), (1, 20, 3), layout="kinect-20"))
    assert by == "joint name"
    assert [(NTU[i // 3], i % 3) for i in columns] == [(name, value) for name in KINECT for value in range(3)]


def test_what_the_source_does_not_have_is_left_out():
    source = Schema(("a",), (1, 20, 3), layout="kinect-20")
    columns, _ = match_inputs(source, Schema(("a",), (2, 25, 3), layout="ntu-25"))
    joints = [columns[i] for i in range(0, 75, 3)]
    assert [NTU[v] for v, i in enumerate(joints) if i is None] == [
        *("left hand tip", "left thumb", "right hand tip", "right thumb")
    ]
    assert joints[NTU.index("neck")] == 3 * KINECT.index("shoulder centre")
    assert columns[75:] == [None] * 75


def test_features_are_matched_by_name_and_without_names_by_position():
    names = Schema(("a",), (3,), features=("x", "y", "z"))
    assert match_inputs(names, Schema(("a",), (3,), features=("z", "w", "x"))) == ([2, None, 0], "feature name")
    assert match_inputs(names, Schema(("a",), (3,))) == ([0, 1, 2], "position")


def test_of_text_the_words_are_matched():
    some, others = Schema(("a",), (1,), vocabulary=("", "a", "the")), Schema(("a",), (1,), vocabulary=("the", "", "an"))
    assert match_inputs(some, others) == ([2, 0, None], "word")
    with pytest.raises(ConfigError, match="it reads words, and this model does not"):
        match_inputs(some, Schema(("a",), (1,)))


def test_on_the_joints_that_both_know_the_layer_computes_what_it_did(make, ntu_run):
    model, transfer = start(make("kinect-20", classes=("run", "walk", "jump"), init_from=str(ntu_run.path), seed="5"))
    assert (transfer.inputs, transfer.of, transfer.new, transfer.head) == (60, 60, (), False)
    old = load_model(ntu_run.model).model
    x = torch.randn(3, 2, 1, 20, 3)
    wide = torch.zeros(3, 2, 2, 25, 3)
    wide[:, :, 0, [NTU.index(name) for name in KINECT]] = x[:, :, 0]
    model.eval()
    output, _, (attention,) = model.layers(x.flatten(2), need_attention=True)
    expected, _, (seen,) = old.layers(wide.flatten(2), need_attention=True)
    torch.testing.assert_close(output, expected)
    known = [3 * NTU.index(name) + value for name in KINECT for value in range(3)]
    torch.testing.assert_close(attention, seen[:, :, known])  # (T, B, D, directions)


def test_a_low_rank_gate_is_taken_over_by_its_inputs_and_made_of_a_full_one(make, ntu_run, tmp_path):
    joints = [3 * NTU.index(name) + value for name in KINECT for value in range(3)]
    config = make("kinect-20", init_from=str(ntu_run.path), model__gate_rank="7")
    low = SequenceClassifier.from_full(load_model(ntu_run.model).model, 7).state_dict()
    own = start(config)[0].state_dict()
    assert torch.equal(own["layers.weight_ia_l0"], low["layers.weight_ia_l0"][:, joints])
    assert torch.equal(own["layers.weight_ua_l0_reverse"], low["layers.weight_ua_l0_reverse"][joints])
    for name in ("weight_ha_l0", "weight_ha_l1", "weight_ua_l1", "weight_ia_l1"):
        if f"layers.{name}" in low:
            assert torch.equal(own[f"layers.{name}"], low[f"layers.{name}"])

    run = train(make("ntu-25", persons=2, model__gate_rank="7"), tmp_path)
    saved = load_model(run.model).model.state_dict()
    own = start(make("kinect-20", init_from=str(run.path), model__gate_rank="7"))[0].state_dict()
    assert torch.equal(own["layers.weight_ia_l0"], saved["layers.weight_ia_l0"][:, joints])
    with pytest.raises(ConfigError, match=r"its model.gate_rank is 7, here it is None; they must be the same"):
        start(make("kinect-20", init_from=str(run.path)))


def test_joints_persons_and_classes_that_are_new_start_as_the_recipe_says(make, ntu_run, tmp_path):
    narrow = train(make("kinect-20", init_from=str(ntu_run.path)), tmp_path)
    config = make("ntu-25", persons=2, classes=("sit", "stand", "lie"), init_from=str(narrow.model), seed="3")
    model, transfer = start(config)
    fresh = build_model(config, load_splits(config).train.schema).state_dict()
    given, own = load_model(narrow.model).model.state_dict(), model.state_dict()
    assert transfer.new == ("left hand tip", "left thumb", "right hand tip", "right thumb", "person 2")
    tip = 3 * NTU.index("left hand tip")
    for key in ("weight_ih_l0", "weight_ia_l0_reverse"):
        assert torch.equal(own[f"layers.{key}"][:, tip], fresh[f"layers.{key}"][:, tip])
        assert torch.equal(own[f"layers.{key}"][:, 75:], fresh[f"layers.{key}"][:, 75:])
    assert torch.equal(own["layers.weight_ha_l0"][tip], fresh["layers.weight_ha_l0"][tip])
    assert torch.equal(own["layers.bias_a_l0"][0], given["layers.bias_a_l0"][0])
    assert torch.equal(own["layers.weight_hh_l0"], given["layers.weight_hh_l0"])
    assert torch.equal(own["classifier.weight"], fresh["classifier.weight"])


def test_the_same_data_start_where_the_run_ended(make, ntu_run, tmp_path, quiet):
    config = make("ntu-25", persons=2, init_from=str(ntu_run.path))
    model, transfer = start(config)
    assert transfer.head
    for name, tensor in load_model(ntu_run.model).model.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)
    run = train(config, tmp_path, console=quiet)
    assert read_rows(run.metrics)[0]["train_loss"] < read_rows(ntu_run.metrics)[0]["train_loss"]
    assert "150 of 150 inputs by joint name; the classes are the same" in quiet.file.getvalue()
    assert json.loads(run.transfer.read_text())["run"] == str(ntu_run.path)


def test_words_that_both_know_keep_their_embedding_and_the_layers_their_weights(small_config, tmp_path):
    def text(name, words):
        rng = np.random.default_rng(0)
        sequences = [torch.from_numpy(rng.integers(0, len(words), (5, 1)).astype(np.float32)) for _ in range(12)]
        data = SequenceDataset(sequences, [0, 1] * 6, [{}] * 12, Schema(("no", "yes"), (1,), vocabulary=words), name)
        (tmp_path / f"{name}.npz").write_bytes(npz.to_bytes(data))
        return {"data__path": str(tmp_path / f"{name}.npz"), "model__embedding_size": "4", "data__standardise": "false"}

    run = train(small_config("sequence", **text("old", ("the", "a", "cat"))), tmp_path / "runs")
    model, transfer = start(small_config("sequence", **text("new", ("dog", "cat", "the")), init_from=str(run.path)))
    assert str(transfer).endswith(
        "2 of 3 inputs by word; new: 1 word; the classes are the same, and so is the linear layer"
    )
    given, own = load_model(run.model).model.state_dict(), model.state_dict()
    assert torch.equal(own["embedding.weight"][[2, 1]], given["embedding.weight"][[0, 2]])
    assert torch.equal(own["layers.weight_ia_l0"], given["layers.weight_ia_l0"])


def test_a_run_goes_on_although_the_one_it_started_from_is_gone(make, ntu_run, tmp_path, quiet):
    source = shutil.copytree(ntu_run.path, tmp_path / "source")
    run = train(make("kinect-20", init_from=str(source)), tmp_path / "runs", console=quiet)
    whole = read_checkpoint(run.best)["model"]
    run.results.unlink()
    shutil.rmtree(source)
    again = read_checkpoint(resume(run, console=quiet).best)["model"]
    assert all(torch.equal(tensor, again[name]) for name, tensor in whole.items())


def test_other_steps_before_the_model_are_pointed_out(make, ntu_run):
    config = make("kinect-20", init_from=str(ntu_run.path), data__standardise="true")
    assert "other steps, which may change what the weights mean: nothing; here standardise" in str(start(config)[1])


def test_a_confidence_in_place_of_z_is_pointed_out(make, ntu_run):
    told = "The values of its joints are x, y, z; here they are x, y, confidence"
    config = make("kinect-20", init_from=str(ntu_run.path))
    assert told not in str(start(config)[1])
    config.data.options["coordinates"] = 2
    assert told in str(start(config)[1])


@pytest.mark.parametrize(
    ("layout", "changes", "message"),
    [
        ("shrec-22", {}, "no joint name is in both shrec-22 and ntu-25"),
        ("kinect-20", {"model__gate": "null"}, "its model.gate is 'sigmoid', here it is None; they must be the same"),
        ("kinect-20", {"model__hidden_size": "7"}, "its model.hidden_size is 6, here it is 7"),
        ("kinect-20", {"values": 2}, "its joints have 3 values each, these 2"),
        ("kinect-20", {"init_from": "nowhere"}, "nowhere: there is no such run folder"),
    ],
)
def test_a_run_that_does_not_fit_is_one_clear_error_and_leaves_no_folder(
    make, ntu_run, tmp_path, layout, changes, message
):
    config = make(layout, **{"init_from": str(ntu_run.path)} | changes)
    with pytest.raises(ConfigError, match=message):
        train(config, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_features_without_names_must_be_as_many(ntu_run, small_config, tmp_path):
    path = write(tmp_path / "features.npz", (12,))
    config = small_config("paper/skeleton", data__path=path, model__bidirectional="true", init_from=str(ntu_run.path))
    with pytest.raises(ConfigError, match="its frames have 150 inputs, these 12, and without names"):
        train(config, tmp_path)


def test_compare_refuses_to_start_several_models_from_one_run(make, ntu_run, tmp_path):
    with pytest.raises(ConfigError, match="init_from must be null: compare trains several models"):
        compare(make("kinect-20", init_from=str(ntu_run.path)), tmp_path, [0])
