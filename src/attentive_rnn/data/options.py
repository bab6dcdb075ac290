"""Options of readers and of transforms: checks of their values, and readers that take more of them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from functools import wraps
from typing import Any, TypeVar, get_type_hints

from ..errors import ConfigError

R = TypeVar("R")


def standing_for(
    reader: Callable[..., Any], added: Mapping[str, Any], without: Collection[str] = ()
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """A decorator for a function (path, **options) that is to look like a reader with other options.

    Args:
        reader: whose name, documentation and options it has.
        added: the defaults of more options, by their names.
        without: options of the reader that the function does not have.
    """

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        signature = inspect.signature(reader)
        kept = [parameter for name, parameter in signature.parameters.items() if name not in without]
        more = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value) for name, value in added.items()]
        standing: Any = wraps(reader)(function)
        standing.__signature__ = signature.replace(parameters=[*kept, *more])
        return standing

    return decorate


def by_name(
    record: type, argument: str, without: Collection[str] = ()
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """A decorator for a reader whose argument is a record of options: they are given by their names instead.

    Args:
        record: a dataclass with a default for each field.
        argument: the name of the reader's argument.
        without: fields that the reader does not use.
    """

    def decorate(reader: Callable[..., R]) -> Callable[..., R]:
        options = {field.name: field.default for field in fields(record) if field.name not in without}

        @standing_for(reader, options, (argument,))
        def read(path: Any, **given: Any) -> R:
            if strange := [name for name in given if name not in options]:
                raise TypeError(f"there is no option {strange[0]!r}")
            return reader(path, **{argument: record(**given)})

        read.__annotations__ = reader.__annotations__ | get_type_hints(record)
        return read

    return decorate


def one_of(where: str, key: str, value: Any, known: Collection[Any], remedy: str = "") -> None:
    """ConfigError, which ends with the remedy, unless the value of an option is among the known ones."""
    if value not in known:
        raise ConfigError(f"{where}: {key} must be one of {', '.join(map(str, known))}, got {value!r}{remedy}")


def whole(where: str, key: str, value: int, low: int) -> int:
    """The value as an int of at least ``low``, or ConfigError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ConfigError(f"{where}: {key} must be a whole number >= {low}, got {value!r}")
    return value


_LARGEST = sys.float_info.max  # whole numbers of a recipe may be larger


def number(where: str, key: str, value: float, low: float, high: float, *, above: bool = False) -> float:
    """The value as a float from ``low`` (above it, if ``above``) to ``high``, or ConfigError."""
    plain = isinstance(value, float) or (type(value) is int and abs(value) <= _LARGEST)
    if not plain or not low <= value <= high or (above and value == low):
        limits = f"above {low:g}" if above else f"from {low:g}"
        upper = "" if high == float("inf") else f" to {high:g}"
        raise ConfigError(f"{where}: {key} must be a number {limits}{upper}, got {value!r}")
    return float(value)
