"""Units of lengths and angles: what values are multiplied by to be in another unit of their kind.

Inputs are the names of units, such as those of a schema, or names of columns that end with one: "angle [deg]".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...errors import ConfigError
from ..dataset import LabelledDataset
from ..options import one_of, standing_for
from .layouts import UNITS

_LENGTHS = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001}
_ANGLES = {"radians": 1.0, "degrees": math.pi / 180}
_SPELT = {
    **{"m": "metres", "metre": "metres", "metres": "metres", "meter": "metres", "meters": "metres"},
    **{"cm": "centimetres", "mm": "millimetres", "rad": "radians", "radians": "radians"},
    **{"deg": "degrees", "degrees": "degrees", "°": "degrees"},
}
_NAMED = re.compile(r"(.*\S)\s*[\[(]\s*([^\s\[\]()]+)\s*[\])]|(.+)_(cm|mm|rad|deg)")


def factor(found: str, wanted: str) -> float | None:
    """What values in one unit are multiplied by to be in another; None where these measure different things.

    Example:
        >>> factor("millimetres", "metres"), factor("pixels", "metres")
        (0.001, None)
    """
    for kind in (_LENGTHS, _ANGLES):
        if found in kind and wanted in kind:
            return kind[found] / kind[wanted]
    return None


def unit_in(name: str) -> tuple[str, str | None]:
    """The name of a column without its unit, and the unit if it is a known one.

    Example:
        >>> unit_in("knee angle [deg]"), unit_in("x_mm"), unit_in("x (left)")
        (('knee angle', 'degrees'), ('x', 'millimetres'), ('x (left)', None))
    """
    match = _NAMED.fullmatch(name.strip())
    unit = _SPELT.get((match[2] or match[4]).lower()) if match else None
    return (match[1] or match[3], unit) if match and unit else (name, None)


def with_units(reader: Callable[..., Any]) -> Callable[..., Any]:
    """A reader of skeletons, ``load`` or ``read``, with the option ``units``: what their coordinates are in."""

    @standing_for(reader, {"units": None})
    def read(path: Any, *values: Any, units: str | None = None, **options: Any) -> Any:
        if units is not None:
            one_of(str(path), "units", units, UNITS)
        found = reader(path, *values, **options)
        if units is not None:
            for part in [found] if isinstance(found, LabelledDataset) else found.parts().values():
                if len(part.schema.shape) != 3 or part.schema.medium != "sequence":
                    raise ConfigError(f"{path}: units are those of skeletons; a layout says what the joints are")
                own = part.schema.units
                if own and own != units and factor(own, units) is not None:
                    raise ConfigError(f"{path}: says that it is in {own}, not {units}; give --option units={own}")
                part.schema = replace(part.schema, units=units)
        return found

    return read
