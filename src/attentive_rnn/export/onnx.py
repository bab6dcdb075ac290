"""Writers of exported graphs: ONNX files and PyTorch programs, from layers, models and graphs."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..data.io.files import write_file
from ..errors import ConfigError, needed_for
from ..layers import AttentionRNN2d
from ..layers.base import RecurrentBase
from ..models import SequenceClassifier
from .graphs import Graph, classifier_graph, classifier_step, layer_graph, layer_step, map_graph

NEEDS = "export to ONNX needs onnx, onnxscript and onnxruntime: pip install 'attentive-rnn[export]'"


def to_onnx(
    module: nn.Module, path: str | Path, *, step: bool = False, need_attention: bool = False, int8: bool = False
) -> None:
    """Write a layer or a classifier as an ONNX graph in which the numbers of rows and of steps stay open.

    A layer, :class:`EleAttGRU` and the like or :class:`RRA`, becomes a graph of *input* (T, B, D), or (B, T, D) if it
    is batch_first, and *lengths*, int64 (B,), the steps of each row. It gives *output*, the state after each row's last
    step, *h* and, where it has them, *c* and *window*, and, if asked for, *attention_1* and so on, of the first layer
    and those above it; *lags_1* and so on for the weights of an RRA's former outputs. A :class:`SequenceClassifier`
    becomes one of *x* (B, T, D) and *lengths* that gives *logits* (B, K); an :class:`AttentionRNN2d` one of *x*
    (B, C, H, W), and *query* where it has one, that gives *y* and *mask*. What the outputs mean is said in the classes.

    Args:
        module: the layer or the model; it is left as it is. The graph is of its evaluation mode.
        path: of the file; one that is there is replaced.
        step: a graph of one step instead: *input* or *x* without T, and the state, zeros at the start; the state after
            it has the same names after "next\\_". The logits of a step are those of h_t, before any pooling.
        need_attention: give the attention too; not of a step.
        int8: weights of products as integers of 7 bits with a scale for each column, W = s * W_q; what they multiply is
            rounded to 8 bits by its range in the batch as the graph runs. The file is about a third as large, and the
            outputs are near the layer's, not equal; compare them on data of yours.

    Raises:
        ConfigError: the module is none of these, or has no such graph; or the path cannot be written; or int8 is asked
            for and the module is not of float32, or an AttentionRNN2d.
        MissingExtraError: onnx or onnxscript is not installed.

    Example:
        >>> from attentive_rnn import EleAttGRU
        >>> from attentive_rnn.export import to_onnx
        >>> to_onnx(EleAttGRU(6, 8, batch_first=True), "gru.onnx")  # doctest: +SKIP
    """
    if int8 and isinstance(module, AttentionRNN2d):
        raise ConfigError("int8 weights are for recurrent layers and SequenceClassifier; export AttentionRNN2d without")
    write_onnx(_graph(module, step, need_attention), Path(path), int8)


def _graph(module: nn.Module, step: bool, need_attention: bool) -> Graph:
    if step and need_attention:
        raise ConfigError("a graph of a step gives no attention; use need_attention without step")
    if isinstance(module, RecurrentBase):
        return layer_step(module) if step else layer_graph(module, need_attention)
    if isinstance(module, SequenceClassifier):
        return classifier_step(module) if step else classifier_graph(module, need_attention=need_attention)
    if isinstance(module, AttentionRNN2d) and not step:
        return map_graph(module)
    kind = type(module).__name__
    raise ConfigError(
        f"{kind} cannot be exported{' as a step' if step else ''}; recurrent layers and SequenceClassifier can, and "
        "AttentionRNN2d as a whole"
    )


def write_onnx(graph: Graph, path: Path, int8: bool = False) -> None:
    """Write a graph as ONNX; errors as of :func:`to_onnx`."""
    with needed_for(NEEDS):
        import onnxscript  # noqa: F401

        import onnx  # noqa: F401
    if int8 and any(weight.dtype != torch.float32 for weight in graph.module.parameters()):
        raise ConfigError("int8 weights are made of weights in float32; give model.float()")
    recorded = record(graph)
    with _quiet():
        program = torch.onnx.export(
            recorded,
            dynamo=True,
            dynamic_shapes=graph.dynamic(),
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            verbose=False,
        )
        assert program is not None
        write_file(path, _with_int8(program.model) if int8 else program.model_proto.SerializeToString())


def _with_int8(model: Any) -> bytes:
    """The file of a model of onnx_ir with integers for the weights of its products, those in its loops too."""
    import onnx_ir
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxscript.optimizer import fold_constants

    size = max(value.const_value.nbytes for value in model.graph.initializers.values())
    fold_constants(model, input_size_limit=size, output_size_limit=size)  # parts of weights become weights
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        quantize_dynamic(
            onnx_ir.to_proto(model),
            path,
            ["MatMul", "Gemm", "Gather"],
            per_channel=True,
            reduce_range=True,  # 8 bits times 8 bits overflow on processors without VNNI
            weight_type=QuantType.QInt8,
            extra_options={"EnableSubgraph": True},
        )
        return path.read_bytes()


def write_program(graph: Graph, path: Path) -> None:
    """Write a graph as a PyTorch program, for ``torch.export.load``."""
    buffer = BytesIO()
    torch.export.save(record(graph), buffer)
    write_file(path, buffer.getvalue())


def record(graph: Graph) -> torch.export.ExportedProgram:
    """A graph as PyTorch records it, its dimensions open.

    Raises:
        ConfigError: PyTorch cannot record it.
    """
    try:
        with _quiet(), torch.no_grad():
            return torch.export.export(graph.module, graph.arguments, dynamic_shapes=graph.dynamic())
    except Exception as error:  # of many kinds, without a base of their own
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ConfigError(f"PyTorch cannot record this model as a graph: {reason}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's own words, which tell a user nothing to do."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
