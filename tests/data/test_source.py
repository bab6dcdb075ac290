"""Sources: what they offer, and whether loading them draws the test part."""

from attentive_rnn.data import Source, get_source, list_sources


def test_formats_without_a_protocol_draw_the_test_part():
    drawn = {source.name for source in list_sources() if source.draws_test_part}
    formats = {
        "audio",
        "c3d",
        "folders",
        "frame-features",
        "hdf5",
        "keypoints",
        "npy",
        "npz",
        "stored",
        "table",
        "text",
    }
    assert drawn == formats


def test_embedded_sources_load_without_a_path():
    assert {source.name for source in list_sources() if source.embedded} == {
        "japanese-vowels",
        "basic-motions",
        "adding",
    }


def test_a_source_recognises_nothing_unless_it_says_so(tmp_path):
    vowels = get_source("japanese-vowels")
    source = Source("mine", "a set of mine", vowels.load, vowels.read)
    assert not source.recognise(tmp_path)
    assert (source.preprocessing, source.augmentation, source.check_options) == ((), (), {})
