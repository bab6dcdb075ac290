"""Pictures of a data set: what its classes look like, and one sequence in motion."""

from __future__ import annotations

import io
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from ..data.dataset import LabelledDataset, SequenceDataset, sequences_only
from ..data.io.files import check_writable, write_atomically
from ..data.registry import read_all, read_sequences
from ..data.schema import Schema
from ..errors import DataError, MissingExtraError
from . import colours, projection

_CLASSES, _FRAMES, _FEATURES = 10, 6, 24  # the most that one picture shows
DEFAULT_RATE = 15.0  # frames per second of a film, where the data do not say


def draw_samples(data: str | Path | SequenceDataset, out: str | Path, overwrite: bool = False, **options: Any) -> Path:
    """Draw one sequence of each class, as a .png or .svg.

    Skeletons: a row for each class with six frames from its start to its end, each centred on its body. Features:
    the range of each, and their course in one sequence of each class. At most ten classes are shown.

    Args:
        data: a data set, or the path of one.
        out: the picture.
        overwrite: whether a file at ``out`` may be replaced.
        options: of the reader.

    Returns:
        The path of the picture.

    Raises:
        DataError: the data cannot be read.
        ConfigError: another suffix, or ``out`` is there already or cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    out = check_writable(out, (".png", ".svg"), overwrite)
    dataset = sequences_only(data) if isinstance(data, LabelledDataset) else read_all(data, **options)
    chosen = _one_of_each_class(dataset)
    figure = new_figure(1, 1)
    if has_bones(dataset.schema):
        _draw_skeletons(figure, dataset, chosen)
    else:
        _draw_features(figure, dataset, chosen)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=out.suffix[1:].lower(), dpi=120)
    write_atomically(out, buffer.getvalue())
    return out


def animate(data: str | Path | SequenceDataset, item: int | str, out: str | Path, overwrite: bool = False) -> Path:
    """Show one skeleton sequence as a film, .gif or .mp4, at the rate of the data (15 frames per second if unknown).

    Args:
        data: a data set, or the path of one.
        item: the index of the sequence, or its ``meta["name"]``.
        out: the film.
        overwrite: whether a file at ``out`` may be replaced.

    Returns:
        The path of the film.

    Raises:
        DataError: the data cannot be read, there is no such sequence, or it is no skeleton with a layout.
        ConfigError: another suffix, or ``out`` is there already or cannot be written.
        MissingExtraError: matplotlib, or PyAV for .mp4, is not installed.
    """
    out = check_writable(out, (".gif", ".mp4"), overwrite)
    encode = film_encoder(out)
    dataset = sequences_only(data) if isinstance(data, LabelledDataset) else read_sequences(data)
    index = find_item(dataset, item)
    if not has_bones(dataset.schema):
        raise DataError(f"{dataset.name}: only skeletons with a joint layout can be shown as a film")
    rate = dataset.schema.rate or DEFAULT_RATE
    write_atomically(out, encode(_film(dataset, index), rate))
    return out


def find_item(dataset: SequenceDataset, item: int | str) -> int:
    """The index of a sequence that is given by index or by name; DataError if there is none."""
    if isinstance(item, str):
        names = [meta.get("name") for meta in dataset.metas]
        if item in names:
            return names.index(item)
        if not item.lstrip("-").isdigit():
            raise DataError(f"{dataset.name}: there is no sequence {item!r}; the first is {names[0]!r}")
    index = int(item)
    if not 0 <= index < len(dataset):
        raise DataError(f"{dataset.name}: there is no sequence {index}; they go from 0 to {len(dataset) - 1}")
    return index


def has_bones(schema: Schema) -> bool:
    """Whether frames are skeletons that can be drawn."""
    return schema.layout is not None and len(schema.shape) == 3


def new_figure(width: float, height: float) -> Any:
    """A matplotlib figure of a size in inches, apart from pyplot and its windows.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("pictures need matplotlib: pip install 'attentive-rnn[report]'") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _one_of_each_class(dataset: SequenceDataset) -> list[int]:
    """The sequence of median length of each of the first classes; of unlabelled data the first ones."""
    chosen = []
    for label in range(len(dataset.schema.classes)):
        found = np.flatnonzero(dataset.labels == label)
        if len(found):
            chosen.append(int(found[np.argsort(dataset.lengths[found], kind="stable")[len(found) // 2]]))
    return (chosen or list(range(len(dataset))))[:_CLASSES]


def title_of(dataset: SequenceDataset, index: int) -> str:
    """The class or the number of a sequence, or the name of one that is not labelled."""
    label = dataset.labels[index]
    if not dataset.labelled[index]:
        return str(dataset.metas[index].get("name", index))
    return f"{label:.4g}" if dataset.schema.target == "number" else dataset.schema.classes[label]


def _heading(dataset: SequenceDataset, shown: int) -> str:
    classes = len(dataset.schema.classes)
    part = f"{shown} of {classes} classes" if classes > shown else f"{classes} classes"
    other = "numbers to predict" if dataset.schema.target == "number" else "not labelled"
    return f"{dataset.name or 'data'}: {len(dataset)} sequences, {part if classes else other}"


def _draw_skeletons(figure: Any, dataset: SequenceDataset, chosen: list[int]) -> None:
    figure.set_size_inches(1.6 * _FRAMES + 1.6, 1.65 * len(chosen) + 0.9)
    axes = figure.subplots(len(chosen), _FRAMES, squeeze=False)
    for row, index in zip(axes, chosen, strict=True):
        frames = dataset[index].sequence.numpy()
        flat = projection.flatten(frames, dataset.schema)
        times = np.unique(np.linspace(0, len(frames) - 1, _FRAMES).round().astype(int))
        middles = [middle_of(flat[t]) for t in times]
        reach = max(float(np.nanmax(np.abs(flat[t] - m), initial=0)) for t, m in zip(times, middles, strict=True))
        for axis in row:
            axis.set_axis_off()
        for axis, t, middle in zip(row, times, middles, strict=False):
            draw_frame(axis, flat[t] - middle, dataset.schema)
            axis.set(xlim=(-1.08 * reach or -1, 1.08 * reach or 1), ylim=(-1.08 * reach or -1, 1.08 * reach or 1))
            axis.set_aspect("equal")
            axis.text(0.5, 0, f"{t + 1} / {len(frames)}", transform=axis.transAxes, ha="center", va="top", fontsize=7)
        row[0].set_axis_on()
        row[0].set(xticks=[], yticks=[])
        row[0].spines[:].set_visible(False)
        row[0].set_ylabel(wrapped(title_of(dataset, index)), rotation=0, ha="right", va="center", fontsize=9)
    figure.suptitle(f"{_heading(dataset, len(chosen))}; frames of one sequence each", fontsize=11)
    _legend(figure, dataset.schema)


def wrapped(text: str) -> str:
    """A class name on at most three lines."""
    import textwrap

    return "\n".join(textwrap.wrap(text, 18)[:3])


def middle_of(points: np.ndarray) -> np.ndarray:
    """The middle (2,) of the box round the points (M, V, 2) of one frame."""
    known = points[np.isfinite(points).all(-1)]
    return (known.min(0) + known.max(0)) / 2 if len(known) else np.zeros(2)


def draw_frame(axis: Any, points: np.ndarray, schema: Schema) -> None:
    """Draw the persons (M, V, 2) of one frame; others than the first are drawn lighter."""
    from matplotlib.collections import LineCollection

    for person, joints in enumerate(points):
        if not np.isfinite(joints).any():
            continue
        alpha = 1.0 if person == 0 else 0.45
        for colour, bones in projection.bone_groups(schema).values():
            lines = LineCollection(joints[np.array(bones)], colors=colour, linewidths=1.8, alpha=alpha)
            lines.set_capstyle("round")
            axis.add_collection(lines)
        axis.scatter(*joints.T, s=4, color=colours.GREY, alpha=alpha, linewidths=0, zorder=3)


def _legend(figure: Any, schema: Schema) -> None:
    from matplotlib.lines import Line2D

    groups = projection.bone_groups(schema)
    handles = [Line2D([], [], color=colour, linewidth=2.5, label=name) for name, (colour, _) in groups.items()]
    if len(handles) > 1:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9)


def _draw_features(figure: Any, dataset: SequenceDataset, chosen: list[int]) -> None:
    columns = min(len(chosen), 5)
    rows = ceil(len(chosen) / columns)
    figure.set_size_inches(10.5, 3.4 + 1.9 * rows)
    upper, lower = figure.subfigures(2, 1, height_ratios=[3.0, 1.9 * rows + 0.4])
    values = np.concatenate([s.flatten(1).numpy() for s in dataset.sequences])
    names = dataset.schema.features or tuple(f"feature {i}" for i in range(dataset.schema.size))
    _draw_ranges(upper, values, names)
    upper.suptitle(f"{_heading(dataset, len(chosen))}: range of each feature", fontsize=11)
    spread = np.nan_to_num(np.nanstd(values, axis=0))
    drawn = sorted(np.argsort(-spread, kind="stable")[: len(TRACES)].tolist())
    axes = lower.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for axis, index in zip(axes, chosen, strict=False):
        sequence = dataset[index].sequence.flatten(1).numpy()
        for (colour, style), feature in zip(TRACES, drawn, strict=False):
            axis.plot(sequence[:, feature], color=colour, linestyle=style, linewidth=1.3, label=names[feature])
        axis.set_title(title_of(dataset, index), fontsize=9)
        axis.tick_params(labelsize=7)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[len(chosen) :]:
        axis.set_axis_off()
    handles, labels = axes[0].get_legend_handles_labels()
    lower.legend(handles, labels, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=8)
    for axis in axes[max(0, len(chosen) - columns) : len(chosen)]:
        axis.set_xlabel("frame", fontsize=8)
    what = "all features" if len(drawn) == len(names) else f"the {len(drawn)} features of largest spread"
    lower.suptitle(f"one sequence of each class, {what}", fontsize=10)


TRACES = (
    (colours.BLUE, "-"),
    (colours.ORANGE, "-"),
    (colours.GREEN, "--"),
    (colours.PINK, "-."),
    (colours.GREY, ":"),
    (colours.SKY, "-"),
)


def _draw_ranges(figure: Any, values: np.ndarray, names: tuple[str, ...]) -> None:
    axis = figure.subplots()
    shown = min(len(names), _FEATURES)
    low, first, middle, third, high = np.nanpercentile(values[:, :shown], [0, 5, 50, 95, 100], axis=0)
    at = np.arange(shown)
    axis.vlines(at, low, high, color=colours.GREY, linewidth=1, label="all values")
    axis.vlines(at, first, third, color=colours.SKY, linewidth=7, label="5 % to 95 %")
    axis.plot(at, middle, "o", color=colours.ORANGE, markersize=5, label="median")
    axis.set_xticks(at, names[:shown], rotation=35, ha="right", fontsize=8)
    axis.set_xlim(-0.7, shown - 0.3)
    axis.tick_params(axis="y", labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    if shown < len(names):
        axis.set_xlabel(f"the first {shown} of {len(names)} features", fontsize=9)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)


def _film(dataset: SequenceDataset, index: int) -> list[np.ndarray]:
    """A picture (H, W, 3) uint8 for each frame of a sequence."""
    figure = new_figure(4.8, 4.8)
    axis = figure.subplots()
    flat = projection.flatten(dataset[index].sequence.numpy(), dataset.schema)
    known = flat[np.isfinite(flat).all(-1)]
    middle = (known.min(0) + known.max(0)) / 2 if len(known) else np.zeros(2)
    reach = 0.55 * float(np.ptp(known, axis=0).max()) if len(known) else 1.0
    _legend(figure, dataset.schema)
    pictures = []
    for t, points in enumerate(flat):
        axis.clear()
        axis.set_axis_off()
        draw_frame(axis, points, dataset.schema)
        axis.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach))
        axis.set_aspect("equal")
        axis.set_title(f"{title_of(dataset, index)}   {t + 1} / {len(flat)}", fontsize=10)
        figure.canvas.draw()
        # What fits round the first frame fits round all; finding it anew would take most of the time.
        figure.set_layout_engine("none")
        pictures.append(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())
    return pictures


def film_encoder(out: Path) -> Callable[[list[np.ndarray], float], bytes]:
    """What makes a .gif or .mp4 of pictures (H, W, 3) uint8 at a rate in frames per second.

    Raises:
        MissingExtraError: PyAV, which .mp4 needs, is not installed.
    """
    return _gif if out.suffix.lower() == ".gif" else _mp4_encoder()


def _gif(pictures: list[np.ndarray], rate: float) -> bytes:
    from PIL import Image

    images = [Image.fromarray(picture).quantize(64) for picture in pictures]
    buffer = io.BytesIO()
    # A GIF counts time in hundredths of a second, and viewers slow down what is faster than two of them.
    duration = max(20, round(100 / rate) * 10)
    images[0].save(buffer, "gif", save_all=True, append_images=images[1:], duration=duration, loop=0)
    return buffer.getvalue()


def _mp4_encoder() -> Any:
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("an .mp4 film needs PyAV: pip install av; or write a .gif") from error
    from fractions import Fraction

    def encode(pictures: list[np.ndarray], rate: float) -> bytes:
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="mp4") as film:
            height, width = pictures[0].shape[:2]
            stream = film.add_stream("h264", rate=Fraction(rate).limit_denominator(1000))
            stream.width, stream.height, stream.pix_fmt = width - width % 2, height - height % 2, "yuv420p"
            for picture in pictures:
                picture = np.ascontiguousarray(picture[: stream.height, : stream.width])
                film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            film.mux(stream.encode())
        return buffer.getvalue()

    return encode
