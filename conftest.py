"""Fixtures of all tests, and of the examples in docstrings, which pytest collects from src."""

import importlib
import os
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# A busy machine is slow now and then; that is no property of the code under test.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")

# Some tests ask for deterministic algorithms, which cuBLAS has only with a workspace of its own.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

# No extra installs aeon, whose pins are older than those of the others; without it its module cannot be imported.
collect_ignore = [] if find_spec("aeon") else ["src/attentive_rnn/estimators/aeon.py"]

# Triton's functions, and ours, are for its interpreter only where the variable is set when they are first imported;
# the collection of examples would import them without it.
KERNELS = ("recurrence.triton_kernels", "recurrence.triton_lags", "lstm2d.triton_kernels")
if not torch.cuda.is_available():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        for kernels in KERNELS:
            importlib.import_module(f"attentive_rnn.ops.{kernels}")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder $ATTENTIVE_TEST_DATA, with data sets that are not part of the repository."""
    named = os.environ.get("ATTENTIVE_TEST_DATA")
    if not named:
        pytest.skip("real data: set ATTENTIVE_TEST_DATA to the folder that has them")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"ATTENTIVE_TEST_DATA: there is no folder {folder}")
    return folder


@pytest.fixture(autouse=True)
def _seeded_on_one_thread():
    """Every test draws the same numbers alone or among others, and leaves torch as it found it."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
    if torch.are_deterministic_algorithms_enabled() != deterministic:
        torch.use_deterministic_algorithms(deterministic)


@pytest.fixture
def triton_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton's kernels run: on a GPU, or where there is none in its interpreter, as it is told where one is defined."""
    if not torch.cuda.is_available():
        monkeypatch.setenv("TRITON_INTERPRET", "1")
