"""Training with FSDP2, here in two processes of this machine's processor."""

from __future__ import annotations

from io import StringIO

import pytest
import torch
from rich.console import Console

from attentive_rnn.errors import ConfigError
from attentive_rnn.training import resume, train
from attentive_rnn.training.checkpoint import read_checkpoint
from several_processes import CHANGES, timeless, weights

CHANGED = CHANGES | {"training__max_epochs": "2", "model__num_layers": "2"}


@pytest.fixture(scope="module")
def alone(small_config, tmp_path_factory):
    torch.set_num_threads(1)
    return train(small_config(**CHANGED), tmp_path_factory.mktemp("alone"), console=Console(file=StringIO()))


def test_two_processes_train_what_one_does_whatever_parts_their_batches_have(alone, small_config, tmp_path, quiet):
    changes = CHANGED | {"training__strategy": "fsdp", "training__max_frames_per_batch": "150", "devices": "2"}
    run = train(small_config(**changes), tmp_path, console=quiet)
    for ours, theirs in zip(timeless(run), timeless(alone), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-9)
    for name, tensor in weights(run).items():
        assert torch.allclose(tensor, weights(alone)[name], rtol=1e-9, atol=1e-12)


def test_its_checkpoint_is_that_of_one_process(alone, small_config, tmp_path, quiet):
    run = train(small_config(**CHANGED | {"training__strategy": "fsdp", "devices": "2"}), tmp_path, console=quiet)
    ours, theirs = read_checkpoint(run.last), read_checkpoint(alone.last)
    assert ours.keys() == theirs.keys()
    assert ours["optimizer"]["state"].keys() == theirs["optimizer"]["state"].keys()
    for name, state in theirs["optimizer"]["state"].items():
        for key, value in state.items():
            assert torch.allclose(ours["optimizer"]["state"][name][key], value, rtol=1e-9, atol=1e-12)


def test_it_goes_on_from_the_checkpoint_of_one_process(alone, small_config, tmp_path, quiet):
    sharded = small_config(**CHANGED | {"training__strategy": "fsdp", "devices": "2"})
    begun = train(sharded, tmp_path, console=quiet, callbacks=[lambda row: True])
    assert len(timeless(begun)) == 1
    begun.results.unlink()
    begun.last.write_bytes(first_epoch(small_config, tmp_path, quiet))
    run = resume(begun, console=quiet)
    assert timeless(run)[1] == pytest.approx(timeless(alone)[1], rel=1e-9)
    for name, tensor in weights(run).items():
        assert torch.allclose(tensor, weights(alone)[name], rtol=1e-9, atol=1e-12)


def first_epoch(small_config, folder, quiet) -> bytes:
    """The checkpoint of one process after an epoch."""
    run = train(small_config(**CHANGED), folder / "one", console=quiet, callbacks=[lambda row: True])
    return run.last.read_bytes()


def test_float16_is_refused(small_config):
    with pytest.raises(ConfigError, match=r"training\.strategy must be ddp for precision 16-mixed"):
        small_config(training__strategy="fsdp", precision="16-mixed")
