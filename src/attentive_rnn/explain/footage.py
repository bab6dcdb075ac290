"""The frames of a video that mattered: when its features were attended to most, beside what was seen then."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Transform
from ..draw.colours import BLUE, ORANGE
from ..draw.samples import new_figure
from ..errors import DataError
from ..video import read_frames
from .answer import heading
from .explanation import Explanation
from .places import places
from .timemaps import moments

_FRAMES = 8  # in the strip


def key_frames(explanation: Explanation, video: str | Path, classes: Sequence[str], preprocessing: Transform) -> Any:
    """A figure: the attention to the frames of a video over time, and frames of it, those attended to most marked.

    Args:
        explanation: of the features of the video's frames.
        video: the file.
        classes: their names.
        preprocessing: what was done to the features; it may leave out frames.

    Raises:
        DataError: it cannot be read, has not as many frames as there are features, or a step is made of several.
        MissingExtraError: PyAV is not installed.
    """
    course = explanation.response.mean(1)
    order = places(preprocessing, (len(explanation.frames), 1))
    if order is None or order.size != len(course):
        raise DataError(f"{explanation.name}: a step is made of several frames, which cannot be shown as one")
    at = order.ravel()
    most = [step - 1 for step in moments(explanation)]
    even = np.linspace(0, len(course) - 1, _FRAMES).round().astype(int).tolist()
    # Those attended to most take the places of the nearest of the evenly spread ones.
    for step in most:
        free = [i for i, other in enumerate(even) if other not in most]
        if step not in even and free:
            even[min(free, key=lambda i: abs(even[i] - step))] = step
    shown = sorted(set(even))
    images, count, wanted = {}, 0, set(at[shown].tolist())
    for count, one in enumerate(read_frames(video, largest=320), 1):
        if count - 1 in wanted:
            images[count - 1] = one.image
    if count != len(explanation.frames):
        raise DataError(f"{video}: has {count} frames, but {explanation.name} has {len(explanation.frames)}")
    figure = new_figure(1.35 * len(shown) + 0.4, 3.6)
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.4, 1.0])
    axis = upper.subplots()
    axis.plot(at + 1, course, color=BLUE, linewidth=1.5)
    axis.plot(at[most] + 1, course[most], "o", color=ORANGE, markersize=7)
    axis.set_xlabel("frame", fontsize=8)
    axis.set_ylabel("attention,\ntimes the usual", fontsize=8)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    for cell, step in zip(lower.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        cell.imshow(images[at[step]])
        cell.set(xticks=[], yticks=[])
        marked = step in most
        cell.spines[:].set(color=ORANGE if marked else "0.8", linewidth=3 if marked else 1)
        cell.set_title(f"{at[step] + 1}: {course[step]:.3f}", fontsize=8, color=ORANGE if marked else "0.2")
    figure.suptitle(f"{heading(explanation, classes)}; the frames attended to most in orange", fontsize=9)
    return figure
