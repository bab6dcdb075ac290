"""The list of data sets and formats is that of the readers."""

from attentive_rnn.catalogue import INCLUDED, READ
from attentive_rnn.data import list_sources


def test_every_reader_is_listed_with_its_title_and_whether_it_needs_a_path():
    sources = list_sources()
    assert {source.name: source.title for source in sources if source.embedded} == INCLUDED
    assert {source.name: source.title for source in sources if not source.embedded} == READ
