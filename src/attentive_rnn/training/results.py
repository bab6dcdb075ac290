"""Content of a results.json, checked before it is used: the file may have been altered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ..errors import ConfigError

_OF_RUN = ("best_epoch", "epochs", "parameters", "flops_per_step", "seconds_per_epoch", "seconds", "loading_share")
_SCORES = (
    *("accuracy", "mean_class_accuracy", "loss", "mse", "rmse", "mae", "variance"),
    *("error", "inside", "outside", "unchanged", "together", "area", "from", "to"),
)
_NUMBERS_IF_KNOWN = ("r2", "mean")


class Checked(dict[str, Any]):
    """Values by name, of which a missing one is an error that names the file."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        super().__init__(values)
        self.where = where

    def __missing__(self, key: str) -> NoReturn:
        raise ConfigError(f"{self.where}{key} is missing; the file was altered")


def checked(values: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The content of a results.json, whose numbers are finite and whose scores of classes go together.

    Raises:
        ConfigError: a value is of another kind; the message names it.

    Example:
        >>> checked({"epochs": "many"}, Path("results.json"))
        Traceback (most recent call last):
        attentive_rnn.errors.ConfigError: results.json: epochs must be a number, got 'many'; the file was altered
    """
    found = Checked(values, f"{path}: ")
    if "test" in found:
        found["test"] = _scores(found["test"], f"{path}: test")
    for key, value in found.items():
        if key in _OF_RUN or key.startswith("validation_"):
            _check(value, key, found.where, _is_number, "a number")
    return found


def _scores(test: Any, where: str, classes: Sequence[str] = ()) -> Checked:
    """Scores, and in them those of a part of the sequences, which are of the same classes without naming them."""
    _check(test, where, "", lambda value: isinstance(value, dict), "an object")
    found = Checked(test, f"{where}.")
    classes = test.get("classes", classes)
    for key, value in test.items():
        if key in _KINDS:
            _check(value, key, found.where, *_KINDS[key])
        elif key.endswith("_interval_95"):
            _check(value, key, found.where, lambda pair: _are(_is_number, pair) and len(pair) == 2, "two numbers")
        elif key in _SCORES or (key in _NUMBERS_IF_KNOWN and value is not None):
            _check(value, key, found.where, _is_number, "a number")
    count = len(classes)
    for key in ("confusion", "class_right", "class_count", "class_predicted"):
        if key in found:
            lists = [found[key], *(row for row in found[key] if isinstance(row, list))]
            if any(len(one) != count for one in lists):
                _refuse(found[key], key, found.where, f"of {count} classes")
    if any(row[0] >= count or row[1] >= count for row in found.get("confused", ())):
        _refuse(found["confused"], "confused", found.where, f"of {count} classes")
    for key in ("without_copies", "always", "attention"):
        if found.get(key) is not None:
            found[key] = _scores(found[key], f"{where}.{key}", classes)
    if "by_scale" in found:
        _check(found["by_scale"], "by_scale", found.where, lambda rows: isinstance(rows, list), "a list")
        found["by_scale"] = [_scores(row, f"{where}.by_scale.{i}") for i, row in enumerate(found["by_scale"])]
    if "by_kind" in found:
        _check(found["by_kind"], "by_kind", found.where, lambda rows: isinstance(rows, dict), "an object")
        found["by_kind"] = {kind: _scores(row, f"{where}.by_kind.{kind}") for kind, row in found["by_kind"].items()}
    return found


def _check(value: Any, key: str, where: str, fits: Callable[[Any], bool], wanted: str) -> None:
    if not fits(value):
        _refuse(value, key, where, wanted)


def _refuse(value: Any, key: str, where: str, wanted: str) -> NoReturn:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    raise ConfigError(f"{where}{key} must be {wanted}, got {shown}; the file was altered")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _are(fits: Callable[[Any], bool], values: Any) -> bool:
    return isinstance(values, list) and all(map(fits, values))


_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "count": (_is_count, "a count"),
    "copies_in_train": (_is_count, "a count"),
    "classes": (lambda names: _are(lambda name: isinstance(name, str), names), "a list of names"),
    "confusion": (lambda rows: _are(lambda row: _are(_is_count, row), rows), "rows of counts"),
    "class_right": (lambda counts: _are(_is_count, counts), "counts"),
    "class_count": (lambda counts: _are(_is_count, counts), "counts"),
    "class_predicted": (lambda counts: _are(_is_count, counts), "counts"),
    "layers": (lambda shares: _are(_is_number, shares), "numbers"),
    "confused": (lambda rows: _are(lambda row: _are(_is_count, row) and len(row) == 3, rows), "rows of three counts"),
}
