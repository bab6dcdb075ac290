"""`attentive export`: a run's model as files that run without this package."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import ConfigError
from .arguments import JSON, MOVED_DATA, OPTION, RUN_OR_MODEL, Argument, Command, line, overwrite, reader_options, show


def _export(arguments: argparse.Namespace) -> int:
    from ..data.dataset import sequences_only
    from ..data.io.files import check_writable
    from ..export import export_run
    from ..trained import load

    out = check_writable(arguments.out, (".onnx", ".pt2"), arguments.overwrite)
    check_writable(out.with_suffix(".json"), (".json",), arguments.overwrite)
    trained = load(arguments.folder)
    trained.saved.classifier  # noqa: B018  refuses a model of images before its data are read
    options = reader_options(arguments)
    if trained.folder is None:
        if arguments.data is None:
            raise ConfigError(f"{arguments.folder}: is a model without its run; give --data with sequences to compare")
        sequences = sequences_only(trained.read(arguments.data, options=options))
    else:
        sequences = sequences_only(trained.splits(arguments.data, options).test)
    made = export_run(trained.saved, out, sequences, arguments.int8)
    lines = [f"written: {', '.join(map(str, made.files))}"]
    lines.append(f"compared with the model on {made.compared} sequences: the largest difference is {made.gap:.1g}")
    if made.int8 is not None:
        lines.append(f"int8 weights keep {100 * made.int8['kept']:.1f} % of the model's answers")
        if "graph" in made.int8:
            metric = trained.task.metric
            model, graph = (metric.in_words(made.int8[name]) for name in ("model", "graph"))
            lines.append(f"{metric.name}: {model} of the model, {graph} of the graph")
    if made.before:
        lines.append(f"to be done before the graph: {', '.join(made.before)}; see {out.with_suffix('.json')}")
    if made.no_step is not None:
        lines.append(f"no graph for streams: {made.no_step}")
    show(arguments, made._asdict() | {"files": list(map(str, made.files))}, lines)
    return 0


def _next(arguments: argparse.Namespace) -> list[str]:
    out = Path(arguments.out)
    streams = out.suffix == ".onnx" and out.with_suffix(".step.onnx").exists()
    return [line("stream", out, "-")] if streams else [line("evaluate", arguments.folder)]


EXPORT = Command(
    "export",
    "a run's model as an ONNX graph or a PyTorch program, compared with the model",
    "attentive export runs/sequence/TIME model.onnx",
    _export,
    RUN_OR_MODEL,
    Argument("out", metavar="OUT.onnx|.pt2", help="the graph; one for streams and a description go beside it"),
    Argument(
        "--int8",
        action="store_true",
        help="int8 weights in a smaller file, for ONNX; refused if over 2 %% of the answers to the test part change",
    ),
    MOVED_DATA,
    OPTION,
    overwrite("OUT"),
    JSON,
    next=_next,
)
