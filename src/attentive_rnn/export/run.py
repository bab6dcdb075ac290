"""Export of a trained model of sequences: its graphs, a description beside them, and a comparison with the model.

Input is a model and real sequences; output are OUT.onnx or OUT.pt2 for padded sequences, OUT.step.onnx or .pt2 for one
frame after the other where the model can do that, and OUT.json, which says what goes in and comes out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ..data import Compose, SequenceDataset, collate, preprocess
from ..data.io.files import write_file, write_json
from ..data.transforms.base import Transform
from ..errors import ConfigError, needed_for
from ..training.saved_model import SavedModel
from .graphs import Graph, classifier_graph, classifier_step
from .onnx import NEEDS, write_onnx, write_program
from .preprocessing import Preprocessing, divided

FORMAT_VERSION = 1
GAP = 1e-5  # the most by which an output may differ, as a share of the largest where that is above 1
COMPARED = 64  # sequences, at most
STREAMED = 4  # of them frame by frame
KEPT = 0.98  # the least share of the answers that int8 weights may keep
NEAR = 0.05  # a number that moves by no more than this share of the range of all counts as kept
ROWS = 16  # of a batch

Run = Callable[..., list[np.ndarray]]


class Exported(NamedTuple):
    """What was written and how it compares with the model.

    Args:
        files: that were written.
        compared: the number of sequences.
        gap: the largest difference of an output of the graphs from the model's, as a share of the largest output where
            that is above 1.
        before: the transforms that have to be done before the graph, by name.
        no_step: why there is no graph of a step; None: there is one.
        int8: of int8 weights, the share of the answers that are the model's ("kept"; the lower one of both graphs), and
            where labels are known the metric of the model and of the graph ("model", "graph").
    """

    files: list[Path]
    compared: int
    gap: float
    before: list[str]
    no_step: str | None
    int8: dict[str, float] | None = None


def export_run(saved: SavedModel, path: str | Path, dataset: SequenceDataset, int8: bool = False) -> Exported:
    """Write a model as ONNX (.onnx) or as a PyTorch program (.pt2), if it computes what the model computes.

    Args:
        saved: the model, of sequences.
        path: of the graph; what is there is replaced.
        dataset: sequences as they were read, by which both are compared; 64 of them, or all with int8.
        int8: ONNX with int8 weights, as :func:`to_onnx` says.

    Raises:
        ConfigError: it is no model of sequences; or the graph and the model differ by more than 1e-5, or with int8 in
            more than 2 % of the answers: nothing is written then. A number differs if it moves by more than 5 % of the
            range of the model's.
        MissingExtraError: a package for ONNX is not installed.
    """
    path, model = Path(path), saved.classifier
    if not len(dataset):
        raise ConfigError("there are no sequences to compare the graph with")
    if int8 and path.suffix != ".onnx":
        raise ConfigError(f"{path}: int8 weights are for graphs of ONNX; let the name end in .onnx")
    dataset = saved.matched(dataset).subset(_spread(len(dataset), len(dataset) if int8 else COMPARED))
    wanted = saved.logits(dataset, batch_size=1)
    before, inside = divided(saved.preprocessing, saved.schema)
    ready: SequenceDataset = preprocess(dataset, Compose(before).bound(saved.schema))
    shape = Compose(before).schema_after(saved.schema)
    # Joints of too low a confidence are absent, with any transform or none.
    unsure = not before and len(shape.shape) == 3 and shape.vector[0] < shape.vector[1]
    preprocessing = Preprocessing(inside, shape, saved.min_confidence) if inside or unsure else None
    no_step = _why_no_step(saved, before, inside)
    graphs = {path: classifier_graph(model, preprocessing, shape.shape)}
    if no_step is None:
        graphs[path.with_suffix(f".step{path.suffix}")] = classifier_step(model, preprocessing, shape.shape)

    with tempfile.TemporaryDirectory() as folder:
        runs: list[Run] = []
        made = [Path(folder) / file.name for file in graphs]
        for file, graph in zip(made, graphs.values(), strict=True):
            if path.suffix == ".onnx":
                write_onnx(graph, file, int8)
            else:
                write_program(graph, file)
            runs.append(_opened(file, graph))
        found = _in_batches(runs[0], ready, model.config["pool"])
        pairs = [(found, wanted)]
        if no_step is None:
            some = _spread(len(ready), COMPARED if int8 else STREAMED)
            step = list(graphs.values())[1]
            streamed = np.stack([_streamed(runs[1], step, ready[i].sequence, model.pool) for i in some])
            pairs.append((streamed, wanted[some]))
        gap = float(np.max([_gap(*pair) for pair in pairs]))
        kept = min(_kept(*pair) for pair in pairs)
        if int8 and not kept >= KEPT:
            raise ConfigError(
                f"{path}: int8 weights keep {100 * kept:.1f} % of the model's answers on {len(ready)} sequences, less "
                f"than {100 * KEPT:.0f} %; nothing was written. Export without int8"
            )
        if not int8 and not gap <= GAP:
            raise ConfigError(
                f"{path}: the exported graph and the model differ by {gap:.2g} on {len(ready)} sequences, more than "
                f"{GAP:.0e}; nothing was written"
            )
        for file, target in zip(made, graphs, strict=True):
            write_file(target, file.read_bytes())
    description = path.with_suffix(".json")
    rounded = {"kept": kept} | _scores(saved, dataset, wanted, found) if int8 else None
    write_json(description, _description(saved, graphs, before, inside, no_step, len(ready), gap, rounded))
    return Exported([*graphs, description], len(ready), gap, [part.name for part in before], no_step, rounded)


def _spread(count: int, most: int) -> list[int]:
    """The indices of at most so many of `count` sequences, evenly from the first to the last."""
    return [int(index) for index in np.linspace(0, count - 1, min(count, most))]


def _why_no_step(saved: SavedModel, before: Sequence[Transform], inside: Sequence[Transform]) -> str | None:
    """What keeps the model from a graph of a step that does all of it, if anything."""
    model = saved.classifier
    if model.layers.bidirectional:
        return "the model reads every sequence from both ends (model.bidirectional is true)"
    if model.embedding is not None:
        return "the model reads words; a stream is of frames of numbers"
    names = [part.name for part in (*before, *inside) if part in before or part.depends is None]
    return f"the graph of a step cannot do the transform {names[0]}" if names else None


def _opened(file: Path, graph: Graph) -> Run:
    """The graph in a file as a function of arrays, in the order of its inputs."""
    if file.suffix == ".onnx":
        with needed_for(NEEDS):
            import onnxruntime
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # its warnings are of the exporter's unused names
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

        def run(*arrays: np.ndarray) -> list[np.ndarray]:
            return list(session.run(None, dict(zip(graph.inputs, arrays, strict=True))))

        return run
    module = torch.export.load(file).module()

    def call(*arrays: np.ndarray) -> list[np.ndarray]:
        tensors = list(map(torch.from_numpy, arrays))
        nested = isinstance(graph.arguments[1], tuple)
        with torch.no_grad():
            return [t.numpy() for t in module(*([tensors[0], tuple(tensors[1:])] if nested else tensors))]

    return call


def _in_batches(run: Run, dataset: SequenceDataset, pool: str) -> np.ndarray:
    """The outputs for all sequences, in batches padded to the longest."""
    rows = 1 if pool == "keras_compat" else ROWS  # which depends on the padding
    made = []
    for start in range(0, len(dataset), rows):
        batch = collate([dataset[i] for i in range(start, min(start + rows, len(dataset)))])
        made.append(run(batch.x.numpy(), batch.lengths.numpy())[0])
    return np.concatenate(made)


def _streamed(run: Run, graph: Graph, sequence: torch.Tensor, pool: str) -> np.ndarray:
    """The output for a sequence, frame by frame."""
    state = [np.zeros_like(part[:, :1] if 1 in axes else part[:1]) for part, axes in _state(graph)]
    made = []
    for frame in sequence.numpy():
        logits, *state = run(frame[None], *state)
        made.append(logits[0])
    return np.asarray(made[-1] if pool == "last" else np.mean(made, 0, dtype=np.float64))


def _state(graph: Graph) -> list[tuple[np.ndarray, dict[int, str]]]:
    return [(part.numpy(), axes) for part, axes in zip(graph.arguments[1], graph.open[1], strict=True)]


def _gap(found: np.ndarray, wanted: np.ndarray) -> float:
    """The largest difference, as a share of the largest wanted where that is above 1."""
    return float(np.abs(found - wanted).max() / max(1.0, np.abs(wanted).max()))


def _kept(found: np.ndarray, wanted: np.ndarray) -> float:
    """The share of the sequences whose class, or whose number, is as wanted."""
    if wanted.shape[1] > 1:
        return float((found.argmax(1) == wanted.argmax(1)).mean())
    return float((np.abs(found - wanted) <= NEAR * np.ptp(wanted)).mean())


def _scores(saved: SavedModel, dataset: SequenceDataset, wanted: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """The metric of the model and of the graph, where labels are known."""
    known, task = dataset.labelled, saved.task
    if not known.any():
        return {}
    both = {"model": wanted[known], "graph": found[known]}
    return {name: task.score(one, dataset.labels[known])[task.metric.name] for name, one in both.items()}


def _description(
    saved: SavedModel,
    graphs: dict[Path, Graph],
    before: Sequence[Transform],
    inside: Sequence[Transform],
    no_step: str | None,
    compared: int,
    gap: float,
    int8: dict[str, float] | None,
) -> dict[str, Any]:
    (file, whole), *steps = graphs.items()
    described: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "classes": list(saved.schema.classes),
        "schema": saved.schema.to_dict(),
        "pool": saved.classifier.pool,
        "min_confidence": saved.min_confidence,
        "preprocessing": {
            "before_the_graph": [part.to_config() for part in before],
            "in_the_graph": [part.to_config() for part in inside],
        },
        "graph": {"file": file.name, "inputs": _named(whole), "outputs": list(whole.outputs)},
        "compared": {"sequences": compared, "gap": gap},
    }
    if int8 is not None:
        described["int8"] = int8
    if saved.reader is not None:
        described["reader"] = saved.reader._asdict()
    if no_step is not None:
        return described | {"no_step": no_step}
    path, step = steps[0]
    return described | {"step": {"file": path.name, "inputs": _named(step), "outputs": list(step.outputs)}}


def _named(graph: Graph) -> dict[str, Any]:
    """The type and the shape of each input by name, open dimensions by their names."""
    from torch.utils import _pytree as pytree

    tensors, _ = pytree.tree_flatten(graph.arguments)
    axes, _ = pytree.tree_flatten(graph.open, is_leaf=lambda part: isinstance(part, dict))
    return {
        name: {
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": [open_.get(axis, size) for axis, size in enumerate(tensor.shape)],
        }
        for name, tensor, open_ in zip(graph.inputs, tensors, axes, strict=True)
    }
