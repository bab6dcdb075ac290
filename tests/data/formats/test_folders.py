import numpy as np
import pytest

from attentive_rnn.data import load, recognise
from attentive_rnn.data.formats import folders
from attentive_rnn.errors import ConfigError, DataError
from data.damage import damaged, read_or_refused


def write(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        elif name.endswith(".npz"):
            np.savez(path, sequence=content)
        else:
            np.save(path, content)
    return root


CSV = "x,y\n1,2\n3,4\n"


def test_the_folders_are_the_classes_and_the_names_the_features(tmp_path):
    root = write(
        tmp_path, {"walk/a_s02.csv": CSV, "run/b_s01.csv": "x;y\n5;6\n", "run/.c.csv": "", "notes.txt": "hello"}
    )
    assert recognise(root).name == "folders"
    data = folders.read(root, subject="_s([0-9]+)")
    assert data.schema.classes == ("run", "walk")
    assert data.schema.features == ("x", "y")
    assert data.labels.tolist() == [0, 1]
    assert data[1].sequence.tolist() == [[1, 2], [3, 4]]
    assert data.metas == [{"name": "run/b_s01", "subject": "01"}, {"name": "walk/a_s02", "subject": "02"}]


def test_columns_of_a_file_may_come_in_another_order(tmp_path):
    data = folders.read(write(tmp_path, {"a/1.csv": CSV, "a/2.csv": "y,x\n2,1\n4,3\n"}))
    assert data.schema.features == ("x", "y")
    assert data[0].sequence.tolist() == data[1].sequence.tolist() == [[1, 2], [3, 4]]


def test_train_and_test_folders_are_the_parts(tmp_path):
    files = {f"{part}/{name}/{i}.txt": "1 2\n3 4\n" for part in ("Train", "test") for name in "ab" for i in range(2)}
    train, test = load("folders", write(tmp_path, files))
    assert (len(train), len(test)) == (4, 4)
    assert train.metas[0] == {"name": "a/0"}


def test_text_and_array_files_of_skeletons_are_the_same_data(tmp_path):
    x = np.random.default_rng(0).normal(size=(4, 20, 3)).astype(np.float32)
    text = "\n".join(" ".join(repr(float(v)) for v in frame.ravel()) for frame in x)
    kinds = {"txt": text, "npy": x, "npz": x.astype(np.float64)}
    for suffix, content in kinds.items():
        data = folders.read(write(tmp_path / suffix, {f"wave/1.{suffix}": content}), layout="kinect-20")
        assert data.schema.shape == (1, 20, 3)
        np.testing.assert_array_equal(data[0].sequence[:, 0].numpy(), x)


def test_without_parts_a_share_of_each_class_is_held_out(tmp_path):
    root = write(tmp_path, {f"{name}/{i}.csv": CSV for name in "ab" for i in range(4)})
    train, test = load("folders", root, test_fraction=0.25)
    assert np.bincount(train.labels).tolist() == [3, 3]
    assert np.bincount(test.labels).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"a/1.csv": CSV, "a/2.csv": "x,y,z\n1,2,3\n"},
            r"2.csv: has 3 columns, but .*1.csv has 2; all files must agree",
        ),
        ({"a/1.csv": CSV, "a/2.npy": np.ones((4, 3))}, r"2.npy: has other frames \(3,\) than .*1.csv"),
        ({"a/1.csv": CSV, "a/2.csv": "x,z\n1,2\n"}, "missing y; unknown z"),
        ({"a/1.csv": "x,y\n1,up\n1,2\n2,3\n"}, "1.csv, line 2: y is 'up', not a number"),
        ({"a/1.csv": "x,y\n1,up\n1,down\n"}, "1.csv, line 3: y changes from 'up' to 'down'.*features="),
        ({"a/1.csv": "x,y\n1,\n"}, "1.csv, line 2: y is missing"),
        ({"a/1.npy": np.array(["a"])}, "1.npy: a sequence must be numbers"),
        ({"a/1.npz": np.ones(3)}, "1.npz: a sequence must be numbers"),
        ({"a/1.md": "x"}, "holds no folders of .csv"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_file(tmp_path, files, message):
    with pytest.raises(DataError, match=message):
        folders.read(write(tmp_path, files))


def test_a_subject_that_cannot_be_found_is_refused(tmp_path):
    root = write(tmp_path, {"a/1.csv": CSV})
    with pytest.raises(DataError, match="finds no subject"):
        folders.read(root, subject="s([0-9])")
    for expression in ("(", "s1"):
        with pytest.raises(ConfigError, match="subject="):
            folders.read(root, subject=expression)


@pytest.mark.parametrize("suffix", ["csv", "npy"])
def test_damaged_files_are_read_or_refused(tmp_path, suffix):
    root = write(tmp_path, {f"a/1.{suffix}": CSV if suffix == "csv" else np.ones((3, 2))})
    path = root / "a" / f"1.{suffix}"
    assert 20 < read_or_refused(lambda _: folders.read(root), path, damaged(path.read_bytes(), 1000)) < 950


def test_a_frame_without_any_value_is_a_frame(tmp_path):
    root = write(tmp_path, {"a/1.csv": "x,y\n,\n1,2\n,\n3,4\n"})
    data = folders.read(root, missing="zero")
    assert data[0].sequence.tolist() == [[0, 0], [1, 2], [0, 0], [3, 4]]
    with pytest.raises(DataError, match=r"1.csv, line 2: x is missing"):
        folders.read(root)


def test_a_header_of_numbers_is_one_where_all_files_have_it(tmp_path):
    root = write(tmp_path, {"a/1.csv": "0,1\n5,6\n", "b/2.csv": "0,1\n7,8\n"})
    data = folders.read(root)
    assert data.lengths.tolist() == [1, 1]
    assert "header=false" in data.notes[0]
    assert folders.read(root, header=False).lengths.tolist() == [2, 2]
    (root / "b" / "2.csv").write_text("4,1\n7,8\n")
    data = folders.read(root)
    assert data.lengths.tolist() == [2, 2]
    assert data.notes == ()


def test_a_nameless_column_that_numbers_the_rows_is_left_out_with_a_note(tmp_path):
    root = write(tmp_path, {"a/1.csv": ",x,y\n0,5,6\n1,7,8\n", "b/2.csv": ",x,y\n2,5,6\n3,7,8\n"})
    data = folders.read(root)
    assert data.schema.features == ("x", "y")
    assert data[1].sequence.tolist() == [[5, 6], [7, 8]]
    assert "was left out of the features" in data.notes[0]


@pytest.mark.parametrize("valid", ["val", "validation", "dev", "eval"])
def test_train_validation_and_test_folders_are_three_parts(tmp_path, valid):
    root = write(
        tmp_path, {f"{part}/{c}/{i}.csv": CSV for part in ("training", valid, "testing") for c in "ab" for i in "12"}
    )
    splits = folders.SOURCE.load(root)
    assert {name: len(part) for name, part in splits.parts().items()} == {"train": 4, "valid": 4, "test": 4}
    assert splits.notes == ()


def test_files_that_are_left_out_are_counted_and_named(tmp_path):
    root = write(tmp_path, {"train/a/1.csv": CSV, "test/a/1.csv": CSV, "holdout/a/1.csv": CSV, "test/a/2.xlsx": "x"})
    (note,) = folders.read(root).notes
    assert "2 files are left out" in note
    assert "holdout/a/1.csv" in note


def recordings(tmp_path, names, row):
    """Eight recordings of three rows, half of them in the folder a."""
    files = {}
    for i in range(8):
        lines = (",".join(map(str, row(i, t))) for t in range(3))
        files[f"{'ab'[i // 4]}/{i}.csv"] = "\n".join([names, *lines]) + "\n"
    return write(tmp_path / "set", files)


def test_columns_are_told_apart_as_in_a_table(tmp_path):
    names = "timestamp,index,trial,label,subject,x,y"
    root = recordings(tmp_path, names, lambda i, t: (90 - 10 * t, 50 * i + t, i, i // 4, i % 3, t / 4, i * t / 8))
    data = folders.read(root)
    uses = {column.column: column.use for column in data.columns}
    assert uses == {
        "timestamp": "time",
        "index": "left out",
        "trial": "fact",
        "label": "left out",
        "subject": "subject",
        "x": "feature",
        "y": "feature",
    }
    assert data.schema.features == ("x", "y")
    assert data[4].sequence.tolist() == [[0.5, 1], [0.25, 0.5], [0, 0]]  # the latest comes first in the file
    assert data.metas[4] == {"name": "b/4", "subject": 1, "trial": 4}
    assert "--option label=label takes the classes from it" in " ".join(data.notes)
    assert folders.read(root, features=["y"], time="index")[4].sequence.tolist() == [[0], [0.5], [1]]
    assert folders.read(root, keep=["index"]).schema.features == ("index", "x", "y")
    with pytest.raises(ConfigError, match=r"there is no column 'z' \(given as time\)"):
        folders.read(root, time="z")


def test_the_label_may_be_in_a_column(tmp_path):
    root = recordings(tmp_path, "mood,x", lambda i, t: (["calm", "glad"][i % 2], t / 4))
    data = folders.read(root, label="mood")
    assert data.schema.classes == ("calm", "glad")
    assert data.labels.tolist() == [0, 1] * 4
    root = recordings(tmp_path, "force,x", lambda i, t: (i / 2, t / 4))
    assert folders.read(root, label="force", target="number").labels.tolist() == [i / 2 for i in range(8)]
    with pytest.raises(DataError, match=r"the label '0.5' is no whole number"):
        folders.read(root, label="force")


def test_dates_order_the_frames_of_a_file(tmp_path):
    root = recordings(tmp_path, "datetime,x", lambda i, t: (f"2024-02-{i + 1:02} 10:00:0{9 - t}", t / 4))
    data = folders.read(root)
    assert data.schema.features == ("x",)
    assert data[0].sequence.flatten().tolist() == [0.5, 0.25, 0]


def test_a_first_line_of_other_whole_numbers_can_be_names_or_values(tmp_path):
    root = recordings(tmp_path, "10,11", lambda i, t: (t / 4, i / 8 + 0.25))
    with pytest.raises(DataError, match=r"0.csv, line 1: '10,11' can be names .* header=true .* header=false"):
        folders.read(root)
    assert folders.read(root, header=True).lengths.tolist() == [3] * 8
    assert folders.read(root, header=False).lengths.tolist() == [4] * 8
    (root / "a" / "0.csv").write_text("0.125,0.5\n0.25,0.5\n")
    assert folders.read(root).lengths.tolist() == [2, *[4] * 7]


def test_a_bad_file_or_cell_is_left_out_of_the_others(tmp_path):
    root = recordings(tmp_path, "x,y", lambda i, t: ("ERR" if (i, t) == (2, 1) else t / 4, i / 8))
    (root / "b" / "9.csv").write_text("x,y\n1\n")
    with pytest.raises(DataError, match=r"9.csv, line 2: 1 field, but line 1 has 2.*--option missing=skip"):
        folders.read(root)
    data = folders.read(root, missing="skip")
    assert [meta["name"] for meta in data.metas] == [f"{'ab'[i // 4]}/{i}" for i in range(8) if i != 2]
    assert "2 of 9 sequences are left out" in " ".join(data.notes)


def recording(label=None, rows=3):
    names = "ax,ay" + ",activity" * (label is not None)
    return "\n".join([names, *(f"{t},{t + 1}" + f",{label}" * (label is not None) for t in range(rows))])


def test_a_folder_without_folders_has_its_labels_in_a_column_of_each_file(tmp_path):
    root = write(tmp_path, {f"{i}.csv": recording(label) for i, label in enumerate(["walk", "run", "walk", "run"])})
    assert recognise(root).name == "folders"
    data = folders.read(root)
    assert [data.schema.classes[label] for label in data.labels] == ["walk", "run", "walk", "run"]
    assert data.schema.features == ("ax", "ay")
    assert [meta["name"] for meta in data.metas] == ["0", "1", "2", "3"]
    assert [len(part) for part in load("folders", root, test_fraction=0.5)] == [2, 2]


def test_its_files_may_be_in_folders_of_parts(tmp_path):
    files = {f"{part}/{i}.csv": recording("ab"[i]) for part in ("train", "test") for i in range(2)}
    splits = load("folders", write(tmp_path, files))
    assert {name: part.labels.tolist() for name, part in splits.parts().items()} == {"train": [0, 1], "test": [0, 1]}
    assert splits.notes == ()


def test_its_labels_may_be_in_a_table_beside_the_files(tmp_path):
    root = write(tmp_path, {f"r{i}.csv": recording() for i in range(3)})
    (root / "labels.csv").write_text("file,label,subject\nr2.csv,walk,ann\nr0.csv,run,ben\nr1,walk,\n")
    data = folders.read(root)
    assert [data.schema.classes[label] for label in data.labels] == ["run", "walk", "walk"]
    assert data.metas == [{"name": "r0", "subject": "ben"}, {"name": "r1"}, {"name": "r2", "subject": "ann"}]
    (root / "labels.csv").write_text("file,what\nr2.csv,walk\nr0.csv,run\nr1,walk\n")
    with pytest.raises(DataError, match=r"which column is the label. say --option label=NAME; there are file, what"):
        folders.read(root)
    assert folders.read(root, label="what").labels.tolist() == [0, 1, 1]


def test_files_without_any_label_can_be_predicted_and_are_refused_for_training(tmp_path):
    root = write(tmp_path, {f"{i}.csv": recording() for i in range(3)})
    assert folders.read(root).labels.tolist() == [-1, -1, -1]
    with pytest.raises(DataError, match=r"no file is in a folder named as its class, .* --option label=NAME"):
        load("folders", root)


def test_tables_of_parts_are_not_taken_for_two_sequences(tmp_path):
    write(tmp_path, {"train.csv": recording("a"), "test.csv": recording("b")})
    with pytest.raises(DataError, match=r"test.csv and train.csv are tables of parts: join them"):
        recognise(tmp_path)


def test_several_sequences_in_a_file_are_not_taken_for_one(tmp_path):
    rows = "\n".join(["id,x", *(f"{i},{t}" for i in range(2) for t in range(4))])
    with pytest.raises(DataError, match="the column id has several values in a file, as if it held several sequences"):
        folders.read(write(tmp_path, {"a/1.csv": rows, "b/1.csv": rows}))


def test_the_table_beside_files_may_tell_the_parts_by_true_and_false(tmp_path):
    for i in range(6):
        (tmp_path / f"{i}.csv").write_text(f"x,y\n{i},1\n2,{i}\n")
    rows = [f"{i}.csv,{'ab'[i % 2]},{int(i > 3)}\n" for i in range(6)]
    (tmp_path / "labels.csv").write_text("file,label,is_test\n" + "".join(rows))
    splits = load("folders", tmp_path)
    assert [[meta["name"] for meta in part.metas] for part in splits.parts().values()] == [
        ["0", "1", "2", "3"],
        ["4", "5"],
    ]
