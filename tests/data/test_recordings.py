import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data import Schema, SequenceDataset, load, read_sequences, validation_split
from attentive_rnn.data.recordings import Windows
from attentive_rnn.errors import ConfigError, DataError


def recordings(*labels, rate=None):
    """A recording for each text of labels, a letter a frame; frames count up."""
    sequences = [torch.arange(float(len(text)))[:, None] for text in labels]
    schema = Schema(("a", "b", "c"), (1,), rate=rate)
    metas = [{"name": f"r{i}"} for i in range(len(labels))]
    dataset = SequenceDataset(sequences, [-1] * len(labels), metas, schema, "set")
    return dataset, [np.array(["abc".find(letter) for letter in text]) for text in labels]


def cut(windows, *labels, rate=None):
    dataset, of_frames = recordings(*labels, rate=rate)
    return windows.cut(dataset, "set.csv", of_frames)


def test_windows_have_the_most_frequent_label_and_their_place():
    found = cut(Windows(4), "aaabbbbb")
    assert [s[0].item() for s in found.sequences] == [0, 4]
    assert found.labels.tolist() == [0, 1]
    assert found.metas[1] == {"name": "r0/4", "recording": "r0", "start": 4}
    assert found.notes == (
        "set.csv: 1 of 2 windows hold several labels, and the most frequent one counts (mixed=majority; "
        "there is also mixed=skip)",
    )


def test_of_labels_as_frequent_as_each_other_the_first_counts():
    assert cut(Windows(4), "bbaa").labels.tolist() == [1]
    assert cut(Windows(4), "aabb").labels.tolist() == [0]


def test_frames_without_a_label_are_counted_as_such():
    assert cut(Windows(3), "a--", "aa-").labels.tolist() == [-1, 0]


def test_mixed_windows_can_be_left_out_and_are_counted():
    windows = Windows(4, mixed="skip")
    found = cut(windows, "aaabbbbb")
    assert found.labels.tolist() == [-1, 1]  # to predict, all are there
    used = windows.usable(found)
    assert used.labels.tolist() == [1]
    assert used.notes[-1] == (
        "set: 1 of 2 are left out, because they do not hold one label throughout (mixed=skip); the first is r0/0"
    )


@given(st.integers(1, 12), st.floats(0, 0.95), st.integers(1, 40))
def test_windows_have_one_length_and_hold_every_frame(size, overlap, count):
    found = cut(Windows(size, overlap), "a" * count)
    assert {len(s) for s in found.sequences} == {min(size, count)}
    assert {int(v) for s in found.sequences for v in s.flatten()} == set(range(count))
    starts = [meta["start"] for meta in found.metas]
    assert starts == sorted(set(starts))
    assert [s[0].item() for s in found.sequences] == starts


def test_seconds_need_a_rate():
    assert Windows("2.56s", 0.5, rate=50).frames(None, "here") == (128, 64)
    assert Windows(".5 s").frames(100.0, "here") == (50, 50)
    assert Windows("128").frames(None, "here") == (128, 128)
    with pytest.raises(DataError, match=r"set\.csv: window=1s is in seconds.*--option rate=50"):
        cut(Windows("1s"), "aaa")


@pytest.mark.parametrize("window", [0, -1, 2.56, "2.56", "0s", "s", "fast", True, None, "1e3s"])
def test_a_window_that_is_no_length_is_refused(window):
    with pytest.raises(ConfigError, match="window must be frames, such as 128, or seconds"):
        Windows(window)


@pytest.mark.parametrize("overlap", [1, -0.1, "half"])
def test_an_overlap_that_is_no_share_is_refused(overlap):
    with pytest.raises(ConfigError, match="overlap must be"):
        Windows(4, overlap)


def test_windows_of_a_recording_are_never_in_two_parts():
    found = cut(Windows(2), *["aabbaabb"] * 5)
    train, valid = validation_split(found, 0.3, seed=0)
    shared = set(train.groups("recording")) & set(valid.groups("recording"))
    assert (len(train), len(valid), shared) == (12, 8, set())


def test_windows_of_one_recording_cannot_be_divided():
    with pytest.raises(DataError, match="all windows are of one recording"):
        validation_split(cut(Windows(2), "aabbaabb"), 0.3, seed=0)


TABLE = "id,activity,x\n" + "".join(
    f"{i},{activity},{t + 100 * i}\n" for i in range(4) for t, activity in enumerate(["walk"] * 5 + ["sit"] * 5)
)


def write(tmp_path, text, name="log.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_table_whose_label_changes_is_cut(tmp_path):
    data = read_sequences(write(tmp_path, TABLE), window=5)
    assert data.schema.classes == ("sit", "walk")
    assert data.labels.tolist() == [1, 0] * 4
    assert data.metas[3] == {"name": "1/5", "recording": "1", "start": 5}
    assert data[3].sequence.flatten().tolist() == [105, 106, 107, 108, 109]
    train, test = load("table", write(tmp_path, TABLE), window=5, overlap=0.5)
    assert not set(train.groups("recording")) & set(test.groups("recording"))


def test_without_windows_the_refusal_names_the_option(tmp_path):
    with pytest.raises(
        DataError, match=r"log\.csv, line 7: activity changes from 'walk' to 'sit'.*--option window=2.56s"
    ):
        read_sequences(write(tmp_path, TABLE))


def test_recordings_of_a_table_end_where_the_subject_or_the_part_changes(tmp_path):
    rows = [f"{s},{p},{y},{t}" for t, (s, p, y) in enumerate(zip("1122", ["train", "test"] * 2, "abab", strict=True))]
    data = read_sequences(write(tmp_path, "\n".join(["subject,split,label,x", *rows])), window=8)
    assert [len(s) for s in data.sequences] == [1, 1, 1, 1]
    assert [(m["subject"], m["split"]) for m in data.metas] == [(1, "train"), (1, "test"), (2, "train"), (2, "test")]
    assert len(set(data.groups("recording"))) == 4


def test_times_that_are_written_out_tell_the_rate(tmp_path):
    rows = [f"2024-01-01T00:00:00.{t:02d},{'ab'[t // 50]},{t}" for t in range(0, 100, 2)]
    data = read_sequences(write(tmp_path, "\n".join(["time,label,x", *rows])), window="0.5s")
    assert (data.schema.rate, data.lengths.tolist(), data.labels.tolist()) == (50.0, [25, 25], [0, 1])


def test_numbers_to_predict_are_no_labels_of_windows(tmp_path):
    text = "label,x\n" + "".join(f"{t / 7},{t}\n" for t in range(30))
    with pytest.raises(DataError, match="windows have classes"):
        read_sequences(write(tmp_path, text), window=5, target="number")


def test_options_of_windows_need_a_window(tmp_path):
    with pytest.raises(ConfigError, match="overlap is of windows; give their length too"):
        read_sequences(write(tmp_path, TABLE), overlap=0.5)


def test_a_rate_is_kept_without_windows_too(tmp_path):
    path = write(tmp_path, "id,label,x\n1,a,1\n2,b,2\n")
    assert read_sequences(path, rate=25).schema.rate == 25.0
    with pytest.raises(ConfigError, match="rate must be a number above 0"):
        read_sequences(path, rate=0)
