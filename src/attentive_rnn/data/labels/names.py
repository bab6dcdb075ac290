"""Names of the classes, in an array of a file beside class indices."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...errors import DataError, counted

CLASS_NAMES = ("classes", "class_names", "label_names", "target_names")


def with_class_names(
    arrays: Mapping[str, np.ndarray], labels: np.ndarray | None, count: int, where: str
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """The arrays with the names of the classes as "classes", and the labels as indices where they are whole floats.

    Args:
        arrays: of a file, by name.
        labels: indices or names, (count,) or one-hot (count, K), or None.
        count: of the sequences; so many names, some of them twice, are one for each sequence and no names of classes.
        where: the file in messages.

    Raises:
        DataError: the array holds no names, or names one twice, or labels or their columns are not so many.

    Example:
        >>> names = {"class_names": np.array(["sit", "run"])}
        >>> found, labels = with_class_names(names, np.array([0.0, 1.0]), 2, "a.npz")
        >>> found["classes"].tolist(), labels.tolist()
        (['sit', 'run'], [0, 1])
    """
    name = next((name for name in CLASS_NAMES if name in arrays), None)
    if name is None or (name != "classes" and _of_each(arrays[name], count)):
        return dict(arrays), labels
    names = arrays[name]
    if names.ndim != 1 or names.dtype.kind not in "iuU":
        raise DataError(f"{where}: {name} must be (K,) names, one for each class, got {names.dtype} {names.shape}")
    if len(set(names.tolist())) < len(names):
        raise DataError(f"{where}: {name} names a class twice")
    found = {"classes" if key == name else key: values for key, values in arrays.items()}
    if labels is None:
        return found, None
    if labels.ndim == 2 and labels.shape[1] not in (1, len(names)):
        raise DataError(
            f"{where}: labels have {counted(labels.shape[1], 'column')}, but {name} has {counted(len(names), 'name')}"
        )
    if labels.dtype.kind == "f" and labels.ndim == 1:
        known = labels[np.isfinite(labels)]
        if (known % 1).any():
            raise DataError(
                f"{where}: labels have fractions, but {name} names classes; labels must be indices from 0, or "
                "--option target=number predicts them as numbers"
            )
        labels = np.where(np.isfinite(labels), labels, -1).astype(np.int64)
    wrong = (
        labels[(labels < -1) | (labels >= len(names))] if labels.dtype.kind in "iu" and labels.ndim == 1 else labels[:0]
    )
    if len(wrong):
        advice = "subtract 1 from labels that are counted from 1" if labels.min() == 1 else "name all classes"
        raise DataError(
            f"{where}: the label {wrong[0]} is not an index into the {counted(len(names), 'class', 'classes')} of the "
            f"array {name}, counted from 0; {advice}"
        )
    return found, labels


def _of_each(names: np.ndarray, count: int) -> bool:
    """Whether an array has a text for each sequence."""
    return names.shape == (count,) and len(set(names.tolist())) < count
