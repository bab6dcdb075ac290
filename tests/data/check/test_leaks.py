"""The findings on features that alone tell the class."""

import numpy as np
import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset, check
from attentive_rnn.data.check.leaks import leak_findings
from attentive_rnn.training import load_config
from attentive_rnn.training.setup import load_splits

NAMES = ("x", "y", "z", "n")


def part(last, labels, features=NAMES):
    """Sequences of noise with a last feature that is given for each."""
    rng = np.random.default_rng(0)
    sequences = [torch.as_tensor(rng.normal(size=(5, 4)), dtype=torch.float32) for _ in labels]
    for sequence, value in zip(sequences, last, strict=True):
        sequence[:, 3] = value
    return SequenceDataset(sequences, labels, [{}] * len(labels), Schema(("a", "b", "c"), (4,), features))


LABELS = [0] * 6 + [1] * 6 + [2] * 6


@pytest.mark.parametrize("last", [range(18), [2] * 6 + [0] * 6 + [7] * 6, [1e9 + 1000 * i for i in range(18)]])
def test_a_counter_a_code_and_a_time_are_found(last):
    (finding,) = leak_findings({"train": part(last, LABELS)})
    assert finding.severity == "error"
    assert finding.text.startswith("the feature 'n' alone tells the class of all 18 labelled sequences of train")
    assert finding.option == "features=[x,y,z]"


def courses(course):
    """Sequences whose last feature is given by a function of the sequence's number, its label and the frame."""
    data = part([0] * 18, LABELS)
    for i, sequence in enumerate(data.sequences):
        sequence[:, 3] = torch.as_tensor([course(i, LABELS[i], t) for t in range(5)])
    return {"train": data}


@pytest.mark.parametrize(
    "course",
    [
        lambda i, label, t: 5 * i + t,
        lambda i, label, t: 100 + i + t / 10,
        lambda i, label, t: 1.7e9 + 1e4 * i + 300 * t**2,
        lambda i, label, t: 3 * label + i % 3,
    ],
    ids=["a row counter", "a clock of even steps", "a time since 1970 of uneven steps", "a code of the class"],
)
def test_what_is_surely_no_measurement_is_an_error(course):
    (finding,) = leak_findings(courses(course))
    assert finding.severity == "error"
    assert "must be left out" in finding.text


@pytest.mark.parametrize(
    "course",
    [
        lambda i, label, t: 4.1 - label - 0.01 * t**1.5 - 0.003 * i,
        lambda i, label, t: 60.5 + 10 * label + 0.1 * i,
    ],
    ids=["a falling voltage", "a weight, the same in all frames"],
)
def test_what_may_be_a_measurement_is_a_warning_with_what_to_check(course):
    (finding,) = leak_findings(courses(course))
    assert finding.severity == "warning"
    assert "Nothing need be done if it is a measurement" in finding.text
    assert finding.option == "features=[x,y,z]"


def test_what_tells_no_class_or_only_some_is_no_leak():
    assert not list(leak_findings({"train": part(range(18), [0, 1, 2] * 6)}))
    assert not list(leak_findings({"train": part([0] * 12 + [1] * 6, LABELS)}))
    assert not list(leak_findings({"train": part([float("nan")] * 18, LABELS)}))


def test_a_measurement_that_goes_up_and_down_is_no_leak():
    data = part([0] * 6 + [9] * 6 + [18] * 6, LABELS)
    for sequence in data.sequences:
        sequence[::2, 3] += 1
    assert not list(leak_findings({"train": data}))


def test_few_sequences_and_many_such_features_are_no_leak():
    assert not list(leak_findings({"train": part([0, 1, 2], [0, 1, 2])}))
    data = part(range(18), LABELS)
    for sequence in data.sequences:
        sequence[:, :3] = sequence[:, 3:]
    assert not list(leak_findings({"train": data}))


def test_a_leak_in_a_table_is_an_error_of_the_check_and_a_warning_before_training(tmp_path, capsys):
    rng = np.random.default_rng(0)
    rows = [
        f"{i},{'ab'[i // 10]},{rng.normal():.3f},{rng.normal():.3f},{100 + i + j / 10}"
        for i in range(20)
        for j in range(3)
    ]
    (tmp_path / "set.csv").write_text("\n".join(["sequence,label,x,y,stamp", *rows]))
    report = check(tmp_path / "set.csv")
    assert "error: the feature 'stamp' alone tells the class" in str(report)
    assert "(--option features=[x,y])" in str(report)
    assert not check(tmp_path / "set.csv", features=["x", "y"]).errors
    load_splits(load_config("sequence", [("data.source", "table"), ("data.path", str(tmp_path / "set.csv"))]))
    assert "warning: the feature 'stamp' alone tells the class of all 15 labelled" in capsys.readouterr().err


def test_a_code_with_several_values_for_a_class_is_found():
    codes = [1, 4, 7] * 2 + [2, 5, 8] * 2 + [3, 6, 9] * 2
    (finding,) = leak_findings({"train": part(codes, LABELS)})
    assert finding.severity == "error"
    assert not list(leak_findings({"train": part([1, 4, 7] * 5 + [2, 5, 8], LABELS)}))


def test_several_leaks_beside_measurements_are_all_found():
    data = part(range(18), LABELS)
    for i, sequence in enumerate(data.sequences):
        sequence[:, 1:3] = torch.tensor([LABELS[i], 100.0 + i])
    assert [finding.text[:15] for finding in leak_findings({"train": data})] == [
        "the feature 'y'",
        "the feature 'z'",
        "the feature 'n'",
    ]


def test_measurements_of_single_frames_may_tell_the_classes():
    rng = np.random.default_rng(0)
    values = [torch.as_tensor(rng.normal(size=(1, 4)) + 20 * label, dtype=torch.float32) for label in LABELS]
    data = SequenceDataset(values, LABELS, [{}] * 18, Schema(("a", "b", "c"), (4,), NAMES))
    assert not list(leak_findings({"train": data}))
