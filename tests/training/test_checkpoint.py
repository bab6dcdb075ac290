"""A damaged checkpoint is one clear error, and nothing in a checkpoint is executed."""

import os

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.errors import ConfigError
from attentive_rnn.training.checkpoint import read_checkpoint


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "whole.ckpt"
    torch.save({"model": {"weight": torch.arange(6.0)}, "rows": [{"epoch": 1}]}, path)
    return path


def test_what_was_written_is_read(whole):
    assert torch.equal(read_checkpoint(whole)["model"]["weight"], torch.arange(6.0))


@given(st.data())
def test_a_checkpoint_cut_short_is_refused_by_its_name(whole, data):
    content = whole.read_bytes()
    part = whole.with_name("part.ckpt")
    part.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(ConfigError, match=r"part.ckpt: this checkpoint is damaged"):
        read_checkpoint(part)


def test_a_changed_number_is_found_by_the_check_sum(whole):
    content = whole.read_bytes()
    at = content.index(torch.arange(6.0).numpy().tobytes())
    altered = whole.with_name("altered.ckpt")
    altered.write_bytes(content[: at + 8] + b"\x01" + content[at + 9 :])
    with pytest.raises(ConfigError, match=r"altered.ckpt: this checkpoint is damaged \(in .*data/0\)"):
        read_checkpoint(altered)


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path):
    path = tmp_path / "bomb.ckpt"
    torch.save({"model": {}, "rows": Bomb(tmp_path / "exploded")}, path)
    with pytest.raises(ConfigError, match=r"bomb.ckpt: this checkpoint is damaged or not one"):
        read_checkpoint(path)
    assert not (tmp_path / "exploded").exists()


def test_another_file_of_torchs_is_no_checkpoint(tmp_path):
    path = tmp_path / "tensor.ckpt"
    torch.save(torch.zeros(3), path)
    with pytest.raises(ConfigError, match="is not a checkpoint of a run"):
        read_checkpoint(path)
    with pytest.raises(ConfigError, match="there is no such checkpoint"):
        read_checkpoint(tmp_path / "absent.ckpt")
