"""Player of a report: items of a run and what is let in of them, packed small, and the words around it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...data import ImageDataset, Schema, get_layout
from ...data.dataset import sequences_only
from ...draw import projection
from ...draw.charts import Quantity
from ...draw.films import DEFAULT_RATE
from ...draw.skeletons import has_skeletons
from ...training.saved_model import SavedModel
from ..explanation import QUANTITIES, Answer, Explanation, explain, hardest_mistakes, heading
from ..images import ImageExplanation, explain_images
from ..lags import mean_lags
from ..outcome import Request
from ..response import has_gate, stored_usual
from ..scores import choose
from ..sequences import PIXELS, as_images
from ..words import class_words

SAMPLES, BYTES = 150, 2_500_000  # the most that one page holds
STEPS, ROWS = 400, 40  # of a sequence and of a map; more are thinned out
_MISTAKES = 8  # hardest ones that the page lists
_ABSENT = 65535


def of_sequences(request: Request, answers: np.ndarray) -> dict[str, Any]:
    """The player and the lags of a run on sequences; without attention where the first layer has no gate.

    Args:
        request: of all items of the test set, of which a part is shown.
        answers: to all of them: probabilities (N, K) or predicted numbers (N, 1).
    """
    saved, classes = request.saved, request.saved.schema.classes
    gated = has_gate(saved)
    usual = stored_usual(request.run.model, saved, sequences_only(request.train)) if gated else None
    shown = request.dataset.subset(choose(answers, request.dataset, SAMPLES))
    explanations = explain(saved, sequences_only(shown), usual)
    found = {"lags": _lags(explanations, saved), "words": _words(explanations)}
    if gated and request.run.read_config().data.source == PIXELS:
        images = as_images(explanations, saved.preprocessing)
        if images is not None:
            note = "Bright is what the first layer lets in: its gate times how far from the mean the pixel lies."
            return found | {"player": _framed(images, pack_images(images, classes), note, classes)}
    data = pack(explanations, classes)
    note = "This model has no gate on its input: there is no attention to show."
    if gated:
        size = {
            "skeleton": "Circles grow with it.",
            "words": "The darker a word's ground, the more.",
            "map": "Yellow is much, blue is little.",
        }[data["kind"]]
        note = (
            "The attended input is what the first layer lets in: its gate times how far from the mean of training the "
            f"input lies. {size} Relative attention is how open the gate was, relative to the usual, whatever came "
            "through it. Both say what the layer lets in, not why a class was chosen."
        )
    return found | {"player": _framed(explanations, data, note, classes)}


def of_images(request: Request, answers: np.ndarray) -> dict[str, Any]:
    """The player of a run on images, as :func:`of_sequences`; the answers may be errors of images first, (N, K)."""
    shown, classes = request.dataset.subset(choose(answers, request.dataset, SAMPLES)), request.saved.schema.classes
    assert isinstance(shown, ImageDataset)
    found = explain_images(request.saved, shown)
    note = (
        "Bright is much, scaled to the largest value of each mask: by it the layer multiplies what it has made of the "
        "image there."
    )
    return {"lags": None, "player": _framed(found, pack_images(found, classes), note, classes)}


def _framed(explanations: Sequence[Answer], data: dict[str, Any], note: str, classes: Sequence[str]) -> dict[str, Any]:
    """The player's data, which hold the first of these explanations, and the template's words around them."""
    places = {id(one): i for i, one in enumerate(explanations[: len(data["samples"])])}
    mistakes = [one for one in hardest_mistakes(explanations, _MISTAKES) if id(one) in places]
    image = data["kind"] == "image"
    return {
        "kind": data["kind"],
        "sample_word": "Test image" if image else "Test sequence",
        "item_word": "image" if image else "sequence",
        "group_word": {"skeleton": "Joint", "words": "Part"}.get(data["kind"], "Feature"),
        "note": note,
        "mistakes": [{"sample": places[id(one)], "text": f"{one.name}: {heading(one, classes)}"} for one in mistakes],
        "data": data,
    }


def _lags(explanations: list[Explanation], saved: SavedModel) -> list[dict[str, Any]] | None:
    """The weights of the past outputs, the mean over the sequences that are shown; None if no layer looks back."""
    first = saved.classifier.config["first_lag"]
    rows = [
        {"name": name, "lags": list(range(first, first + len(mean))), "weights": [f"{value:.3f}" for value in mean]}
        for name, mean in mean_lags(explanations).items()
    ]
    return rows or None


def _words(explanations: Sequence[Explanation]) -> list[dict[str, Any]] | None:
    """The best words of each class in the texts that are shown, with numbers in words; None where there are none."""
    rows = [
        {"name": name, "words": [{"word": one.word, "times": f"{one.relevance:.2f}"} for one in best]}
        for name, best in class_words(explanations).items()
    ]
    return rows or None


def pack(explanations: Sequence[Explanation], classes: Sequence[str]) -> dict[str, Any]:
    """The player's data, which JSON can hold; sequences that no longer fit into `BYTES` are left out.

    Args:
        explanations: in order of importance, at least one.
        classes: their names.
    """
    schema, groups = explanations[0].schema, explanations[0].groups
    kind = explanations[0].kind
    known = bool(np.isfinite(explanations[0].attention).all())
    shown = {name: [replace(one, shows=name).relevance for one in explanations] for name in QUANTITIES if known}
    ends = {name: (min(one.min() for one in of), max(one.max() for one in of)) for name, of in shown.items()}
    rows = list(range(len(groups)))
    if kind == "map" and len(groups) > ROWS:
        weight = np.concatenate(shown["attended"]).mean(0) if known else np.zeros(len(groups))
        rows = sorted(np.argsort(-weight, kind="stable")[:ROWS].tolist())
    elements = [element for row in rows for element in groups[row].elements]
    local = iter(range(len(elements)))
    inputs = np.concatenate([one.inputs[:, elements] for one in explanations])
    floor, span = inputs.min(0), np.maximum(np.ptp(inputs, axis=0), 1e-12)
    samples: list[dict[str, Any]] = []
    size = 0
    for number, one in enumerate(explanations):
        stride = -(-len(one.inputs) // STEPS)
        attention = [_bytes(shown[name][number][::stride][:, rows], *ends[name]) for name in shown]
        sample: dict[str, Any] = {
            "name": one.name,
            "label": int(one.label) if one.labelled and schema.target == "class" else -1,
            "right": one.right or schema.target == "number",
            "verdict": heading(one, classes) + (f"; most: {one.in_words(5)}" if one.words and known else ""),
            "steps": len(one.inputs[::stride]),
            "stride": stride,
            "attention": attention if known else None,
            "points": packed(_points(one, stride), np.uint16) if kind == "skeleton" else None,
            "words": list(one.words[::stride]),
            "signal": None
            if kind != "map"
            else packed(((one.inputs[::stride][:, elements] - floor) / span * 255).round(), np.uint8),
        }
        size += sum(len(text or "") for text in (*attention, sample["points"], sample["signal"]))
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
        "measures": [_measure(QUANTITIES[name], shown[name], *ends[name]) for name in shown],
        "rate": _rate(schema, explanations),
        "samples": samples,
        **_body(schema),
    }


def pack_images(explanations: Sequence[ImageExplanation], classes: Sequence[str]) -> dict[str, Any]:
    """The player's data, which JSON can hold; a step is a layer. What no longer fits into `BYTES` is left out.

    Args:
        explanations: in order of importance, at least one.
        classes: their names.
    """
    samples: list[dict[str, Any]] = []
    size = 0
    for one in explanations:
        masks = (*one.masks, one.together)[: len(one.names)]
        pictures = {"image": one.image, "wanted": one.wanted, "made": one.made}
        sample: dict[str, Any] = {
            "name": f"{one.name}: {one.question}" if one.question else one.name,
            "label": int(one.label) if one.labelled and one.schema.target == "class" else -1,
            "right": one.right or one.schema.target != "class",
            "verdict": heading(one, classes),
            "steps": len(masks),
            "stride": 1,
            "attention": [packed(np.stack([255 * mask / max(mask.max(), 1e-30) for mask in masks]).round(), np.uint8)],
            "shares": one.shares(),
            "pictures": {
                name: packed((255 * picture).round(), np.uint8)
                for name, picture in pictures.items()
                if picture is not None
            },
        }
        size += len(sample["attention"][0]) + sum(map(len, sample["pictures"].values()))
        if samples and size > BYTES:
            break
        samples.append(sample)
    first = explanations[0]
    return {
        "kind": "image",
        "classes": list(classes),
        "groups": [],
        "measures": [],
        "layers": list(first.names),
        "height": first.image.shape[0],
        "width": first.image.shape[1],
        "rate": 1,
        "samples": samples,
    }


def _bytes(values: np.ndarray, low: float, high: float) -> str:
    """Values between two ends as bytes from 0 to 255, packed."""
    return packed(((values - low) / ((high - low) or 1.0) * 255).round(), np.uint8)


def _measure(quantity: Quantity, values: Sequence[np.ndarray], lowest: float, highest: float) -> dict[str, Any]:
    """What the player says of a quantity that it can show: what bytes mean, its scale, and a value's words."""
    low, high = quantity.limits(np.concatenate([one.ravel() for one in values]))
    digits, suffix = quantity.form.removeprefix("{:.").split("f}")
    return {
        "name": quantity.name,
        "unit": quantity.unit,
        "lowest": float(lowest),
        "highest": float(highest),
        "low": low,
        "high": high,
        "digits": int(digits),
        "suffix": suffix,
    }


def _body(schema: Schema) -> dict[str, Any]:
    if not has_skeletons(schema) or schema.layout is None:
        return {}
    layout = get_layout(schema.layout)
    return {"persons": schema.shape[0], "joints": len(layout.joints), "bones": [list(bone) for bone in layout.bones]}


def _rate(schema: Schema, explanations: Sequence[Explanation]) -> float:
    """Steps a second: that of the data for bodies; for signals what lets a sequence pass in about eight seconds."""
    if has_skeletons(schema):
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
