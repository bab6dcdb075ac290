"""The compiled kernels as citizens of a process: threads, forks, pooled memory, what keeps calls from them."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import Any, NamedTuple, get_type_hints

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from attentive_rnn.ops import BackendError, native
from attentive_rnn.ops.recurrence import Spec, recurrence
from helpers import (
    ALL_CELLS,
    Call,
    random_call,
    results,
)


def test_this_machine_has_the_kernels():
    available, reason = native.machine()
    assert available, reason
    assert native.load() == (native.kernels, "")


def fields(part: type) -> list[tuple[str, Any]]:
    return list(get_type_hints(part).items())


def structures_with(name: str, at: int, new: type) -> dict[str, tuple[type, ...]]:
    parts = list(native.STRUCTURES[name])
    parts[at] = new
    return {**native.STRUCTURES, name: tuple(parts)}


@pytest.mark.parametrize(
    ("name", "at"), [(name, i) for name, parts in native.STRUCTURES.items() for i in range(len(parts))]
)
def test_a_structure_with_two_fields_swapped_or_one_of_another_kind_is_refused(name, at):
    ours = fields(native.STRUCTURES[name][at])
    assert native.agrees(native.kernels, structures_with(name, at, NamedTuple("Same", ours)))
    older = SimpleNamespace(**{key: getattr(native.kernels, key) for key in native.STRUCTURES}, RECURRENCE_GATES=3)
    assert not native.agrees(older)
    for i in range(len(ours) - 1):
        swapped = [*ours[:i], ours[i + 1], ours[i], *ours[i + 2 :]]
        assert not native.agrees(native.kernels, structures_with(name, at, NamedTuple("Swapped", swapped)))
    other_kind = [(ours[0][0], float), *ours[1:]]
    assert not native.agrees(native.kernels, structures_with(name, at, NamedTuple("OtherKind", other_kind)))
    assert not native.agrees(native.kernels, structures_with(name, at, NamedTuple("Shorter", ours[:-1])))


@pytest.mark.parametrize("name", list(native.STRUCTURES))
def test_a_compiled_module_whose_fields_are_swapped_or_unknown_is_not_loaded(name, monkeypatch):
    theirs = {other: getattr(native.kernels, other) for other in native.STRUCTURES}
    first, second, *rest = theirs[name]
    modules = [SimpleNamespace(**theirs | {name: (second, first, *rest)}), SimpleNamespace()]
    for module in modules:
        monkeypatch.setattr(importlib, "import_module", lambda _, module=module: module)
        found, reason = native.load()
        assert found is None
        assert reason == "the compiled kernels are of another version of the package: install it again"


def test_several_python_threads_may_call_at_once():
    torch.set_num_threads(2)
    wanted = [random_call(Spec(cell), 30, 64, 24, 40, dtype=torch.float32, seed=i) for i, cell in enumerate(ALL_CELLS)]
    expected = [results(call, "cpu") for call in wanted]
    found: list[dict[str, Tensor]] = [{}] * len(wanted)

    def work(i: int) -> None:
        for _ in range(5):
            found[i] = results(wanted[i], "cpu")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(wanted))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ours, theirs in zip(found, expected, strict=True):
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def last_output(call: Call) -> list[float]:
    """The last step of the first row: read without an operator that may use OpenMP, which does not survive a fork."""
    with torch.no_grad():
        return recurrence(*call[:4], backend="cpu").output[-1, 0].tolist()


def _forward_in_child(call: Call, queue: Any) -> None:
    queue.put(last_output(call))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_process_can_use_the_kernels_after_its_parent_has():
    torch.set_num_threads(2)
    call = random_call(Spec("gru"), 30, 64, 24, 40, dtype=torch.float32)
    expected = last_output(call)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_forward_in_child, args=(call, queue), daemon=True)
    child.start()
    try:
        assert queue.get(timeout=20) == expected
        child.join(timeout=20)
        assert child.exitcode == 0
    finally:
        child.kill()


def test_the_interpreter_exits_while_the_threads_wait():
    code = (
        "import torch; torch.set_num_threads(2)\n"
        "from attentive_rnn import EleAttGRU\n"
        "layer = EleAttGRU(24, 40, backend='cpu'); layer(torch.randn(50, 96, 24))[0].sum().backward()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_pool_keeps_no_more_than_its_limit():
    native.kernels.pool_limit(1 << 20)
    try:
        buffers = [native.buffer(600_000) for _ in range(4)]
        del buffers
        assert 0 < native.kernels.pool_bytes() <= 1 << 20
        large = native.buffer(3 << 20)
        del large
        assert native.kernels.pool_bytes() <= 1 << 20
    finally:
        native.kernels.pool_limit(1 << 30)


def test_the_pool_keeps_what_was_in_use_at_once_where_no_limit_is_set():
    code = (
        "from attentive_rnn.ops.native import buffer, kernels\n"
        "together = [buffer(600 << 20) for _ in range(3)]; del together\n"
        "print(kernels.pool_bytes() >> 20)\n"
        "for _ in range(3): buffer(1 << 30)\n"  # one after the other: what is kept grows no further
        "print(kernels.pool_bytes() >> 20)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, then = map(int, done.stdout.split())
    assert 1800 <= first < 1810
    assert 1024 <= then < 1810


class Subclass(Tensor):
    """A tensor that PyTorch's operators would treat in its own way."""


def test_calls_for_pytorchs_own_operators_are_refused_with_the_reason():
    call = random_call(Spec("gru"), 3, 2, 4, 5)

    def refused(reason: str, x: Tensor = call.x, **options: Any) -> Tensor:
        with pytest.raises(BackendError, match=f"'cpu' cannot run this call: .*{reason}"):
            recurrence(x, *call[1:4], **options, backend="cpu")
        return recurrence(x, *call[1:4], **options, backend="auto").output

    refused("gradient for zoneout", zoneout=torch.rand(1, 3, 2, 5, dtype=torch.float64, requires_grad=True))
    refused("Subclass is a subclass", call.x.detach().as_subclass(Subclass))
    with FlopCounterMode(display=False):
        refused("TorchDispatchMode")
    with torch.autograd.forward_ad.dual_level():
        refused("forward-mode")
    torch.func.vmap(lambda x: refused("torch.func", x))(torch.stack([call.x.detach()] * 2))
    with pytest.raises(BackendError, match=r"mixed"):
        recurrence(call.x.float(), *call[1:4], backend="cpu")
    meta = Call(*(random_call(Spec("gru"), 3, 2, 4, 5)))
    with pytest.raises(BackendError, match=r"on meta"):
        recurrence(meta.x.to("meta"), *call[1:4], backend="cpu")
