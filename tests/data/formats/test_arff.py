import numpy as np
import pytest

from attentive_rnn.data import load, recognise
from attentive_rnn.data.formats import arff
from attentive_rnn.errors import DataError
from data.damage import damaged, read_or_refused

HEADER = "% made\n@RELATION 'Made one'\n@attribute seq relational\n"
FRAMES = "".join(f"  @attribute t{i} numeric\n" for i in range(3))
MULTI = HEADER + FRAMES + "@end seq\n@attribute class {up,'going down'}\n@data\n"
UNI = "@relation Made\n" + FRAMES.replace("numeric", "REAL") + "@attribute target {-1,1}\n@data\n"
ROWS = "'1,2,3\\n4,5,6',up\n\"7,8,?\\n9,1e1,?\",'going down'\n"


def parse(text):
    return arff.parse(text.encode(), "Made_TRAIN.arff")


def test_a_multivariate_file_is_read_with_its_shorter_sequences():
    content = parse(MULTI + ROWS)
    assert content.problem == "Made one"
    assert content.classes == ("up", "going down")
    assert content.labels == [0, 1]
    np.testing.assert_array_equal(content.cases[0], [[1, 4], [2, 5], [3, 6]])
    np.testing.assert_array_equal(content.cases[1], [[7, 9], [8, 10]])
    assert content.cases[0].dtype == np.float32


def test_a_univariate_file_is_read():
    content = parse(UNI + "1,2,3,-1\n4,5,6,?\n")
    assert content.labels == [0, -1]
    assert content.cases[1].tolist() == [[4], [5], [6]]


def test_a_pair_is_found_and_the_single_dimensions_beside_it_are_passed_over(tmp_path):
    for part in ("TRAIN", "TEST"):
        (tmp_path / f"X_{part}.arff").write_text(MULTI + ROWS)
        (tmp_path / f"XDimension1_{part}.arff").write_text("")
    assert recognise(tmp_path).name == "arff"
    train, test = load("arff", tmp_path)
    assert (len(train), len(test), train.schema.shape) == (2, 2, (2,))
    assert train.metas[1]["name"] == "X_TRAIN/2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no @data line"),
        (UNI, "there is no sequence after @data"),
        ("hello\n", "line 1: expected @relation"),
        ("@attribute a string\n", "line 1: expected '@attribute NAME numeric'"),
        ("@attribute a numeric\n@data\n", "line 2: @data comes before an attribute for the class"),
        ("@attribute c {a,b}\n@data\n", "line 2: @data comes before an attribute for the frames"),
        ("@attribute c {a,b}\n@attribute a numeric\n", "line 2: an attribute after the class"),
        ("@attribute a numeric\n@attribute c {a,a}\n", "line 2: the class attribute names a class twice"),
        (UNI + "1,2,3,7\n", "line 7: the class '7'"),
        (UNI + "1,2,-1\n", "line 7: dimension 1 has 2 values, but the header has 3"),
        (UNI + "1,x,3,-1\n", "line 7: value 2 of dimension 1 is 'x', not a number"),
        (UNI + "1,?,3,-1\n", "line 7: value 2 of dimension 1 is missing; load with"),
        (UNI + "{0 1}\n", "line 7: is in the sparse form"),
        (UNI + "1\n", "line 7: expected values and a class"),
        (MULTI + ROWS + "'1,2,3',up\n", "line 12: 1 dimension, but the first sequence has 2"),
        (MULTI + "'1,2,3\n", "line 10: expected 'values',class"),
        (MULTI + "1,2,3,up\n", "line 10: expected 'values',class"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(text, message):
    with pytest.raises(DataError, match=message):
        parse(text)


@pytest.mark.parametrize("text", [MULTI + ROWS, UNI + "1,2,3,-1\n4,5,6,1\n"])
def test_damaged_files_are_read_or_refused(tmp_path, text):
    path = tmp_path / "Made_TRAIN.arff"
    assert 5 < read_or_refused(arff.ARFF.read, path, damaged(text.encode(), 1000)) < 950
