import json
import zipfile

import numpy as np
import pytest

from attentive_rnn.data import Schema, get_source, list_sources, load, read_sequences, recognise
from attentive_rnn.errors import ConfigError, DataError, DataWarning
from data.writers import nucla_content, nucla_name, ts_text, write_nucla_zip


def test_every_source_has_its_own_name_and_a_title():
    sources = list_sources()
    assert len({s.name for s in sources}) == len(sources)
    assert all(s.title and get_source(s.name) is s for s in sources)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="unknown data set 'ntu'; there are japanese-vowels, basic-motions"):
        load("ntu")


def test_a_path_that_is_needed_is_asked_for():
    with pytest.raises(ConfigError, match="'nucla' needs a path"):
        load("nucla")


def test_an_option_that_the_source_does_not_have_is_refused():
    with pytest.raises(ConfigError, match="'basic-motions': unknown option 'missing'; it takes none"):
        load("basic-motions", missing="zero")


def test_formats_are_recognised_by_their_names(tmp_path):
    name = nucla_name()
    (tmp_path / "ts").mkdir()
    (tmp_path / "json" / "deep").mkdir(parents=True)
    (tmp_path / "ts" / "X_TRAIN.ts.xz").write_bytes(b"")
    (tmp_path / "json" / "deep" / f"{name}.json").write_text("")
    (tmp_path / "set.zip").write_bytes(b"")
    for path, source in {
        "ts": "uea",
        "ts/X_TRAIN.ts.xz": "uea",
        "json": "nucla",
        f"json/deep/{name}.json": "nucla",
        "set.zip": "nucla",
    }.items():
        assert recognise(tmp_path / path).name == source


def test_what_no_reader_knows_is_refused_with_the_readers(tmp_path):
    (tmp_path / "video.mp4").write_bytes(b"")
    for path in (tmp_path, tmp_path / "video.mp4"):
        with pytest.raises(DataError, match=r"no reader knows this; .*; all formats: attentive data list$"):
            recognise(path)
    with pytest.raises(DataError, match="there is no such file or folder"):
        recognise(tmp_path / "none")
    with pytest.raises(DataError):
        recognise("a\0b")


def test_lines_of_json_with_numbers_are_refused_with_what_is_read(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"id": 0, "x": 0.5}\n{"id": 1, "x": 1.5}\n')
    with pytest.raises(DataError, match=r"is read where it holds texts; give numbers as a \.csv or \.parquet file"):
        recognise(tmp_path / "a.jsonl")


def test_sequences_are_labelled_by_the_classes_of_the_model(tmp_path):
    path = tmp_path / "x.ts"
    path.write_text(ts_text([[[1.0]], [[2.0]], [[3.0]]], ["b", "?", "new"], ("b", "new")))
    schema = Schema(classes=("a", "b"), shape=(1,), features=("height",), rate=5.0)
    with pytest.warns(DataWarning, match=r"the label 'new' \(1 sequence\) is none of the model's classes: a, b"):
        data = read_sequences(path, schema)
    assert data.labels.tolist() == [1, -1, -1]
    assert data.schema == schema
    assert read_sequences(path).schema.classes == ("b", "new")


def test_frames_that_the_model_does_not_take_are_refused(tmp_path):
    path = tmp_path / "x.ts"
    path.write_text(ts_text([[[1.0, 2.0]]]))
    with pytest.raises(DataError, match=r"frames are \(2,\), but the model takes \(1, 20, 3\) \(kinect-20\)"):
        read_sequences(path, Schema(("a",), (1, 20, 3), layout="kinect-20"))


def test_a_zip_of_skeletons_can_be_predicted(tmp_path):
    names = [nucla_name(action=4, view=2), nucla_name(action=12, view=2)]
    path = write_nucla_zip(tmp_path / "s.zip", {n: nucla_content(n, np.ones((2, 20, 3))) for n in names})
    data = read_sequences(path, get_schema_of_nucla())
    assert [data.schema.classes[y] for y in data.labels] == ["walk around", "carry"]
    (tmp_path / "one.json").write_text(json.dumps({"skeletons": [[[0, 0, 0]] * 20]}))
    assert read_sequences(tmp_path / "one.json", data.schema)[0].sequence.shape == (1, 1, 20, 3)


def get_schema_of_nucla():
    return Schema.from_dict(
        {"classes": ["carry", "walk around"], "shape": [1, 20, 3], "layout": "kinect-20"},
    )


def test_a_zip_of_recordings_is_refused_with_what_to_do(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("set/walk/1.csv", "x,y\n1,2\n")
    with pytest.raises(
        DataError, match=r"set\.zip: no reader knows this; .* unpack it, and give the path of the folder"
    ):
        recognise(tmp_path / "set.zip")


@pytest.mark.parametrize("content", ["[[0.5, 1], [2, 3]]", "[[[0.5]], [[1]]]", '{"x": [[1]], "y": [0]}'])
def test_arrays_in_json_are_refused_with_what_to_do(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataError, match=r"is JSON of no kind that is read.* as an \.npz with x and y, or as a \.csv"):
        recognise(tmp_path / "a.json")
