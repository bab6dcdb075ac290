"""Layers exported to ONNX beside the layers themselves: for each kind, gate and direction the largest difference.

    python -m benchmarks.onnx [--only LAYER ...] [--write docs/benchmarks-all.md]

prints a table. Each layer is exported once and run by onnxruntime on sequences of all sizes
in `SIZES`, in full and with lengths from 0 to T; what lies past a length is NaN.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from attentive_rnn import RRA, AttentionRNN2d, EleAttGRU, EleAttLSTM, EleAttRNN
from attentive_rnn.export import to_onnx

from .sections import with_section
from .timing import processor

TITLE = "## ONNX: exported layers beside the layers"

D, N = 5, 7
SIZES = ((1, 1), (1, 4), (2, 3), (17, 1), (40, 5))  # (T, B)
GATES = (None, "sigmoid", "softmax", "hard")
MAPS = ((1, 1, 1), (3, 6, 7), (2, 3, 9))  # (B, H, W)
LAYERS: dict[str, Callable[..., Any]] = {
    "RNN, tanh": EleAttRNN,
    "RNN, relu": lambda *sizes, **options: EleAttRNN(*sizes, nonlinearity="relu", **options),
    "LSTM": EleAttLSTM,
    "GRU": EleAttGRU,
    "GRU, reset after": lambda *sizes, **options: EleAttGRU(*sizes, reset_after=True, **options),
    "RRA, 3 lags, sum": lambda *sizes, **options: RRA(*sizes, 3, **options),
    "RRA, 3 lags, content": lambda *sizes, **options: RRA(*sizes, 3, norm="content", **options),
}


class Row(NamedTuple):
    """A line of the table: the largest differences of all outputs and states."""

    layer: str
    gate: str
    direction: str
    full: float
    lengths: float | None  # None: of maps, which have none


def main() -> int:
    """Print the table, and put it into a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=(*LAYERS, "AttentionRNN2d"), help="these layers")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the page whose section is replaced")
    arguments = parser.parse_args()
    packages = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "onnxruntime", "onnxscript")
    )
    page = [
        TITLE,
        "",
        f"Made by `python -m benchmarks.onnx` on {datetime.date.today()}: {processor()}, {packages}. The largest",
        "difference of all outputs and states, in float32, over sequences of (T, B) = "
        f"{', '.join(map(str, SIZES))}; or over maps.",
        "",
        "| layer | gate | direction | full length | lengths 0 to T |",
        "| --- | --- | --- | --- | --- |",
    ]
    print(*page, sep="\n", flush=True)
    for row in rows(arguments.only or (*LAYERS, "AttentionRNN2d")):
        lengths = "-" if row.lengths is None else f"{row.lengths:.1e}"
        page.append(f"| {row.layer} | {row.gate} | {row.direction} | {row.full:.1e} | {lengths} |")
        print(page[-1], flush=True)
    if arguments.write:
        text = arguments.write.read_text(encoding="utf-8")
        arguments.write.write_text(with_section(text, TITLE, page), encoding="utf-8")
    return 0


def rows(layers: Iterable[str], gates: Iterable[str | None] = GATES) -> Iterator[Row]:
    """The lines of some layers; two layers of each, with a residual connection where both directions are run."""
    torch.manual_seed(0)
    for name in layers:
        if name == "AttentionRNN2d":
            yield from _map_rows()
            continue
        for gate in gates:
            for both in (False, True):
                options = {"gate": gate, "bidirectional": both, "residual": both, "batch_first": True}
                layer = LAYERS[name](D, N, num_layers=2, **options).eval()
                run = _exported(layer)
                full, short = (max(_gap(layer, run, *size, cut) for size in SIZES) for cut in (False, True))
                yield Row(name, str(gate or "none"), "both" if both else "forward", full, short)


def _map_rows() -> Iterator[Row]:
    for scan, directions, feed in (("diagonal", 2, False), ("diagonal", 4, True), ("flat", 2, True)):
        layer = AttentionRNN2d(D, N, scan=scan, directions=directions, feed_mask=feed).eval()
        run = _exported(layer)
        gaps = []
        for b, h, w in MAPS:
            x = torch.randn(b, D, h, w)
            with torch.no_grad():
                gaps.append(_difference(run(x), layer(x)))
        fed = ", values fed back" if feed else ""
        yield Row(f"AttentionRNN2d, {scan}{fed}", "-", str(directions), max(gaps), None)


def _exported(layer: torch.nn.Module) -> Callable[..., list[np.ndarray]]:
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "layer.onnx"
        to_onnx(layer, path)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(path.read_bytes(), options)
    names = [one.name for one in session.get_inputs()]
    return lambda *given: session.run(None, {n: t.numpy() for n, t in zip(names, given, strict=True)})


def _gap(layer: Any, run: Callable[..., list[np.ndarray]], steps: int, batch: int, cut: bool) -> float:
    x = torch.randn(batch, steps, D)
    lengths = torch.randint(0, steps + 1, (batch,)) if cut else torch.full((batch,), steps)
    x[torch.arange(steps) >= lengths[:, None]] = torch.nan
    with torch.no_grad():
        output, state = layer(x, lengths=lengths)
    return _difference(run(x, lengths), (output, *(state if isinstance(state, tuple) else (state,))))


def _difference(found: list[np.ndarray], wanted: Iterable[torch.Tensor]) -> float:
    return max(float(np.abs(a - b.numpy()).max()) for a, b in zip(found, wanted, strict=True))


if __name__ == "__main__":
    raise SystemExit(main())
