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
    """

    files: list[Path]
    compared: int
    gap: float
    before: list[str]
    no_step: str | None


def export_run(saved: SavedModel, path: str | Path, dataset: SequenceDataset) -> Exported:
    """Write a model as ONNX (.onnx) or as a PyTorch program (.pt2), if it computes what the model computes.

    Args:
        saved: the model, of sequences.
        path: of the graph; what is there is replaced.
        dataset: sequences as they were read, by which both are compared.

    Raises:
        ConfigError: it is no model of sequences, or the graph and the model differ by more than 1e-5: nothing is
            written then.
        MissingExtraError: a package for ONNX is not installed.
    """
    path, model = Path(path), saved.classifier
    if not len(dataset):
        raise ConfigError("there are no sequences to compare the graph with")
    chosen = np.linspace(0, len(dataset) - 1, min(len(dataset), COMPARED)).astype(int)
    dataset = saved.matched(dataset).subset(chosen.tolist())
    wanted = saved.logits(dataset, batch_size=1)
    before, inside = divided(saved.preprocessing, saved.schema)
    ready: SequenceDataset = preprocess(dataset, Compose(before).bound(saved.schema))
    shape = Compose(before).schema_after(saved.schema)
    preprocessing = Preprocessing(inside, shape, saved.min_confidence) if inside else None
    no_step = _why_no_step(saved, before, inside)
    graphs = {path: classifier_graph(model, preprocessing, shape.shape)}
    if no_step is None:
        graphs[path.with_suffix(f".step{path.suffix}")] = classifier_step(model, preprocessing, shape.shape)

    with tempfile.TemporaryDirectory() as folder:
        runs: list[Run] = []
        made = [Path(folder) / file.name for file in graphs]
        for file, graph in zip(made, graphs.values(), strict=True):
            (write_onnx if path.suffix == ".onnx" else write_program)(graph, file)
            runs.append(_opened(file, graph))
        gap = _gap(_in_batches(runs[0], ready, model.config["pool"]), wanted)
        if no_step is None:
            some = range(min(len(ready), STREAMED))
            step = list(graphs.values())[1]
            streamed = np.stack([_streamed(runs[1], step, ready[i].sequence, model.pool) for i in some])
            gap = max(gap, _gap(streamed, wanted[: len(some)]))
        if not gap <= GAP:
            raise ConfigError(
                f"{path}: the exported graph and the model differ by {gap:.2g} on {len(ready)} sequences, more than "
                f"{GAP:.0e}; nothing was written"
            )
        for file, target in zip(made, graphs, strict=True):
            write_file(target, file.read_bytes())
    description = path.with_suffix(".json")
    write_json(description, _description(saved, graphs, before, inside, no_step, len(ready), gap))
    return Exported([*graphs, description], len(ready), gap, [part.name for part in before], no_step)


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


def _description(
    saved: SavedModel,
    graphs: dict[Path, Graph],
    before: Sequence[Transform],
    inside: Sequence[Transform],
    no_step: str | None,
    compared: int,
    gap: float,
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
