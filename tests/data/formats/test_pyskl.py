import pickle

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset, Splits, check, load, recognise
from attentive_rnn.data.formats.pyskl import read, write
from attentive_rnn.errors import ConfigError, DataError
from data.damage import read_or_refuse
from data.writers import put_pickle, pyskl_annotation, pyskl_content

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_key_points_and_scores_are_read_from_every_protocol(tmp_path, protocol):
    written = pyskl_content()
    train, test = load("pyskl", put_pickle(tmp_path / "d.pkl", written, protocol))
    assert (len(train), len(test)) == (4, 2)
    assert train.schema.layout == "coco-17"
    assert train.schema.shape == (2, 17, 3)
    for sample, source in zip([*train, *test], written["annotations"], strict=True):
        x = sample.sequence.transpose(0, 1).numpy()
        people = min(2, len(source["keypoint"]))
        np.testing.assert_array_equal(x[:people, ..., :2], np.float32(source["keypoint"][:2]))
        np.testing.assert_array_equal(x[:people, ..., 2], np.float32(source["keypoint_score"][:2]))
        assert not x[people:].any()
        assert sample.label == source["label"]
        assert sample.meta == {"name": source["frame_dir"]}


def test_scores_and_people_can_be_left_out(tmp_path):
    path = put_pickle(tmp_path / "d.pkl", pyskl_content())
    assert read(path, scores="drop").schema.shape == (2, 17, 2)
    assert read(path, persons=1).schema.shape == (1, 17, 3)
    assert read(path, persons=9).schema.shape == (3, 17, 3)


def test_names_of_ntu_give_its_classes_and_meta(tmp_path):
    names = ["S001C002P003R001A002", "S017C001P001R002A060"]
    annotations = [pyskl_annotation(n, int(n[-3:]) - 1, joints=25, coordinates=3) for n in names]
    split = {"xsub_train": names[:1], "xsub_val": names[1:], "xview_train": names[1:], "xview_val": names[:1]}
    path = put_pickle(tmp_path / "ntu60_3danno.pkl", {"split": split, "annotations": annotations})
    train, test = load("pyskl", path, split="xsub")
    assert train.schema.layout == "ntu-25"
    assert len(train.schema.classes) == 60
    assert test.schema.classes[test.labels[0]] == "walking apart from each other"
    assert train[0].meta["view"] == 2
    with pytest.raises(ConfigError, match="split must be one of 'xsub', 'xview', got 'xset'"):
        load("pyskl", path, split="xset")
    with pytest.raises(DataError, match="not one split but 2; choose with split=NAME: 'xsub', 'xview'"):
        load("pyskl", path)
    assert check(path).splits == {"all": 2}


def test_the_compact_variant_gathers_people_by_frame(tmp_path):
    people = RNG.uniform(0.5, 1, (4, 17, 3)).astype(np.float32)
    people[:, :, 2] = np.array([0.2, 0.9, 0.5, 0.4])[:, None]
    compact = {
        "frame_dir": "v",
        "label": 1,
        "total_frames": 9,
        "frame_inds": np.array([0, 0, 3, 7], dtype=np.int64),
        "keypoint": people,
        "box_score": np.ones(4, dtype=np.float32),
        "valid": {0.5: 3},
    }
    path = put_pickle(tmp_path / "k400.pkl", {"split": {}, "annotations": [compact]})
    x = read(path)[0].sequence.numpy()
    np.testing.assert_array_equal(x[0], people[[1, 0]])
    np.testing.assert_array_equal(x[1:, 0], people[2:])
    assert not x[1:, 1].any()
    assert "6 frames without anybody are left out, of 1 of 1 sequences" in read(path).notes[0]


def test_what_is_written_is_read_again(tmp_path):
    schema = Schema(("0", "1"), (2, 25, 3), layout="ntu-25")
    parts = [SequenceDataset([torch.rand(3 + i, 2, 25, 3)], [i], [{"name": f"s{i}"}], schema, "made") for i in (0, 1)]
    write(tmp_path / "out.pkl", Splits(*parts))
    for before, after in zip(parts, load("pyskl", tmp_path / "out.pkl"), strict=True):
        assert after.schema == schema
        assert (before[0].sequence == after[0].sequence).all()
        assert before[0].label == after[0].label
    stored = pickle.loads((tmp_path / "out.pkl").read_bytes())
    assert stored["annotations"][1]["keypoint"].shape == (2, 4, 25, 3)
    scored = put_pickle(tmp_path / "d.pkl", pyskl_content())
    write(tmp_path / "again.pkl", load("pyskl", scored), split="1")
    assert "keypoint_score" in pickle.loads((tmp_path / "again.pkl").read_bytes())["annotations"][0]
    for a, b in zip(load("pyskl", scored).train, load("pyskl", tmp_path / "again.pkl").train, strict=True):
        assert (a.sequence == b.sequence).all()
    with pytest.raises(DataError, match="the sequence s0 is there twice"):
        write(tmp_path / "twice.pkl", Splits(parts[0], parts[0]))


def bad(**changes):
    return pyskl_content(annotations=[pyskl_annotation("v", **changes)])


ERRORS = {
    "not a pickle": (b"hello", "is not read as a pickle"),
    "truncated": (pickle.dumps(pyskl_content())[:-100], "is not read as a pickle"),
    "a number": (3, "must be {"),
    "no annotations": ({"split": {}}, "at least one annotation"),
    "an annotation that is a list": (pyskl_content(annotations=[[1]]), "annotation 0: must be a dict"),
    "no name": (bad(frame_dir=None), "the field 'frame_dir' must be there"),
    "a label in words": (bad(label="sit"), "the field 'label' must be there and be of type int"),
    "a label far too large": (bad(label=10**6), "the label 1000000 is too large"),
    "no key points": (bad(keypoint=None), "'keypoint' must be an array of 4 axes"),
    "a list of key points": (bad(keypoint=[[1.0]]), "'keypoint' must be an array of 4 axes"),
    "three axes": (bad(keypoint=np.zeros((4, 17, 2))), "'keypoint' must be an array of 4 axes"),
    "NaN": (bad(keypoint=np.full((1, 4, 17, 2), np.nan)), "keypoint has a value that is NaN"),
    "another total_frames": (bad(total_frames=5), "total_frames is 5, but keypoint has 4 frames"),
    "fewer scores": (bad(keypoint_score=np.zeros((1, 3, 17))), "keypoint_score is"),
    "other joints": (
        pyskl_content(annotations=[pyskl_annotation("a"), pyskl_annotation("b", joints=18)]),
        "unlike those before it",
    ),
    "the same name twice": (
        pyskl_content(annotations=[pyskl_annotation("a"), pyskl_annotation("a")]),
        "two annotations have",
    ),
    "a split of numbers": (pyskl_content(split={"train": [1], "val": []}), "must have lists of frame_dir"),
    "a split of strangers": (pyskl_content(split={"train": ["x"], "val": ["v0"]}), "names 'x', which is no annotation"),
    "an empty split": (pyskl_content(split={"train": ["v0"], "val": []}), "the split 'val' is empty"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_a_malformed_file_is_refused(tmp_path, kind):
    value, message = ERRORS[kind]
    with pytest.raises(DataError, match=f"d.pkl: .*{message}"):
        load("pyskl", put_pickle(tmp_path / "d.pkl", value))


def test_options_with_other_values_are_refused(tmp_path):
    path = put_pickle(tmp_path / "d.pkl", pyskl_content())
    assert recognise(path).name == "pyskl"
    for options, message in (({"persons": 0}, "persons must be"), ({"scores": "keep"}, "scores must be one of")):
        with pytest.raises(ConfigError, match=message):
            load("pyskl", path, **options)


@pytest.mark.parametrize("protocol", [2, 4])
def test_two_thousand_damaged_files_are_read_or_refused(tmp_path, protocol):
    small = pyskl_content(annotations=[pyskl_annotation("v", frames=1)], split={"train": ["v"], "val": ["v"]})
    path = tmp_path / "d.pkl"
    assert read_or_refuse(read, path, pickle.dumps(small, protocol=protocol), count=1000) > 300


def three_parts(**names):
    """Nine annotations, of which the names of parts take a few each."""
    annotations = [pyskl_annotation(f"v{i}", label=i % 2) for i in range(9)]
    return {"split": {name: [f"v{i}" for i in found] for name, found in names.items()}, "annotations": annotations}


@pytest.mark.parametrize(
    "names",
    [
        ("train", "val", "test"),
        ("xsub_train", "xsub_val", "xsub_test"),
        ("training", "validation", "testing"),
        ("train1", "val1", "test1"),
        ("train", "dev", "eval"),
    ],
)
def test_three_parts_are_training_validation_and_test(tmp_path, names):
    numbers = ([0, 1, 2, 3], [4, 5], [6, 7, 8])
    path = put_pickle(tmp_path / "three.pkl", three_parts(**dict(zip(names, numbers, strict=True))))
    splits = load("pyskl", path)
    found = [[int(meta["name"][1:]) for meta in part.metas] for part in splits.parts().values()]
    assert found == [list(part) for part in numbers]
    assert splits.notes == ()
    assert check(path).splits == {"train": 4, "valid": 2, "test": 3}
    write(tmp_path / "again.pkl", splits, split="mine")
    again = load("pyskl", tmp_path / "again.pkl")
    assert [len(part) for part in again.parts().values()] == [4, 2, 3]


def test_a_validation_part_alone_is_the_test_part_and_that_is_said(tmp_path):
    path = put_pickle(tmp_path / "two.pkl", three_parts(xsub_train=range(6), xsub_val=range(6, 9)))
    splits = load("pyskl", path)
    assert {name: len(part) for name, part in splits.parts().items()} == {"train": 6, "test": 3}
    (note,) = splits.notes
    assert "the part 'val' is the one that is reported as test" in note


def test_annotations_in_no_part_and_in_two_are_counted_and_named(tmp_path):
    path = put_pickle(tmp_path / "some.pkl", three_parts(train=[0, 1, 2], test=[2, 3], extra=[8]))
    notes = " ".join(load("pyskl", path).notes)
    assert "5 of 9 annotations are in no part of the split and left out; the first is 'v4'" in notes
    assert "1 of 9 annotations are in the split twice; the first is 'v2'" in notes
    assert "'extra' is no training and test part of a split" in notes


def test_scores_are_confidences_and_no_coordinates(tmp_path):
    content = pyskl_content()
    path = put_pickle(tmp_path / "d.pkl", content)
    assert read(path).schema.coordinates == 2
    assert "2 coordinates and a confidence" in str(check(path))
    assert read(path, scores="drop").schema.coordinates is None
    source = content["annotations"][0]
    score = source["keypoint_score"][:2].transpose(1, 0, 2)
    least = float(np.median(score))
    for scores in ("append", "drop"):
        x = read(path, min_confidence=least, scores=scores)[0].sequence[:, : score.shape[1]].numpy()
        assert not x[score < least].any()
        assert x[score >= least].any(-1).all()
    with pytest.raises(ConfigError, match="min_confidence must be a number from 0 to 1, got 3"):
        read(path, min_confidence=3)


def test_a_score_of_zero_is_a_joint_not_seen_unless_all_are(tmp_path):
    content = pyskl_content()
    content["annotations"][0]["keypoint_score"][0, 1, 3] = 0
    path = put_pickle(tmp_path / "d.pkl", content)
    assert not read(path)[0].sequence[1, 0, 3].any()
    for annotation in content["annotations"]:
        annotation["keypoint_score"] = annotation["keypoint_score"] * 0
    put_pickle(path, content)
    with pytest.raises(DataError, match=r"every keypoint_score is 0, .* load with scores=drop"):
        read(path)
    assert read(path, scores="drop")[0].sequence.any()


def test_min_confidence_needs_scores(tmp_path):
    annotations = [pyskl_annotation("a", 0, joints=25, coordinates=3)]
    path = put_pickle(tmp_path / "d.pkl", annotations)
    with pytest.raises(ConfigError, match="min_confidence needs a confidence"):
        read(path, min_confidence=0.1)


def test_what_was_written_with_confidences_is_read_again(tmp_path):
    parts = load("pyskl", put_pickle(tmp_path / "d.pkl", pyskl_content()))
    write(tmp_path / "again.pkl", parts, "x")
    again = load("pyskl", tmp_path / "again.pkl")
    for one, other in zip([*parts.train, *parts.test], [*again.train, *again.test], strict=True):
        assert torch.equal(one.sequence, other.sequence)
    assert again.train.schema == parts.train.schema


def test_confidences_in_space_are_written_as_scores(tmp_path):
    schema = Schema(("0",), (1, 20, 4), layout="kinect-20", coordinates=3)
    x = torch.rand(3, 1, 20, 4) + 0.1
    data = SequenceDataset([x], [0], [{"name": "a"}], schema)
    write(tmp_path / "d.pkl", Splits(data, data.subset([])))
    again = read(tmp_path / "d.pkl")
    assert torch.equal(again[0].sequence, x)
    assert again.schema == schema


def test_annotations_without_a_label_are_refused_in_a_split_or_left_out(tmp_path):
    content = three_parts(train=[0, 1, 2], test=[3, 4])
    content["annotations"][1]["label"] = -1
    path = put_pickle(tmp_path / "some.pkl", content)
    with pytest.raises(DataError, match=r"sequence v1 has no label; .* --option missing=skip"):
        load("pyskl", path)
    assert len(load("pyskl", path, missing="skip").train) == 2


def test_a_score_within_the_key_points_is_a_confidence(tmp_path):
    annotations = [pyskl_annotation(f"v{i}", i % 2, coordinates=3) for i in range(4)]
    for annotation in annotations:
        annotation["keypoint"][..., 2] = np.linspace(0.1, 1, annotation["keypoint"][..., 2].size).reshape(1, 4, 17)
        annotation["keypoint"][0, 1, 3, 2] = 0
    path = put_pickle(tmp_path / "d.pkl", annotations)
    data = read(path)
    assert (data.schema.layout, data.schema.vector) == ("coco-17", (2, 3))
    assert (data.sequences[0] == 0).all(-1).nonzero().tolist() == [[1, 0, 3]]
    assert any("is taken as its confidence" in note for note in data.notes)
    assert read(path, scores="drop").schema.vector == (2, 2)
    assert read(path, coordinates=3).schema.vector == (3, 3)
    with pytest.raises(ConfigError, match="coordinates=3, but the field keypoint has 2 beside keypoint_score"):
        read(put_pickle(tmp_path / "d.pkl", [pyskl_annotation("a")]), coordinates=3)


def test_a_threshold_on_another_scale_of_scores_is_refused(tmp_path):
    annotation = pyskl_annotation("a")
    annotation["keypoint_score"] = annotation["keypoint_score"] * 100
    path = put_pickle(tmp_path / "d.pkl", [annotation])
    assert read(path).schema.coordinates == 2
    with pytest.raises(ConfigError, match="min_confidence is from 0 to 1, but confidences go up to"):
        read(path, min_confidence=0.3)


def test_splits_that_are_no_train_and_test_part_are_named(tmp_path):
    content = pyskl_content()
    content["split"] = {"train": [], "holdout": []}
    with pytest.raises(DataError, match=r"no two splits are train and test, .*; there are 'train', 'holdout'"):
        load("pyskl", put_pickle(tmp_path / "d.pkl", content))


def test_sequences_of_a_split_without_an_annotation_are_counted_and_named(tmp_path):
    content = pyskl_content()
    path = put_pickle(tmp_path / "d.pkl", content)
    assert not any("no annotation is read" in note for note in read(path).notes)
    lost = content["annotations"].pop()["frame_dir"]
    put_pickle(path, content)
    assert read(path).notes[-1] == (
        f"{path}: the splits name 1 sequence of which no annotation is read; the first is {lost!r}"
    )
