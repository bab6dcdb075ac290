"""The warnings on parts of one class, without a class, and with the persons of another part."""

import pytest
import torch

from attentive_rnn.data import Schema, SequenceDataset, check
from attentive_rnn.data.check.parts import part_warnings
from attentive_rnn.training import load_config
from attentive_rnn.training.setup import load_splits


def part(labels, target="class", subjects=None):
    schema = Schema(("up", "down") if target == "class" else (), (1,), target=target)
    metas = [{}] * len(labels) if subjects is None else [{"subject": subject} for subject in subjects]
    return SequenceDataset([torch.ones(2, 1)] * len(labels), labels, metas, schema)


def test_a_part_of_one_class_is_warned_of():
    warning, other = part_warnings({"train": part([1, 1, -1]), "valid": part([1]), "test": part([0, 1])})
    assert other == "the class 'up' has no sequence in valid, but some in another part"
    assert warning.startswith("all 2 labelled sequences of train are of one class, 'down'")
    assert not list(part_warnings({"train": part([1.0, 1.0], "number")}))


def test_a_part_without_a_class_of_another_is_warned_of():
    (warning,) = part_warnings({"train": part([1]), "test": part([0, 1, 1])})
    assert warning == "the class 'up' has no sequence in train, but some in another part"
    (warning,) = part_warnings({"train": part([0, 1, 1]), "test": part([0, -1])})
    assert warning == "the class 'down' has no sequence in test, but some in another part"
    assert not list(part_warnings({"train": part([0, 1]), "test": part([-1, -1])}))


def test_persons_in_two_parts_are_warned_of():
    train = part([0, 1, 1], subjects=[3, 4, 5])
    (warning,) = part_warnings({"train": train, "test": part([0, 1], subjects=[5, 6])})
    assert warning == "1 of 2 persons of test are in train too, first '5': the score is not one on new persons"
    assert not list(part_warnings({"train": train, "test": part([0, 1], subjects=[5, 6])}, shares_persons=True))
    assert not list(part_warnings({"train": train, "test": part([0, 1], subjects=[6, 7])}))
    assert not list(part_warnings({"train": train, "test": part([0, 1])}))


def test_the_warning_is_the_first_line_of_the_report_and_printed_before_training(tmp_path, capsys):
    path = tmp_path / "one.csv"
    path.write_text("sequence,label,x\n" + "".join(f"{i},a,{i}.5\n" for i in range(8)))
    report = check(path)
    assert str(report).startswith("warning: all 8 labelled sequences are of one class, 'a'")
    assert report.to_dict()["warnings"] == list(report.warnings)
    load_splits(load_config("sequence", [("data.source", "table"), ("data.path", str(path))]))
    printed = capsys.readouterr().err
    assert printed.count("of one class") == 1
    assert "warning: all 8 labelled sequences are of one class" in printed


def test_classes_that_differ_in_case_or_spaces_are_named():
    def of(*classes):
        sequences = [torch.ones(2, 1)] * len(classes)
        labels = list(range(len(classes)))
        return {"all": SequenceDataset(sequences, labels, [{}] * len(classes), Schema(classes, (1,)))}

    (warning,) = part_warnings(of("Walk", "run", "walk "))
    assert "the classes 'Walk' and 'walk ' differ only in case or spaces" in warning
    assert not list(part_warnings(of("-1", "1", "walk")))


def test_classes_that_are_the_same_number_are_warned_of():
    data = SequenceDataset([torch.ones(2, 1)] * 4, [0, 1, 2, 3], [{}] * 4, Schema(("01", "1", "10", "1.0"), (1,)))
    (warning,) = part_warnings({"all": data})
    assert "the classes '01' and '1' and '1.0' differ only in" in warning


@pytest.mark.parametrize(
    ("classes", "strange"),
    [
        (("-", "down", "up"), ["-"]),
        (("+", "-"), []),
        (("-1", "0", "1", "2"), ["-1"]),
        (("-1", "0", "1"), []),
        (("Unlabeled", "walk"), ["Unlabeled"]),
    ],
)
def test_a_class_that_may_mean_no_label_is_named(classes, strange):
    data = SequenceDataset(
        [torch.ones(2, 1)] * len(classes), range(len(classes)), [{}] * len(classes), Schema(classes, (1,))
    )
    found = [warning for warning in part_warnings({"train": data}) if "may mean that there is no label" in warning]
    assert [warning.split("'")[1] for warning in found] == strange
