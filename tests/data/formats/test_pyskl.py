import os
import pickle
import pickletools
import struct
import time

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset, Splits, check, load, recognise
from attentive_rnn.data.formats.pyskl import read, write
from attentive_rnn.data.io.pickle import load_plain
from attentive_rnn.errors import ConfigError, DataError
from data.damage import read_or_refuse

RNG = np.random.default_rng(0)


def annotation(name, label=0, frames=4, people=1, joints=17, coordinates=2, dtype=np.float16, **changes):
    values = {
        "frame_dir": name,
        "label": label,
        "img_shape": (1080, 1920),
        "original_shape": (1080, 1920),
        "total_frames": frames,
        "keypoint": RNG.uniform(0, 1000, (people, frames, joints, coordinates)).astype(dtype),
        "keypoint_score": RNG.uniform(0, 1, (people, frames, joints)).astype(dtype),
    } | changes
    if coordinates == 3:
        values.pop("keypoint_score")
    return {key: value for key, value in values.items() if value is not None}


def content(**changes):
    annotations = [annotation(f"v{i}", i % 3, frames=3 + i, people=1 + i % 3) for i in range(6)]
    names = [a["frame_dir"] for a in annotations]
    return {"split": {"train1": names[:4], "test1": names[4:]}, "annotations": annotations} | changes


def put(path, value, protocol=4):
    path.write_bytes(value if isinstance(value, bytes) else pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_key_points_and_scores_are_read_from_every_protocol(tmp_path, protocol):
    written = content()
    train, test = load("pyskl", put(tmp_path / "d.pkl", written, protocol))
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
    path = put(tmp_path / "d.pkl", content())
    assert read(path, scores="drop").schema.shape == (2, 17, 2)
    assert read(path, persons=1).schema.shape == (1, 17, 3)
    assert read(path, persons=9).schema.shape == (3, 17, 3)


def test_names_of_ntu_give_its_classes_and_meta(tmp_path):
    names = ["S001C002P003R001A002", "S017C001P001R002A060"]
    annotations = [annotation(n, int(n[-3:]) - 1, joints=25, coordinates=3) for n in names]
    split = {"xsub_train": names[:1], "xsub_val": names[1:], "xview_train": names[1:], "xview_val": names[:1]}
    path = put(tmp_path / "ntu60_3danno.pkl", {"split": split, "annotations": annotations})
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
    path = put(tmp_path / "k400.pkl", {"split": {}, "annotations": [compact]})
    x = read(path)[0].sequence.numpy()
    np.testing.assert_array_equal(x[0], people[[1, 0]])
    np.testing.assert_array_equal(x[1:, 0], people[2:])
    assert not x[1:, 1].any()


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
    scored = put(tmp_path / "d.pkl", content())
    write(tmp_path / "again.pkl", load("pyskl", scored), split="1")
    assert "keypoint_score" in pickle.loads((tmp_path / "again.pkl").read_bytes())["annotations"][0]
    for a, b in zip(load("pyskl", scored).train, load("pyskl", tmp_path / "again.pkl").train, strict=True):
        assert (a.sequence == b.sequence).all()
    with pytest.raises(DataError, match="the sequence s0 is there twice"):
        write(tmp_path / "twice.pkl", Splits(parts[0], parts[0]))


class Calls:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def evil(marker):
    """Pickles that would make the file ``marker`` if anything in them ran."""
    command, code = f"touch {marker}", f"__import__('pathlib').Path({str(marker)!r}).touch()"
    run = pickle.dumps(Calls(os.system, command))
    call = pickle.dumps(Calls(eval, code))
    reconstruct = b"cnumpy._core.multiarray\n_reconstruct\n"
    text = lambda s: b"X" + struct.pack("<I", len(s)) + s.encode()  # noqa: E731
    return {
        "os.system": run,
        "eval": call,
        "in an annotation": pickle.dumps({"split": {}, "annotations": [Calls(eval, code)]}),
        "as a key of the split": pickle.dumps({"split": {"a": [Calls(os.system, command)]}, "annotations": []}),
        "as the label": pickle.dumps(content(annotations=[annotation("v", label=Calls(eval, code))])),
        "in an array of objects": pickle.dumps(
            content(annotations=[annotation("v", keypoint=np.array([Calls(eval, code)]))])
        ),
        "by the name of an attribute": b"\x80\x04"
        + text("builtins")
        + text("__import__")
        + b"\x93"
        + text("os")
        + b"\x85R.",
        "by a dotted name": b"\x80\x04" + text("numpy") + text("ndarray.__class__") + b"\x93.",
        "by a path through numpy": b"\x80\x04"
        + text("numpy")
        + text("os.system")
        + b"\x93"
        + text(command)
        + b"\x85R.",
        "by numpy's own eval": b"\x80\x02cnumpy.testing._private.utils\nrunstring\n" + text(code) + b"}\x86R.",
        "by INST": b"(" + text(code) + b"ibuiltins\neval\n.",
        "by OBJ": b"(cbuiltins\neval\n" + text(code) + b"o.",
        "by NEWOBJ": b"\x80\x02cbuiltins\neval\n" + text(code) + b"\x85\x81.",
        "by a persistent id": b"P1\n.",
        "by an extension": b"\x80\x02\x82\x01.",
        "by changing a function": b"\x80\x02" + reconstruct + b"}" + text("__code__") + text(code) + b"s" + b"b.",
        "by changing slots of a function": b"\x80\x02" + reconstruct + b"N}" + text("_call") + text(code) + b"s\x86b.",
        "by making an array class": b"\x80\x02" + reconstruct + b"(cos\nsystem\n" + text(command) + b"tR.",
    }


@pytest.mark.parametrize("kind", evil("m"))
def test_a_pickle_that_tries_to_run_code_is_refused_and_did_not_run(tmp_path, kind):
    marker = tmp_path / "ran"
    path = put(tmp_path / "d.pkl", evil(marker)[kind])
    with pytest.raises(DataError, match=r"d.pkl: is not read as a pickle"):
        read(path)
    assert not marker.exists()


def test_the_evil_pickles_would_run_elsewhere(tmp_path):
    for kind in ("os.system", "eval", "in an annotation", "as the label", "in an array of objects"):
        marker = tmp_path / "ran"
        loaded = pickle.loads(evil(marker)[kind])
        del loaded
        assert marker.exists()
        marker.unlink()


def test_a_place_in_the_memo_that_would_fill_the_memory_is_refused(tmp_path):
    start = time.process_time()
    path = put(tmp_path / "d.pkl", b"\x80\x02Nr\xff\xff\xff\xff.")
    with pytest.raises(DataError, match="out of order"):
        read(path)
    assert time.process_time() - start < 1


@pytest.mark.parametrize("opened", [b")" + b"\x85" * 100_000, b"]" * 100_000 + b"a" * 99_999])
def test_values_nested_too_deep_are_refused(opened):
    with pytest.raises(DataError, match="nested deeper than"):
        load_plain(b"\x80\x04}" + opened + b"Ns.", "here")


def test_a_list_that_holds_itself_is_no_total_of_frames(tmp_path):
    ring = [1]
    ring.append(ring)
    with pytest.raises(DataError, match="total_frames is no number"):
        read(put(tmp_path / "d.pkl", content(annotations=[annotation("v", total_frames=ring)])))


def test_only_numbers_are_arrays():
    for array in (
        np.array([1, None]),
        np.array(["a"]),
        np.array([1j]),
        np.zeros(2, dtype="M8[s]"),
        np.zeros(2, "i4,f4"),
    ):
        with pytest.raises(DataError, match="only numbers are read"):
            load_plain(pickle.dumps(array), "here")
    for array in (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), np.array([1, 2], ">i4")):
        for protocol in (0, 2, 4, 5):
            data = pickle.dumps(array, protocol=protocol)
            if protocol:
                np.testing.assert_array_equal(load_plain(data, "here").values, array)
            else:
                with pytest.raises(DataError, match="instruction"):
                    load_plain(data, "here")
    assert load_plain(pickle.dumps(np.int64(3)), "here") == 3


def test_an_array_whose_shape_does_not_fit_is_refused():
    data = pickle.dumps(np.zeros((2, 3)), protocol=4)
    shape = next(p for op, _, p in pickletools.genops(data) if op.name == "BININT1" and data[p + 1] == 3)
    with pytest.raises(DataError, match="shape of an array does not fit"):
        load_plain(data[: shape + 1] + b"\xff" + data[shape + 2 :], "here")


def bad(**changes):
    return content(annotations=[annotation("v", **changes)])


ERRORS = {
    "not a pickle": (b"hello", "is not read as a pickle"),
    "truncated": (pickle.dumps(content())[:-100], "is not read as a pickle"),
    "a number": (3, "must be {"),
    "no annotations": ({"split": {}}, "at least one annotation"),
    "an annotation that is a list": (content(annotations=[[1]]), "annotation 0: must be a dict"),
    "no name": (bad(frame_dir=None), "the field 'frame_dir' must be there"),
    "a label in words": (bad(label="sit"), "the field 'label' must be there and be of type int"),
    "a label far too large": (bad(label=10**6), "the label 1000000 is too large"),
    "no key points": (bad(keypoint=None), "'keypoint' must be an array of 4 axes"),
    "a list of key points": (bad(keypoint=[[1.0]]), "'keypoint' must be an array of 4 axes"),
    "three axes": (bad(keypoint=np.zeros((4, 17, 2))), "'keypoint' must be an array of 4 axes"),
    "NaN": (bad(keypoint=np.full((1, 4, 17, 2), np.nan)), "keypoint has a value that is NaN"),
    "another total_frames": (bad(total_frames=5), "total_frames is 5, but keypoint has 4 frames"),
    "fewer scores": (bad(keypoint_score=np.zeros((1, 3, 17))), "keypoint_score is"),
    "other joints": (content(annotations=[annotation("a"), annotation("b", joints=18)]), "unlike those before it"),
    "the same name twice": (content(annotations=[annotation("a"), annotation("a")]), "two annotations have"),
    "a split of numbers": (content(split={"train": [1], "val": []}), "must have lists of frame_dir"),
    "a split of strangers": (content(split={"train": ["x"], "val": ["v0"]}), "names 'x', which is no annotation"),
    "an empty split": (content(split={"train": ["v0"], "val": []}), "the split 'val' is empty"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_a_malformed_file_is_refused(tmp_path, kind):
    value, message = ERRORS[kind]
    with pytest.raises(DataError, match=f"d.pkl: .*{message}"):
        load("pyskl", put(tmp_path / "d.pkl", value))


def test_options_with_other_values_are_refused(tmp_path):
    path = put(tmp_path / "d.pkl", content())
    assert recognise(path).name == "pyskl"
    for options, message in (({"persons": 0}, "persons must be"), ({"scores": "keep"}, "scores must be one of")):
        with pytest.raises(ConfigError, match=message):
            load("pyskl", path, **options)


@pytest.mark.parametrize("protocol", [2, 4])
def test_two_thousand_damaged_files_are_read_or_refused(tmp_path, protocol):
    small = content(annotations=[annotation("v", frames=1)], split={"train": ["v"], "val": ["v"]})
    path = tmp_path / "d.pkl"
    assert read_or_refuse(read, path, pickle.dumps(small, protocol=protocol), count=1000) > 300
