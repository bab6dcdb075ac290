import pytest

from attentive_rnn.data import load


@pytest.fixture(scope="session")
def real_nucla(shared_data):
    """The training and test part of the real Northwestern-UCLA skeletons, read once."""
    return load("nucla", shared_data / "nw-ucla" / "all_sqe.zip")
