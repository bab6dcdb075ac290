"""Values of frames as callers give them: lists, arrays, or values by name; lines of JSON. NumPy alone is needed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from ..errors import DataError

_KINDS = {"U": "texts", "S": "bytes", "c": "complex numbers", "M": "times", "m": "times"}  # of arrays, by NumPy's code


def parsed(text: str | bytes) -> Any:
    """The value of a JSON text in which no object has one name twice; of two values Python would drop the first.

    Raises:
        ValueError, RecursionError: it is none, or has objects in too many others.

    Example:
        >>> parsed('{"frame": [1, 2]}')
        {'frame': [1, 2]}
    """
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError(f"the name {_twice([name for name, _ in pairs])!r} occurs twice in one object")
    return made


def by_name(frame: Any) -> dict[str, Any] | None:
    """The values of a frame that names them, a mapping or a row of a data frame; None where it has no names.

    Raises:
        DataError: a name is no text, or occurs twice.
    """
    if isinstance(frame, list | np.ndarray) or not hasattr(frame, "keys"):
        return None
    names = list(frame.keys())
    if not all(isinstance(name, str) for name in names):
        if isinstance(frame, Mapping):
            raise DataError("the names of a frame's values must be texts")
        return None  # a row whose columns are counted
    if len(set(names)) < len(names):
        raise DataError(f"the name {_twice(names)!r} occurs twice in one frame")
    return {name: frame[name] for name in names}


def _twice(names: list[str]) -> str:
    return Counter(names).most_common(1)[0][0]


def as_numbers(frame: Any, dtype: np.dtype[Any], shape: Sequence[int]) -> np.ndarray:
    """A frame as an array, NaN where a value is missing: None, or masked.

    Args:
        frame: numbers; texts that look like numbers are none.
        dtype: of the array.
        shape: of the model's frames, for the message.

    Raises:
        DataError: it is not numbers.
    """
    if type(frame) is np.ndarray and frame.dtype == dtype:
        return frame
    kind = type(frame).__name__
    with np.errstate(over="ignore"):  # infinite, which is refused after this
        try:
            if isinstance(frame, np.ma.MaskedArray):
                return np.where(np.ma.getmaskarray(frame), np.nan, frame.data).astype(dtype)
            values = np.asarray(frame)
            if values.dtype.kind in "biuf" or (values.dtype.kind == "O" and all(map(_is_number, values.flat))):
                return values.astype(dtype)
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise DataError(f"a frame must be numbers {tuple(shape)}, got {kind} ({error})") from error
    raise DataError(f"a frame must be numbers {tuple(shape)}, got {_KINDS.get(values.dtype.kind, kind)}")


def _is_number(one: Any) -> bool:
    return one is None or isinstance(one, Real | Decimal)


def check_finite(values: np.ndarray, names: Sequence[str] = ()) -> None:
    """DataError that names the place where a value of a frame is missing or infinite.

    Args:
        values: (D,), or (P, V, C) of a skeleton.
        names: of its features, or of its joints.
    """
    finite = np.isfinite(values)
    if finite.all():
        return
    place = np.argwhere(~finite)[0]
    skeleton = values.ndim == 3
    number = int(place[1] if skeleton else place[0])
    named = repr(names[number]) if len(names) > number else str(number)
    what = f"joint {named}" if skeleton else f"feature {named}"
    hint = "; send zeros for a person or joint that is not there" if skeleton else ""
    raise DataError(f"a value of a frame is missing or infinite: {what}{hint}")
