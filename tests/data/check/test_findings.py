"""Findings: their sentences, their options and their order."""

from attentive_rnn.data.check.findings import Finding, reader_finding, sort_findings


def test_an_option_is_written_as_the_command_takes_it():
    assert str(Finding("note", "values are missing", "missing=zero")) == "values are missing (--option missing=zero)"
    assert str(Finding("note", "load with missing=zero", "missing=zero")).endswith("(--option missing=zero)")
    assert str(Finding("note", "try --option missing=zero", "missing=zero")) == "try --option missing=zero"
    assert str(Finding("note", "as it is")) == "as it is"


def test_the_note_of_a_reader_names_the_first_option_that_the_reader_takes():
    note = "taken for a time; --option keep=[index,row] takes it, split=both does nothing"
    assert reader_finding(note, ["keep", "features"]) == Finding("note", note, "keep=[index,row]")
    assert reader_finding(note, ["split"]).option == "split=both"
    assert reader_finding(note, ["missing"]).option == ""
    assert reader_finding('load with missing="zero"', ["missing"]).option == "missing=zero"


def test_the_most_severe_come_first_and_others_keep_their_order():
    found = [Finding("note", "a"), Finding("error", "b"), Finding("warning", "c"), Finding("error", "d")]
    assert [finding.text for finding in sort_findings(found)] == ["b", "d", "c", "a"]
