"""Functions called through recordings: on a GPU CUDA graphs, on a CPU recordings that run the function again.

What a graph and that stand-in have in common is what the tests are about: both read the memory that was given when they
were recorded and fill the memory that was returned then.
"""

from __future__ import annotations

import pytest
import torch

from attentive_rnn.ops import BackendError, gpu
from attentive_rnn.ops.dispatch import Backend, choose
from attentive_rnn.ops.recurrence import Call as Recurrence
from attentive_rnn.ops.recurrence import Lags, Spec, Weights, cuda_graph, hoisted, op, recurrence
from attentive_rnn.ops.recurrence.cuda_graph import Graphs, record
from helpers import ALL_CELLS, Call, assert_all_near, random_call, results

GPU = torch.cuda.is_available()
needs_gpu = pytest.mark.skipif(not GPU, reason="CUDA graphs are recorded on a GPU")


def run_again(run):
    returned = run()

    def replay():
        for old, new in zip(returned, run(), strict=True):
            if old is not None:
                old.copy_(new)

    return returned, replay


def recorder(seen):
    def counted(run):
        seen.append(run)
        return (record if GPU else run_again)(run)

    return counted


def scaled(factor, tensors):
    """It changes what it is given, and returns some of it."""
    first, second = tensors
    first.mul_(factor)
    return first, None, first + (0 if second is None else second)


def on_device(*values):
    return torch.tensor(values, device="cuda" if GPU else "cpu")


def on_gpu(call):
    """The call with its tensors on the GPU, if there is one."""
    if not GPU:
        return call

    def there(t):
        return t.detach().cuda().requires_grad_(t.requires_grad) if isinstance(t, torch.Tensor) else t

    options = {name: there(option) for name, option in call.options.items()}
    return Call(there(call.x), tuple(map(there, call.state)), Weights(*map(there, call.weights)), call.spec, options)


def test_each_call_returns_its_own_numbers_in_memory_of_its_own():
    seen = []
    call, kept = Graphs(recorder(seen)), []
    for i in range(4):
        a, b = on_device(float(i), 1.0), on_device(2.0, float(i))
        kept.append(call(scaled, 3, (a.clone(), b)))
    assert len(seen) == 1
    for i, (first, nothing, total) in enumerate(kept):
        assert nothing is None
        assert first.tolist() == [3.0 * i, 3.0]
        assert total.tolist() == [3.0 * i + 2.0, 3.0 + i]


def test_calls_of_other_kinds_are_recorded_apart():
    seen = []
    call = Graphs(recorder(seen))
    kinds = [
        (2, (on_device(1.0), None)),
        (3, (on_device(1.0), None)),
        (2, (on_device(1.0), on_device(1.0))),
        (2, (on_device(1.0, 1.0), None)),
        (2, (on_device(1.0).double(), None)),
    ]
    for _ in range(3):
        for factor, (first, second) in kinds:
            found = call(scaled, factor, (first.clone(), second))
            assert found[0].dtype is first.dtype
            assert torch.equal(found[2], factor * first + (0 if second is None else second))
    assert len(seen) == len(kinds)


def test_the_first_call_is_not_recorded_and_the_oldest_kind_is_forgotten():
    seen = []
    call = Graphs(recorder(seen))
    for size in range(1, cuda_graph.MOST + 2):
        call(scaled, 1, (on_device(*[1.0] * size), None))
    assert not seen
    call(scaled, 1, (on_device(1.0), None))  # forgotten: seen as for the first time
    assert not seen
    call(scaled, 1, (on_device(*[1.0] * cuda_graph.MOST), None))
    assert len(seen) == 1


@pytest.fixture
def _recorded(monkeypatch):
    """The backend with nothing recorded yet, where there is no GPU by the stand-in."""
    monkeypatch.setattr(cuda_graph, "GRAPHS", Graphs(recorder([])))
    if not GPU:
        monkeypatch.setitem(op.TABLE, "cuda-graph", Backend(cuda_graph.run, hoisted.why_not))


@pytest.mark.usefixtures("_recorded")
@pytest.mark.parametrize("lags", [None, Lags(3, "sum", 2)], ids=["no lags", "lags"])
@pytest.mark.parametrize("gate", ["sigmoid", None])
@pytest.mark.parametrize("cell", ALL_CELLS)
def test_a_layer_s_first_recorded_and_replayed_calls_give_what_the_reference_gives(cell, gate, lags):
    spec = Spec(cell, gate, 1.5, lags)
    for seed in range(3):
        options = {"reverse": True, "need_attention": True, "zoneout": torch.rand(spec.cell_states, 4, 3, 6).double()}
        call = on_gpu(random_call(spec, 4, 3, 5, 6, seed=seed, **options))
        assert_all_near(results(call, "cuda-graph"), results(call, "reference"), 1e-11)


@pytest.mark.usefixtures("_recorded")
def test_layers_of_one_size_may_run_forward_one_after_the_other_and_then_backward():
    calls = [on_gpu(random_call(Spec("gru"), 4, 3, 6, 6, seed=seed)) for seed in range(2)]
    for _ in range(3):
        outputs = {}
        for backend in ("cuda-graph", "reference"):
            y = recurrence(*calls[0][:4], backend=backend).output
            y = recurrence(y, *calls[1][1:4], backend=backend).output
            leaves = [*calls[0].leaves().values(), *list(calls[1].leaves().values())[1:]]
            outputs[backend] = dict(enumerate([y, *torch.autograd.grad(y.square().sum(), leaves)]))
        assert_all_near(outputs["cuda-graph"], outputs["reference"], 1e-11)


def test_the_call_decides_whether_it_can_be_recorded():
    x = torch.zeros(cuda_graph.LONGEST + 1, 1, 1)
    assert cuda_graph.why_not_recorded(x[1:], None) is None
    assert "up to 2048 steps" in cuda_graph.why_not_recorded(x, None)
    assert "lengths differ from batch to batch" in cuda_graph.why_not_recorded(x[1:], torch.tensor([1]))


@pytest.mark.parametrize("lags", [None, Lags(5)], ids=["no lags", "lags"])
def test_a_layer_too_wide_for_the_kernels_is_recorded_unless_its_lengths_differ(lags, monkeypatch):
    """What dispatch chooses where Triton and CUDA graphs are, without a GPU in their stand-ins, and no CPU kernels."""
    if not GPU:
        monkeypatch.setenv("TRITON_INTERPRET", "1")
        monkeypatch.setattr(cuda_graph, "why_not", lambda call: cuda_graph.why_not_recorded(call.x, call.lengths))
    table = {"triton": op.TABLE["triton"], "hoisted": op.TABLE["hoisted"]}
    table["cuda-graph"] = Backend(cuda_graph.run, cuda_graph.why_not)
    call = on_gpu(random_call(Spec("lstm", None, lags=lags), 3, 2, 5, 200, dtype=torch.float32))
    made = Recurrence(call.spec, call.x, call.state, call.weights)
    choice = choose(table, "auto", made)
    assert choice.backend == "cuda-graph"
    assert "triton: its kernels are for 1 to 128 units" in choice.reason
    assert choose(table, "auto", made._replace(lengths=torch.tensor([3, 2]))).backend == "hoisted"


@pytest.mark.skipif(GPU, reason="says what a machine without a GPU says")
def test_without_a_gpu_the_backend_is_refused_with_the_reason():
    with pytest.raises(BackendError, match="'cuda-graph' cannot run this call: tensors are on cpu"):
        recurrence(*random_call(Spec("gru"))[:4], backend="cuda-graph")
    assert gpu.graphs() == (False, "PyTorch sees no GPU")


@needs_gpu
@pytest.mark.usefixtures("_recorded")
def test_another_stream_has_a_recording_of_its_own():
    call = on_gpu(random_call(Spec("gru"), 3, 2, 5, 6))
    expected = results(call, "reference")
    for stream in (torch.cuda.Stream(), torch.cuda.Stream()):
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                assert_all_near(results(call, "cuda-graph"), expected, 1e-11)
        torch.cuda.current_stream().wait_stream(stream)
