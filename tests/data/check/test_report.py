import json

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset, check, convert, load
from attentive_rnn.data.check.report import summarise
from attentive_rnn.errors import DataError
from data.writers import nucla_content, nucla_name, ts_text, write_nucla_zip

RNG = np.random.default_rng(0)


def report_on(*sequences, labels=None, schema=None):
    schema = schema or Schema(("a", "b"), (2,))
    labels = labels or [i % 2 for i in range(len(sequences))]
    metas = [{"name": f"s{i}"} for i in range(len(sequences))]
    return summarise({"all": SequenceDataset(sequences, labels, metas, schema)}, "here", "made", [])


def noise(frames, features=2):
    return torch.as_tensor(RNG.normal(size=(frames, features)), dtype=torch.float32)


def test_a_clean_set_has_no_notes():
    assert report_on(noise(5), noise(9)).notes == ()


def test_the_numbers_are_those_of_the_set(tmp_path):
    names = [nucla_name(a, 1, 0, v) for a in (1, 2, 12) for v in (1, 2, 3)]
    frames = {n: RNG.normal(size=(1 + i, 20, 3)) for i, n in enumerate(names)}
    frames[names[4]][2] = 0
    path = write_nucla_zip(tmp_path / "s.zip", {n: nucla_content(n, f) for n, f in frames.items()})
    report = check(path)
    assert report.splits == {"train": 6, "test": 3}
    assert report.classes["train"]["carry"] == 2
    assert report.lengths == (1, 5.0, 9)
    assert (report.frames, report.empty_frames, report.single_frames, report.missing) == (45, 1, 1, 0)
    values = np.concatenate(list(frames.values()))
    assert report.value_range == pytest.approx((values.min(), values.max()))
    assert report.value_scale == pytest.approx(values[values.any(axis=(1, 2))].std(), rel=1e-4)
    text = str(report)
    for part in ("nucla", "6 train, 3 test", "1 to 9 frames, median 5", "20 joints", "kinect-20", "1 empty frame,"):
        assert part in text
    assert json.loads(json.dumps(report.to_dict()))["splits"] == {"train": 6, "test": 3}


def test_one_file_of_a_pair_is_reported_with_the_reason_for_having_no_split(tmp_path):
    path = tmp_path / "X_TRAIN.ts"
    path.write_text(ts_text([[[1.0], [2.0]], [[4.0]]], ["a", "b"], ("a", "b")))
    report = check(path)
    assert report.splits == {"all": 2}
    assert "X_TEST.ts" in report.notes[0]
    assert "1 feature\n" in str(report)


def test_missing_values_are_counted_not_refused(tmp_path):
    for part in ("TRAIN", "TEST"):
        cases = [[[1.0, 2.0], [np.nan, 3.0], [5.0, np.nan]], [[4.0, 1.0]]]
        (tmp_path / f"X_{part}.ts").write_text(ts_text(cases, ["a", "b"], ("a", "b")))
    report = check(tmp_path)
    assert report.missing == 4
    assert report.value_range == (1.0, 5.0)
    assert any("load with --option missing=interpolate" in note for note in report.notes)


def test_a_malformed_file_is_refused(tmp_path):
    path = tmp_path / "X_TRAIN.ts"
    path.write_text(ts_text([[[1.0]]], ["c"], ("a", "b")))
    with pytest.raises(DataError, match="line 10: the class label 'c'"):
        check(path)


@pytest.mark.parametrize(
    ("sequences", "note"),
    [
        ([noise(3), noise(1)], "1 of 2 sequences: it has a single frame, in which there is no motion; the first is s1"),
        ([noise(3), torch.zeros(4, 2)], "1 of 2 sequences: it is all zeros; the first is s1"),
        ([noise(3), torch.ones(4, 2)], "it stands still"),
        ([noise(3), torch.cat([torch.zeros(1, 2), noise(3)])], "it begins with an empty frame"),
        ([noise(5) * torch.tensor([1, 1000]), noise(5)], "differ more than a hundredfold in scale"),
        ([torch.cat([noise(5)[:, :1], torch.ones(5, 1)], 1)] * 1, "1 feature never changes, it is feature 1"),
        ([noise(5)], "the class 'b' has no sequence in all"),
    ],
)
def test_what_is_odd_is_named_in_words(sequences, note):
    assert any(note in n for n in report_on(*sequences).notes)


def test_copies_are_counted_by_class_with_their_conflicts():
    x, y = noise(4), noise(5)
    (note,) = report_on(x, y, x, y, labels=[0, 1, 0, 0]).notes
    assert note == (
        "2 sequences of all are copies of one in all (2 of 3 of 'a'); the first is s2, equal to s0. "
        "In 1 of them the labels differ"
    )


def test_an_unbalanced_set_is_named():
    (note,) = report_on(*(noise(4) for _ in range(8)), labels=[0] * 7 + [1]).notes
    assert "7 sequences of 'a', 1 of 'b'" in note


def test_unlabelled_sequences_are_said_to_be_so():
    report = report_on(noise(4), noise(4), labels=[-1, -1])
    assert report.classes["all"] == {"a": 0, "b": 0, "(no label)": 2}
    assert report.notes == ("no sequence of all has a label",)


def test_skeletons_that_are_not_in_metres_are_named():
    schema = Schema(("a", "b"), (1, 20, 3), layout="kinect-20")
    far = [1000 * noise(5, 60).reshape(5, 1, 20, 3) for _ in range(2)]
    assert any("seem not to be metres" in note for note in report_on(*far, schema=schema).notes)


def test_the_embedded_sets_are_clean():
    for name in ("japanese-vowels", "basic-motions"):
        assert summarise(load(name).parts(), name, name, []).notes == ()


def test_the_real_skeletons_that_are_in_both_parts_are_reported(shared_data):
    report = check(shared_data / "nw-ucla" / "all_sqe.zip")
    assert report.splits == {"train": 1020, "test": 464}
    assert any("95 sequences of test are copies of one in train" in note for note in report.notes)


def test_a_set_without_parts_is_reported_as_one_with_a_note(tmp_path):
    (tmp_path / "set.csv").write_text("id,label,x\n1,a,0.5\n1,a,1\n2,b,2\n2,b,3\n")
    report = check(tmp_path / "set.csv")
    assert report.splits == {"all": 2}
    assert report.notes == ("the data name no training and test part; loading draws them (test_fraction, seed)",)


def test_a_sequence_far_longer_than_the_others_is_noted():
    usual = [noise(20) for _ in range(9)]
    assert report_on(*usual, noise(300)).notes == ()
    (note,) = report_on(*usual, noise(900)).notes
    assert note.startswith("1 of 10 sequences: it is more than 20 times as long as usual (20 frames)")
    assert "s9 with 900" in note
    assert "training.max_frames_per_batch" in note


def test_the_empty_classes_of_a_part_are_one_line():
    schema = Schema(tuple(f"c{i}" for i in range(60)), (2,))
    parts = {
        name: SequenceDataset([noise(4) for _ in labels], labels, [{}] * len(labels), schema)
        for name, labels in {"train": [0, 1], "test": [0, 2]}.items()
    }
    findings = summarise(parts, "here", "made", []).findings
    assert [finding.severity for finding in findings] == ["warning", "warning", "note", "note"]
    assert findings[0].text == "the class 'c2' has no sequence in train, but some in another part"
    assert findings[1].text == "the class 'c1' has no sequence in test, but some in another part"
    assert findings[2].text.startswith(
        "57 classes, 'c3', 'c4', 'c5', 'c6', 'c7', 'c8', 'c9', 'c10', ... (49 more), have"
    )
    assert findings[3].text.endswith("have no sequence in test")


def test_copies_in_another_part_are_a_warning_and_copies_in_the_same_a_note():
    x, y = noise(4), noise(5)
    schema = Schema(("a", "b"), (2,))
    part = SequenceDataset([x, y], [0, 1], [{}, {}], schema)
    (warning,) = summarise({"train": part, "test": part}, "here", "made", []).findings
    assert warning.severity == "warning"
    (note,) = report_on(x, y, x, labels=[0, 1, 0]).findings
    assert note.severity == "note"


def test_the_option_in_the_note_of_a_reader_is_found_if_the_reader_takes_it():
    data = SequenceDataset([noise(4), noise(4)], [0, 1], [{}, {}], Schema(("a", "b"), (2,)))
    data.notes = ("labels are whole numbers, so they are 2 classes: target=number if they are not (x=3)",)
    assert summarise({"all": data}, "here", "made", [], ["target"]).findings[0].option == "target=number"
    assert summarise({"all": data}, "here", "made", []).findings[0].option == ""


def test_what_each_column_was_taken_for_is_in_the_report_and_in_its_json(tmp_path):
    rows = [f"{i // 4},{i},{'ab'[i // 8]},{i // 4},{'' if i == 5 else i * i % 7},{i / 3:.2f}" for i in range(16)]
    (tmp_path / "set.csv").write_text("\n".join(["sequence,time,label,trial,x,y", *rows]))
    report = check(tmp_path / "set.csv")
    assert "columns     sequence: sequence; time: time; label: label; fact: trial\n" in str(report)
    assert "no value    x in 1 row\n" in str(report)
    columns = json.loads(json.dumps(report.to_dict()))["columns"]
    assert columns[3:5] == [
        {"column": "trial", "use": "fact", "missing": 0},
        {"column": "x", "use": "feature", "missing": 1},
    ]
    assert any(finding.option == "keep=[trial]" for finding in report.findings)


def test_labels_that_are_numbers_are_described(tmp_path):
    rows = [f"{i // 4},{i // 4 / 2},{i * i % 7}" for i in range(16)]
    (tmp_path / "set.csv").write_text("\n".join(["sequence,label,x", *rows]))
    report = check(tmp_path / "set.csv", target="number")
    assert "labels      numbers from 0 to 1.5, 0.75 on average" in str(report)
    assert "classes" not in str(report)
    assert report.to_dict()["labels"] == [0, 0.75, 1.5]


def test_a_stored_set_is_reported_on_as_the_file_that_it_was_converted_from(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 6, 3)).astype(np.float32)
    x[1] = 0
    x[2, :, 1] = x[2, 0, 1]
    x[3, 0] = 0
    x[5], x[4, 2, 0] = x[6], np.nan
    np.savez(
        tmp_path / "set.npz", x=x, y=np.arange(8) % 2, lengths=[6, 6, 6, 6, 6, 6, 6, 1], split=["train", "test"] * 4
    )
    in_memory = check(tmp_path / "set.npz").to_dict()
    stored = check(convert(tmp_path / "set.npz", tmp_path / "set", missing="keep")).to_dict()
    for key in ("path", "format"):
        assert in_memory.pop(key) != stored.pop(key)
    assert stored == in_memory
