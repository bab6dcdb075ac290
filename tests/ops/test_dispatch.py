"""The choice of a backend, and the reason that dispatch gives."""

from __future__ import annotations

import pytest
import torch

import attentive_rnn
from attentive_rnn.ops import BackendError, dispatch, native
from attentive_rnn.ops.dispatch import Backend, choose
from attentive_rnn.ops.recurrence import Spec, recurrence
from helpers import random_call

RUNS = Backend(lambda call: None, lambda call: None)


def refusing(reason: str) -> Backend:
    return Backend(lambda call: None, lambda call: reason)


def test_auto_takes_the_fastest_backend_that_can_run_the_call():
    table = {"reference": RUNS, "cpu": RUNS, "triton": RUNS}
    assert choose(table, "auto", None).backend == "triton"
    assert choose({"reference": RUNS, "cpu": RUNS}, "auto", None).backend == "cpu"


def test_auto_falls_to_the_next_and_tells_why():
    table = {"reference": RUNS, "cpu": refusing("float16 is not built"), "triton": refusing("x is on the CPU")}
    choice = choose(table, "auto", None)
    assert choice.backend == "reference"
    assert choice.reason == "triton: x is on the CPU; cpu: float16 is not built"


def test_auto_names_every_refusal_where_none_can_run():
    table = {"cpu": refusing("no"), "reference": refusing("never")}
    with pytest.raises(BackendError, match=r"no backend can run this call: cpu: no; reference: never"):
        choose(table, "auto", None)


def test_what_a_backend_is_asked_is_the_call():
    seen: list[object] = []
    table = {"reference": Backend(lambda call: None, lambda call: seen.append(call))}
    choose(table, "reference", "a call")
    assert seen == ["a call"]


def test_a_backend_by_name_runs_or_says_why_not():
    table = {"reference": RUNS, "cpu": refusing("float16 is not built")}
    assert choose(table, "reference", None) == ("reference", "asked for by name")
    with pytest.raises(BackendError, match=r"'cpu' cannot run this call: float16 is not built; use backend='auto'"):
        choose(table, "cpu", None)


def test_a_backend_the_recurrence_lacks_is_refused_with_the_reason():
    with pytest.raises(BackendError, match=r"backend 'triton' cannot run here: .+; use backend='auto'"):
        choose({"reference": RUNS}, "triton", None)


def test_a_backend_this_machine_has_but_the_recurrence_lacks_is_refused(monkeypatch):
    monkeypatch.setitem(dispatch.MACHINE, "triton", lambda: (True, "an H200"))
    with pytest.raises(BackendError, match=r"it does not have this recurrence"):
        choose({"reference": RUNS}, "triton", None)


@pytest.mark.parametrize("name", ["cuda", "", "Reference"])
def test_an_unknown_backend_is_a_value_error(name):
    with pytest.raises(
        ValueError, match=rf"'auto' or one of 'triton', 'cpu', 'cuda-graph', 'hoisted', 'reference', got '{name}'"
    ):
        choose({"reference": RUNS}, name, None)


def test_backends_lists_all_of_them_with_reasons():
    listed = {status.name: status for status in attentive_rnn.backends()}
    assert list(listed) == ["triton", "cpu", "cuda-graph", "hoisted", "reference"]
    assert listed["hoisted"].available
    assert listed["reference"].available
    assert all(status.reason for status in listed.values())


def test_what_a_machine_lacks_is_what_backends_reports(monkeypatch):
    monkeypatch.setitem(dispatch.MACHINE, "triton", lambda: (False, "no GPU"))
    assert attentive_rnn.backends()[0] == ("triton", False, "no GPU")


def test_a_run_carries_its_choice():
    call = random_call(Spec("gru"))
    assert recurrence(*call[:4], backend="reference").choice == ("reference", "asked for by name")
    auto = recurrence(*call[:4]).choice
    assert auto.backend in {status.name for status in attentive_rnn.backends() if status.available}
    assert auto.reason


def test_without_the_compiled_kernels_the_hand_written_backward_runs(monkeypatch):
    monkeypatch.setattr(native, "kernels", None)
    monkeypatch.setattr(native, "missing", "no C++17 compiler was found")
    call = random_call(Spec("gru"))
    refusals = "triton: tensors are on cpu; cpu: no C++17 compiler was found; cuda-graph: tensors are on cpu"
    assert recurrence(*call[:4]).choice == ("hoisted", refusals)
    with torch.autograd.forward_ad.dual_level():
        assert recurrence(*call[:4]).choice.backend == "reference"


def test_triton_is_refused_on_a_cpu_tensor():
    call = random_call(Spec("gru"), dtype=torch.float32)
    with pytest.raises(BackendError, match=r"backend 'triton' cannot run"):
        recurrence(*call[:4], backend="triton")
