"""Words: texts survive as indices of a vocabulary."""

from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data import Schema, SequenceDataset
from attentive_rnn.data.text.words import UNKNOWN, build_vocabulary, decode, encode, recode, words


@given(st.lists(st.text(), max_size=5))
def test_words_survive_their_indices(texts):
    split = [words(text) for text in texts]
    vocabulary = build_vocabulary(split)
    sequences = encode(split, vocabulary)
    assert [decode(s, vocabulary) for s in sequences] == [text or [UNKNOWN] for text in split]


def test_equally_frequent_words_come_in_the_order_of_the_alphabet():
    assert build_vocabulary([["b", "c", "a"], ["c"]]) == (UNKNOWN, "c", "a", "b")


def test_words_that_another_vocabulary_lacks_become_unknown():
    schema = Schema(("neg", "pos"), (1,), vocabulary=(UNKNOWN, "dull", "plot", "film"))
    data = SequenceDataset(encode([["dull", "film"], ["plot"]], schema.vocabulary), [0, 1], [{}, {}], schema)
    again = recode(data, (UNKNOWN, "film"))
    assert [s.flatten().tolist() for s in again.sequences] == [[0.0, 1.0], [0.0]]
    assert again.labels.tolist() == [0, 1]
    assert again.schema.vocabulary == (UNKNOWN, "film")
