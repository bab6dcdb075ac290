"""Warnings on the classes of a data set that make its scores say nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ..dataset import LabelledDataset


def class_warnings(parts: Mapping[str, LabelledDataset]) -> Iterator[str]:
    """A sentence for each part with labels of one class only, about which every model is right; and on classes that
    differ only in case or spaces, which may be one.

    Args:
        parts: the parts of a data set by name.

    Example:
        >>> import torch
        >>> from attentive_rnn.data import Schema, SequenceDataset
        >>> data = SequenceDataset([torch.ones(2, 1)] * 2, [0, 0], [{}, {}], Schema(("up", "down"), (1,)))
        >>> list(class_warnings({"train": data}))
        ["all 2 labelled sequences of train are of one class, 'up': any model is right about them"]
    """
    for name, part in parts.items():
        if part.schema.target != "class" or not part.schema.classes:
            continue
        labels = part.labels[part.labelled]
        found = np.unique(labels)
        if len(found) == 1 and len(labels) > 1:
            items = "images" if part.schema.medium == "image" else "sequences"
            yield (
                f"all {len(labels)} labelled {items} of {name} are of one class, "
                f"{part.schema.classes[int(found[0])]!r}: any model is right about them"
            )
    classes = next(iter(parts.values())).schema.classes if parts else ()
    alike: dict[str, list[str]] = {}
    for name in classes:
        alike.setdefault("".join(name.casefold().replace("_", " ").split()), []).append(name)
    for names in alike.values():
        if len(names) > 1:
            shown = " and ".join(map(repr, names))
            yield f"the classes {shown} differ only in case or spaces: write them alike if they are one"
