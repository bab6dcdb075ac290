import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.data.check.moments import Moments, pieces


@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(0, 40), max_size=5), gaps=st.floats(0, 0.6))
def test_pieces_give_the_statistics_of_the_whole(seed, cuts, gaps):
    rng = np.random.default_rng(seed)
    values = rng.normal(1e6, 2.0, size=(40, 3))
    values[rng.random(values.shape) < gaps] = np.nan
    values[0] = 1e6
    moments = Moments(3)
    for piece in np.split(values, sorted(cuts)):
        moments.add(piece)
    assert moments.count.tolist() == (~np.isnan(values)).sum(0).tolist()
    np.testing.assert_allclose(moments.mean, np.nanmean(values, 0), rtol=1e-12)
    np.testing.assert_allclose(moments.deviation(), np.nanstd(values, 0), rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal([moments.low, moments.high], [np.nanmin(values, 0), np.nanmax(values, 0)])


def test_a_column_that_never_changes_or_has_no_value_has_no_deviation():
    moments = Moments(2)
    for _ in range(7):
        moments.add(np.array([[0.1, np.nan]]))
    assert moments.deviation().tolist() == [0.0, 0.0]
    assert moments.count.tolist() == [7, 0]


@given(lengths=st.lists(st.integers(1, 9), max_size=12), frames=st.integers(1, 20))
def test_the_pieces_of_sequences_hold_each_frame_once_in_order(lengths, frames):
    sequences = np.split(np.arange(sum(lengths))[:, None], np.cumsum(lengths)[:-1]) if lengths else []
    found = list(pieces(sequences, frames))
    assert [int(v) for piece in found for v in piece[:, 0]] == list(range(sum(lengths)))
    assert all(len(piece) >= frames for piece in found[:-1])
