"""Pickles of plain values and numpy arrays, read without running anything that they name.

Unpickling calls what the file names. Here no name leads to real code: the few names that numpy's arrays need lead
to stand-ins that accept numbers only, and every other name, or instruction that is not needed, is refused.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ...errors import DataError
from .memory import written_out

_CODES = frozenset(("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"))
_DEEPEST = 100
_HEAD = 4096  # bytes that name what was pickled
_INSTRUCTIONS = frozenset(
    (
        *("PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2"),
        *("LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES"),
        *("BINSTRING", "SHORT_BINSTRING"),  # the texts and bytes of Python 2
        *("BINBYTES8", "BYTEARRAY8", "EMPTY_LIST", "APPEND", "APPENDS", "LIST", "EMPTY_TUPLE", "TUPLE"),
        *("TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS", "GLOBAL", "STACK_GLOBAL"),
        *("REDUCE", "BUILD", "BINPUT", "LONG_BINPUT", "MEMOIZE", "BINGET", "LONG_BINGET"),
    )
)


class PickledArray:
    """A numpy array of numbers out of a pickle; ``values`` is None until its content is read."""

    __slots__ = ("values",)

    def __init__(self, values: np.ndarray | None = None) -> None:
        self.values = values

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise pickle.UnpicklingError("an array's state is malformed")
        _, shape, dtype, fortran, content = state
        self.values = _array(content, dtype, shape, "F" if fortran else "C")


class _Dtype:
    """The type of an array's values; only numbers and truth values."""

    __slots__ = ("dtype",)

    def __init__(self, code: Any, *_: Any) -> None:
        if code not in _CODES:
            raise pickle.UnpicklingError(f"an array has values of the type {code!r}; only numbers are read")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError("the type of an array's values is malformed")
        self.dtype = self.dtype.newbyteorder(order)


class _StandIn:
    """Something to call in place of what a pickle names; it cannot be changed by the pickle."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("an instruction would change a function")


class _AnyDtype(_Dtype):
    """The type of an array's values, which may be other values of the pickle."""

    __slots__ = ()

    def __init__(self, code: Any, *rest: Any) -> None:
        if code in ("O", "O8"):
            self.dtype = np.dtype(object)
        else:
            super().__init__(code, *rest)


def _array(content: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    if isinstance(dtype, _AnyDtype) and dtype.dtype.hasobject:
        return _objects(content, shape, order)
    if isinstance(content, str):  # bytes of Python 2, which the unpickler takes for latin1
        content = _encode(content, "latin1")
    if not isinstance(dtype, _Dtype) or not isinstance(content, bytes | bytearray) or order not in ("C", "F"):
        raise pickle.UnpicklingError("an array is not of numbers")
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise pickle.UnpicklingError("the shape of an array is malformed")
    if math.prod(shape) * dtype.dtype.itemsize != len(content):
        raise pickle.UnpicklingError("the shape of an array does not fit its content")
    return np.frombuffer(content, dtype=dtype.dtype).reshape(shape, order=order)


def _objects(content: Any, shape: Any, order: Any) -> np.ndarray:
    """An array of the values of a list."""
    if not isinstance(content, list) or not isinstance(shape, tuple) or order not in ("C", "F"):
        raise pickle.UnpicklingError("an array of objects is malformed")
    if not all(type(n) is int and n >= 0 for n in shape) or math.prod(shape) != len(content):
        raise pickle.UnpicklingError("the shape of an array does not fit its content")
    values = np.empty(len(content), dtype=object)
    for i, value in enumerate(content):
        values[i] = value
    return values.reshape(shape, order=order)


def _scalar(dtype: Any, content: Any) -> Any:
    return _array(content, dtype, (), "C").item()


def _encode(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("a text is in another encoding than latin1")
    try:
        return text.encode("latin1")
    except UnicodeEncodeError as error:
        raise pickle.UnpicklingError("a text is in another encoding than latin1") from error


_NDARRAY = _StandIn(lambda *_: PickledArray())
_NAMES: dict[tuple[str, str], _StandIn] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _StandIn(_Dtype),
    ("_codecs", "encode"): _StandIn(_encode),  # how protocols before 3 hold bytes
}
for _core in ("numpy.core", "numpy._core"):
    _NAMES[_core + ".multiarray", "_reconstruct"] = _StandIn(lambda *_: PickledArray())
    _NAMES[_core + ".multiarray", "scalar"] = _StandIn(_scalar)
    _NAMES[_core + ".numeric", "_frombuffer"] = _StandIn(
        lambda content, dtype, shape, order: PickledArray(_array(content, dtype, shape, order))
    )


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = _NAMES.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is not a plain value or an array")
        return found


class _ObjectUnpickler(_Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return _ANY_DTYPE if (module, name) == ("numpy", "dtype") else super().find_class(module, name)


_ANY_DTYPE = _StandIn(_AnyDtype)


def load_array(data: bytes, where: str) -> np.ndarray:
    """The array of Python's objects of an .npy file, whose pickle this is, read as :func:`load_plain` reads.

    Returns:
        Texts, numbers, or objects (N,), each an array of numbers.

    Raises:
        DataError: as :func:`load_plain`; or the objects are others.

    Example:
        >>> load_array(pickle.dumps(np.array(["up", None], dtype=object)), "here").tolist()
        ['up', '']
    """
    try:
        loaded = _load(data, where, _ObjectUnpickler)
    except DataError as error:
        raise no_objects(where) from error
    if not isinstance(loaded, PickledArray) or loaded.values is None or loaded.values.dtype != object:
        raise DataError(f"{where}: is no array")
    values = loaded.values
    found = [one.values if isinstance(one, PickledArray) else one for one in values.reshape(-1).tolist()]
    if found and all(one is None or isinstance(one, str) for one in found):
        return np.array([one or "" for one in found]).reshape(values.shape)
    if found and all(isinstance(one, bool | int | float) for one in found):
        return np.array(found, dtype=np.result_type(np.int64, np.array(found))).reshape(values.shape)
    if values.ndim != 1 or not found:
        raise _unread(where, values)
    for i, one in enumerate(found):
        try:
            values[i] = np.array(one) if isinstance(one, list) else one
        except ValueError:  # lists of several lengths
            raise _unread(where, one) from None
        if not isinstance(values[i], np.ndarray) or values[i].dtype.kind not in "iuf":
            raise _unread(where, one)
    return values


def no_objects(where: str) -> DataError:
    """The error for a file with objects that are not read, since reading them could run code."""
    return DataError(f"{where}: holds Python objects, which could run code; save it again as numbers or text")


def _unread(where: str, value: Any) -> DataError:
    what = f"a {type(value).__name__}" if not isinstance(value, np.ndarray) else "several values of several kinds"
    return DataError(
        f"{where}: holds Python objects, of which texts, numbers and arrays of numbers are read, not {what}; save it "
        "again as numbers or text"
    )


def load_plain(data: bytes, where: str) -> Any:
    """The content of a pickle of dict, list, tuple, str, bytes, numbers and numpy arrays of numbers.

    Arrays come as :class:`PickledArray`, numpy's scalars as numbers of Python.

    Raises:
        DataError: the pickle is damaged, or has anything else in it; nothing of it is run.

    Example:
        >>> load_plain(pickle.dumps({"label": 3}), "here")
        {'label': 3}
    """
    return _load(data, where, _Unpickler)


def _load(data: bytes, where: str, reader: type[_Unpickler]) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in names, which are refused all the same
            _check_instructions(data)
            content = reader(io.BytesIO(data), encoding="latin1").load()
            if written_out(content, _inside, 4 * len(data) + 1000) is None:
                raise pickle.UnpicklingError("its values hold each other, again and again")
            return content
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        MemoryError,
        RecursionError,
    ) as error:
        raise DataError(f"{where}: is not read as a pickle: {error or type(error).__name__}") from error


def _inside(value: Any) -> Iterable[Any]:
    """The values in one that can hold the same value twice; keys are texts and numbers."""
    if isinstance(value, PickledArray) and value.values is not None and value.values.dtype == object:
        return iter(value.values.reshape(-1).tolist())
    return value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()


def _check_instructions(data: bytes) -> None:
    """Refuse instructions that plain values do not need, and those that would exhaust the memory or the stack.

    The entries of the stack and the memo are the depths of nesting of the values there: 0 of a number, 2 of [[]].
    Without a limit a text of nested values would overflow the stack. A key has depth 0, which texts, numbers and
    names have: the hash of a tuple that holds the one before twice, and so on, would take for ever.
    """
    stack: list[int | None] = []  # None is a mark
    memo: dict[int, int] = {}
    for count, (instruction, argument, at) in enumerate(pickletools.genops(data)):
        name = instruction.name
        if name not in _INSTRUCTIONS:
            frame = "; save a DataFrame with to_parquet or to_csv" if b"pandas" in data[:_HEAD] else ""
            raise pickle.UnpicklingError(f"byte {at} is the instruction {name}, which plain values do not need{frame}")
        if name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            place = len(memo) if name == "MEMOIZE" else int(argument or 0)
            if place > count:
                raise pickle.UnpicklingError(f"byte {at} has a place in the memo that is out of order")
            memo[place] = stack[-1] or 0
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[int(argument or 0)])
        elif name == "MARK":
            stack.append(None)
        else:
            taken = _take(stack, instruction)
            depth = 1 + max(taken) if taken else int(name.startswith("EMPTY"))
            if name == "REDUCE":  # an array, a number or bytes, which hold nothing of what they are made from
                depth = 0
            # A list or dict that grows comes back as it was taken, first.
            # What was above a mark comes from the top down: each value before its key.
            keys = {"SETITEM": taken[1:2], "SETITEMS": taken[2::2], "DICT": taken[1::2]}.get(name, ())
            if any(keys):
                raise pickle.UnpicklingError(f"byte {at} has a key that is neither a text nor a number")
            if name in ("APPEND", "APPENDS", "SETITEM", "SETITEMS"):
                depth = max(taken[0], 1 + max(taken[1:], default=0))
            if depth > _DEEPEST:
                raise pickle.UnpicklingError(f"byte {at} has values nested deeper than {_DEEPEST}")
            stack.extend(depth for _ in instruction.stack_after)


def _take(stack: list[int | None], instruction: pickletools.OpcodeInfo) -> list[int]:
    """Take what an instruction takes from the stack: as many as it says, and all that is above the last mark."""
    before = instruction.stack_before
    above: list[int] = []
    count = len(before)
    if pickletools.markobject in before:
        count = before.index(pickletools.markobject)
        while (depth := stack.pop()) is not None:
            above.append(depth)
    taken = [stack.pop() or 0 for _ in range(count)]
    return taken[::-1] + above
