"""UTD-MHAD: MATLAB files with the joints from the head down, and subjects with odd numbers to train."""

import numpy as np
import pytest

from attentive_rnn.data import get_layout, load, recognise
from attentive_rnn.data.skeletons import utd
from attentive_rnn.errors import DataError
from data.writers import mat, put

RNG = np.random.default_rng(0)


def write_utd(folder, action=1, subject=1, trial=1, frames=3):
    x = RNG.normal(size=(20, 3, frames))
    return put(folder / f"a{action}_s{subject}_t{trial}_skeleton.mat", mat(d_skel=x)), x


def test_utd_trains_on_odd_subjects_with_joints_in_the_order_of_the_layout(tmp_path):
    for subject in range(1, 9):
        path, x = write_utd(tmp_path, 27, subject)
    train, test = load("utd-mhad", tmp_path)
    assert (train.groups("subject").tolist(), test.groups("subject").tolist()) == ([1, 3, 5, 7], [2, 4, 6, 8])
    joints = get_layout("kinect-20").joints
    last = test[3].sequence[:, 0]
    for name, place in (("head", 0), ("shoulder centre", 1), ("hip centre", 3), ("right foot", 19)):
        np.testing.assert_array_equal(last[:, joints.index(name)], np.float32(x[place].T))
    assert recognise(path).name == "utd-mhad"
    assert train.schema.classes[train.labels[0]] == "squat (two arms stretch out)"
    with pytest.raises(DataError, match="not from 1 to 27"):
        utd.read(write_utd(tmp_path / "other", 28)[0])
