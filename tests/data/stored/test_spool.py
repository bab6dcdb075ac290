import numpy as np

from attentive_rnn.data.stored import spool
from attentive_rnn.data.stored.spool import concatenated, is_on_disk, keep, large, on_disk


def mapped(array):
    while array is not None and not isinstance(array, np.memmap):
        array = array.base
    return array is not None


def test_in_memory_an_array_is_kept_as_it_is():
    values = np.ones((3, 2), np.float32)
    assert keep(values) is values
    assert not is_on_disk()
    assert not mapped(large((2**19,), np.float64))


def test_on_the_disk_arrays_keep_their_values_and_types_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "_CHUNK", 256)
    monkeypatch.setattr(spool, "_SMALL", 64)
    rng = np.random.default_rng(0)
    wanted = [rng.normal(size=(n, 3)).astype(kind) for n in (1, 5, 40, 2) for kind in ("f4", "f8", "i1")]
    with on_disk(tmp_path):
        assert is_on_disk()
        found = [keep(values) for values in wanted]
        assert all(map(mapped, found))
        assert keep(found[0]) is found[0]
        assert not mapped(large((2,), np.float32))
        joined = concatenated(found[::3])
        assert mapped(joined)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    np.testing.assert_array_equal(joined, np.concatenate(wanted[::3]))
    assert len(list(tmp_path.iterdir())) > 2
