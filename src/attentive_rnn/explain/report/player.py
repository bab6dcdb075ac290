"""What the player in a report shows: sequences and their attention, packed small."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...data import LabelledDataset, Schema, get_layout
from ...draw import projection
from ...draw.samples import DEFAULT_RATE, has_bones
from ..answer import heading
from ..explanation import Explanation

SAMPLES, BYTES = 150, 2_500_000  # the most that one page holds
STEPS, ROWS = 400, 40  # of a sequence and of a map; more are thinned out
_MISTAKES = 12  # hardest ones that are there in any case
_ABSENT = 65535


def choose(outputs: np.ndarray, dataset: LabelledDataset, count: int = SAMPLES) -> list[int]:
    """The items to show: the hardest mistakes, then in turn one of each class.

    Args:
        outputs: the probabilities (B, K), the predicted numbers (B, 1), or errors of images first (B, K).
        dataset: the B items.
        count: how many at most.

    Returns:
        indices.
    """
    labels = dataset.labels
    if dataset.schema.target != "class":
        truth = labels if dataset.schema.target == "number" else 0
        errors, order = np.nan_to_num(np.abs(outputs[:, 0] - truth)), np.arange(len(labels))
        wrong = order
    else:
        errors = 1 - np.where(labels >= 0, outputs[np.arange(len(labels)), labels], 1.0)
        wrong = np.flatnonzero((outputs.argmax(1) != labels) & (labels >= 0))
        turn = np.zeros(len(labels), dtype=np.int64)
        for label in np.unique(labels):
            members = np.flatnonzero(labels == label)
            turn[members] = np.arange(len(members))
        order = np.lexsort((labels, turn))
    chosen = wrong[np.argsort(-errors[wrong], kind="stable")][:_MISTAKES].tolist()
    taken = set(chosen)
    return (chosen + [int(i) for i in order if int(i) not in taken])[:count]


def pack(explanations: Sequence[Explanation], classes: Sequence[str]) -> dict[str, Any]:
    """The player's data, which JSON can hold; sequences that no longer fit into `BYTES` are left out.

    Args:
        explanations: in order of importance, at least one.
        classes: their names.
    """
    schema, groups = explanations[0].schema, explanations[0].groups
    kind = "skeleton" if has_bones(schema) else "words" if schema.vocabulary else "map"
    relevance = np.concatenate([one.relevance for one in explanations])
    known = np.isfinite(relevance).all()
    low, high = np.percentile(relevance, (1, 99)) if known else (0.0, 1.0)
    high = high if high > low else low + 1.0
    rows = list(range(len(groups)))
    if kind == "map" and len(groups) > ROWS:
        weight = relevance.mean(0) if known else np.zeros(len(groups))
        rows = sorted(np.argsort(-weight, kind="stable")[:ROWS].tolist())
    elements = [element for row in rows for element in groups[row].elements]
    local = iter(range(len(elements)))
    inputs = np.concatenate([one.inputs[:, elements] for one in explanations])
    floor, span = inputs.min(0), np.maximum(np.ptp(inputs, axis=0), 1e-12)
    samples: list[dict[str, Any]] = []
    size = 0
    for one in explanations:
        stride = -(-len(one.inputs) // STEPS)
        attention = (np.clip((one.relevance[::stride][:, rows] - low) / (high - low), 0, 1) * 255).round()
        sample: dict[str, Any] = {
            "name": one.name,
            "label": int(one.label) if one.labelled and schema.target == "class" else -1,
            "right": one.right or schema.target == "number",
            "verdict": heading(one, classes),
            "steps": len(attention),
            "stride": stride,
            "attention": packed(attention, np.uint8) if known else None,
            "points": packed(_points(one, stride), np.uint16) if kind == "skeleton" else None,
            "words": list(one.words[::stride]),
            "signal": None
            if kind != "map"
            else packed(((one.inputs[::stride][:, elements] - floor) / span * 255).round(), np.uint8),
        }
        size += sum(len(sample[key] or "") for key in ("attention", "points", "signal"))
        size += sum(len(word) + 3 for word in sample["words"])
        if samples and size > BYTES:
            break
        samples.append(sample)
    return {
        "kind": kind,
        "classes": list(classes),
        "groups": [groups[row].name for row in rows],
        "elements": [[next(local) for _ in groups[row].elements] for row in rows],
        "width": len(elements),
        "low": float(low),
        "high": float(high),
        "rate": _rate(schema, explanations),
        "samples": samples,
        **_body(schema),
    }


def _body(schema: Schema) -> dict[str, Any]:
    if not has_bones(schema) or schema.layout is None:
        return {}
    layout = get_layout(schema.layout)
    return {"persons": schema.shape[0], "joints": len(layout.joints), "bones": [list(bone) for bone in layout.bones]}


def _rate(schema: Schema, explanations: Sequence[Explanation]) -> float:
    """Steps a second: that of the data for bodies; for signals what lets a sequence pass in about eight seconds."""
    if has_bones(schema):
        return min(schema.rate or DEFAULT_RATE, 60.0)
    return max(2.0, min(len(explanations[0].inputs), STEPS) / 8)


def _points(explanation: Explanation, stride: int) -> np.ndarray:
    """The joints of every shown step in 0 ... 65534, x to the right and y down; `_ABSENT` where nobody is."""
    flat = projection.flatten(explanation.positions, explanation.schema)[::stride]
    seen = np.isfinite(flat).all(-1)
    if not seen.any():
        return np.full(flat.shape, _ABSENT)
    points = flat[seen]
    middle = (points.min(0) + points.max(0)) / 2
    reach = float(np.ptp(points, axis=0).max()) or 1.0
    scaled = ((flat - middle) / reach * (1, -1) + 0.5) * (_ABSENT - 1)
    return np.where(seen[..., None], np.nan_to_num(scaled).round(), _ABSENT)


def packed(values: np.ndarray, kind: Any) -> str:
    """Numbers in a little-endian type, as text that JSON can hold."""
    return base64.b64encode(values.astype(np.dtype(kind).newbyteorder("<")).tobytes()).decode()
