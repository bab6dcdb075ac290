"""A damaged checkpoint is one clear error, and nothing in a checkpoint is executed."""

import os
import zipfile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attentive_rnn.errors import ConfigError
from attentive_rnn.training import resume, train
from attentive_rnn.training.checkpoint import read_checkpoint
from small_runs import copy_of, train_until, weights


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "whole.ckpt"
    torch.save({"model": {"weight": torch.arange(6.0)}, "rows": [{"epoch": 1}]}, path)
    return path


def test_what_was_written_is_read(written):
    assert torch.equal(read_checkpoint(written)["model"]["weight"], torch.arange(6.0))


@given(st.data())
def test_a_checkpoint_cut_short_is_refused_by_its_name(written, data):
    content = written.read_bytes()
    part = written.with_name("part.ckpt")
    part.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(ConfigError, match=r"part.ckpt: this checkpoint is damaged"):
        read_checkpoint(part)


def test_a_pickle_that_ends_within_a_number_is_refused(written):
    cut = written.with_name("cut.ckpt")
    with zipfile.ZipFile(written) as whole, zipfile.ZipFile(cut, "w") as archive:
        for name in whole.namelist():
            archive.writestr(name, b"\x80\x02J\x01" if name.endswith("data.pkl") else whole.read(name))
    with pytest.raises(ConfigError, match=r"cut.ckpt: this checkpoint is damaged or not one \(unpack requires"):
        read_checkpoint(cut)


def test_a_changed_number_is_found_by_the_check_sum(written):
    content = written.read_bytes()
    at = content.index(torch.arange(6.0).numpy().tobytes())
    altered = written.with_name("altered.ckpt")
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


def test_a_checkpoint_of_version_0_1_0_is_read_in_the_present_layout(tmp_path):
    old = {
        "pytorch-lightning_version": "2.6.6",
        "state_dict": {"model.weight": torch.arange(6.0)},
        "callbacks": {"Recorder": {"rows": [{"epoch": 1}]}},
        "optimizer_states": [{"param_groups": []}],
        "MixedPrecision": {"scale": 65536.0},
    }
    torch.save(old, tmp_path / "old.ckpt")
    content = read_checkpoint(tmp_path / "old.ckpt")
    assert torch.equal(content.pop("model")["weight"], torch.arange(6.0))
    whole = {"optimizer": {"param_groups": []}, "precision": {"scale": 65536.0}, "rows": [{"epoch": 1}], "within": {}}
    assert content == whole


def test_another_file_of_torchs_is_no_checkpoint(tmp_path):
    path = tmp_path / "tensor.ckpt"
    torch.save(torch.zeros(3), path)
    with pytest.raises(ConfigError, match="is not a checkpoint of a run"):
        read_checkpoint(path)
    with pytest.raises(ConfigError, match="there is no such checkpoint"):
        read_checkpoint(tmp_path / "absent.ckpt")


def test_a_damaged_last_checkpoint_is_replaced_by_the_best_and_said_so(whole, tmp_path, quiet):
    run = copy_of(whole, tmp_path, last=whole.last.read_bytes()[:1000])
    assert weights(resume(run, console=quiet)) == weights(whole)
    assert "last.ckpt: this checkpoint is damaged" in quiet.file.getvalue()
    assert "best.ckpt instead" in quiet.file.getvalue()


def test_a_run_that_was_killed_between_its_two_checkpoints_has_both_in_the_end(small_config, tmp_path, quiet):
    config = small_config("basic-motions")
    config.training.max_epochs = 1
    whole = train(config, tmp_path, name="whole", console=quiet)
    run = copy_of(whole, tmp_path, last=None)
    assert weights(resume(run, console=quiet)) == weights(whole)
    assert run.last.read_bytes() == whole.last.read_bytes()


def test_a_damaged_best_checkpoint_is_an_error(whole, tmp_path, quiet):
    run = copy_of(whole, tmp_path, best=b"damaged")
    with pytest.raises(ConfigError, match=r"best\.ckpt: this checkpoint is damaged"):
        resume(run, console=quiet)


def test_a_run_that_version_0_1_0_left_half_done_is_resumed_to_the_same_bits(whole, tmp_path, quiet):
    run = train_until(2, whole.read_config(), tmp_path)
    for path in (run.last, run.best):
        content = read_checkpoint(path)
        old = {
            "epoch": len(content["rows"]) - 1,
            "global_step": 14,
            "pytorch-lightning_version": "2.6.6",
            "state_dict": {f"model.{name}": tensor for name, tensor in content["model"].items()},
            "loops": {},
            "callbacks": {"Recorder": {"rows": content["rows"]}},
            "optimizer_states": [content["optimizer"]],
            "lr_schedulers": [],
            "schedule": content["schedule"],
        }
        torch.save(old, path)
    assert weights(resume(run, console=quiet)) == weights(whole)
    assert "continuing after epoch 2" in quiet.file.getvalue()
