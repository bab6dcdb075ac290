"""The place of a process among those of torchrun and SLURM, by the variables that these set."""

from __future__ import annotations

import os

import pytest

from attentive_rnn.errors import ConfigError
from attentive_rnn.training.processes.group import ALONE, Group, find_group

TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none",
    "RANK": "5",
    "WORLD_SIZE": "6",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
}
SLURM = {
    "SLURM_JOB_ID": "7",
    "SLURM_NTASKS": "7",
    "SLURM_PROCID": "6",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "3",
    "SLURM_STEP_TASKS_PER_NODE": "2(x3),1",
}


@pytest.fixture
def found(monkeypatch):
    """The group of an environment that has these variables alone of all that launchers set."""

    def find(variables):
        for name in list(os.environ):
            if name.startswith(("TORCHELASTIC", "SLURM", "OMPI", "PMI")) or name in TORCHRUN:
                monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return find_group()

    return find


@pytest.mark.parametrize(
    ("variables", "group"),
    [
        ({}, ALONE),
        (TORCHRUN, Group("torchrun", 5, 6, 1, 2)),
        (TORCHRUN | SLURM, Group("torchrun", 5, 6, 1, 2)),  # srun torchrun ...
        (TORCHRUN | {"WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0"}, ALONE),
        (SLURM, Group("SLURM", 6, 7, 0, 1)),
        (SLURM | {"SLURM_NODEID": "2", "SLURM_PROCID": "5", "SLURM_LOCALID": "1"}, Group("SLURM", 5, 7, 1, 2)),
        ({"SLURM_NTASKS": "2", "SLURM_PROCID": "1"}, Group("SLURM", 1, 2, 0, 1)),
        (SLURM | {"SLURM_NTASKS": "1", "SLURM_PROCID": "0"}, ALONE),
        (SLURM | {"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, ALONE),  # srun -n 1 within a job of seven
        (SLURM | {"OMPI_COMM_WORLD_SIZE": "7", "PMI_SIZE": "7"}, Group("SLURM", 6, 7, 0, 1)),  # srun --mpi=pmi2
    ],
)
def test_the_group_is_that_of_the_launcher(found, variables, group):
    assert found(variables) == group


@pytest.mark.parametrize(
    "variables",
    [
        {"SLURM_NTASKS": "2"},  # in the shell of salloc
        {"OMPI_COMM_WORLD_SIZE": "2"},
        {"WORLD_SIZE": "2", "RANK": "0"},
    ],
)
def test_processes_that_cannot_find_each_other_are_refused(found, variables):
    with pytest.raises(ConfigError, match=rf"{next(iter(variables))}=2.*env -u"):
        found(variables)
