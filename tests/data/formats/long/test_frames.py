"""Frames of the sequences of a table, in order of time, and their faults."""

import numpy as np
import pytest

from attentive_rnn.data.formats.columns import Columns
from attentive_rnn.data.formats.long.frames import Reading, gather, sorted_rows
from attentive_rnn.data.io.bad_samples import BadSamples
from attentive_rnn.errors import ConfigError, DataError

FILES = {"files": ("a.csv", "b.csv"), "starts": (0, 3)}
SEQUENCE = np.array([0, 0, 0, 1, 1])


def joined(**values):
    return Columns("set", "line", [2, 3, 4, 2, 3], {key: list(v) for key, v in values.items()}, **FILES)


def gathered(table, missing):
    return gather(table, {}, sorted_rows(table, SEQUENCE, None), Reading({}, missing=missing), BadSamples(missing))


def test_rows_are_sorted_by_time_within_each_sequence():
    rows = sorted_rows(joined(t="20176"), SEQUENCE, "t")
    assert (rows.order.tolist(), rows.starts.tolist()) == ([1, 2, 0, 4, 3], [0, 3])
    assert rows.steps(np.array([2, 0, 1, 7, 6])).tolist() == [1, 1, 1]
    with pytest.raises(DataError, match=r"a.csv, line 4: t 2 is there twice in one sequence, first in line 2"):
        sorted_rows(joined(t="21277"), SEQUENCE, "t")


def test_a_fault_is_named_with_its_file_and_line():
    table = joined(x=["1.5", "2.5", "0.5", "ERR", "3.5"])
    with pytest.raises(DataError, match=r"^b.csv, line 2: x is 'ERR', not a number"):
        gathered(table, "refuse")
    cases = gathered(table, "skip").cases
    assert cases[0].tolist() == [[1.5], [2.5], [0.5]]
    assert cases[1] is None
    found = gathered(table, "interpolate")
    assert found.cases[1].tolist() == [[3.5], [3.5]]
    assert found.notes == ["b.csv, line 2: x is 'ERR'; 1 cell of this column is no number and counts as missing"]
    assert found.uses[0].missing == 1


@pytest.mark.parametrize("options", [{"keep": "x"}, {"features": [1]}, {"decimal": ";"}, {"missing": "no"}])
def test_a_value_that_an_option_does_not_take_is_refused(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        Reading({}, **options).check("set")
