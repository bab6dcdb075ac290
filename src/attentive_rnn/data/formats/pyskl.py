"""Skeleton pickles of pyskl and mmaction2, with all sequences and splits of a data set in one file.

``{"split": {name: [frame_dir, ...]}, "annotations": [{"frame_dir", "label", "total_frames", "keypoint" (M, T, V, C),
"keypoint_score" (M, T, V) for 2-D key points, ...}, ...]}``. In the compact variant (Kinetics) ``keypoint`` is
(N, V, 3), x y score of every person in every frame, and ``frame_inds`` (N,) says in which frame; ``valid`` and
``box_score`` are not used. Reference: H. Duan, J. Wang, K. Chen, D. Lin, "PYSKL: towards good practices for skeleton
action recognition", ACM MM 2022.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch

from ...errors import ConfigError, DataError, counted
from ..dataset import SequenceDataset, Splits
from ..io.bad_samples import Bad, check_bad
from ..io.files import existing, quoted, read_bytes
from ..io.pickle import PickledArray, load_plain
from ..options import one_of, whole
from ..schema import Schema
from ..skeletons.confidence import with_confidence
from ..skeletons.ntu import ACTIONS as NTU_ACTIONS
from ..skeletons.ntu import meta_of, number_of_classes
from ..skeletons.units import with_units
from ..source import Source
from ..split import PARTS, PartsError, labelled_only, misspelt_part, named_parts, no_part, part_of
from ..transforms.presence import unseen

Scores = Literal["append", "drop"]

_LAYOUTS = {(17, 2): "coco-17", (18, 2): "openpose-18", (25, 3): "ntu-25", (25, 2): "openpose-25", (20, 3): "kinect-20"}
_WORDS = "|".join(sorted(PARTS, key=len, reverse=True))  # "validation" before "val"
_PART = re.compile(rf"(.*?)[_-]?((?<![a-z])(?:{_WORDS})(?![a-z])|train|val|test)[_-]?(.*)", re.DOTALL | re.IGNORECASE)
_MOST_CLASSES = 10_000
_MOST_PEOPLE = 10  # in a frame of the compact variant, as mmaction2 has it


def load(
    path: str | Path,
    split: str | None = None,
    persons: int = 2,
    scores: Scores = "append",
    min_confidence: float = 0.0,
    missing: Bad = "refuse",
    coordinates: int | None = None,
) -> Splits[SequenceDataset]:
    """One of the splits of a file: NAME_train, NAME_val and NAME_test, or trainNAME and testNAME.

    Without a test part NAME_val is the test part, as in pyskl and mmaction2.

    Args:
        path: the .pkl file.
        split: its NAME, such as "xsub" or "1"; not needed where the file has one split only.
        persons: how many people are kept at most, in the order of the file.
        scores: "append" keeps the score of a 2-D key point as its confidence, a third number that is no coordinate;
            "drop" leaves it out.
        min_confidence: a key point with a score below it, or of 0, is absent: all zeros.
        missing: "skip" leaves out malformed annotations, such as one without anybody; "refuse" names the first.
        coordinates: of a key point, where the field keypoint holds a score after them; see
            :func:`attentive_rnn.data.skeletons.confidence.with_confidence`.

    Raises:
        ConfigError: an option with another value, or a split that the file does not have.
        DataError: the file is damaged or holds anything but plain values and arrays of numbers (nothing in it is
            run), an annotation is malformed, a split names a sequence that is not there, or no split is chosen
            where there is not just one.
    """
    path = existing(path)
    content = load_plain(read_bytes(path), str(path))
    dataset = _dataset(path, content, persons, scores, min_confidence, missing, coordinates)
    pairs, ignored = _splits(path, content)
    known = ", ".join(map(repr, sorted(pairs))) or "none"
    if split is None:
        if len(pairs) != 1:
            if not pairs:
                shown = ", ".join(map(quoted, ignored)) or "none"
                raise PartsError(
                    f"{path}: no two splits are train and test, or NAME_train and NAME_test; there are {shown}"
                )
            raise DataError(f"{path}: there is not one split but {len(pairs)}; choose with split=NAME: {known}")
        split = next(iter(pairs))
    if split not in pairs:
        raise ConfigError(f"{path}: split must be one of {known}, got {split!r}")
    for name in ignored:
        if misspelt_part(name):
            raise no_part(name, str(path))
    place = {meta["name"]: i for i, meta in enumerate(dataset.metas)}
    means, notes = named_parts(pairs[split], f"{path}, split {split!r}" if split else str(path))
    parts: dict[str, list[int]] = {}
    for part, name in pairs[split].items():
        known_names = [n for n in content["split"][name] if n in place]
        strange = [n for n in content["split"][name] if n not in place]
        if strange and missing == "refuse":
            raise DataError(
                f"{path}: the split {name!r} names {quoted(strange[0])}, which is no annotation's frame_dir; "
                "missing=skip leaves it out"
            )
        if strange:
            notes.append(
                f"{path}: {len(strange)} of {len(content['split'][name])} names in the split {name!r} are of no "
                f"annotation that is read, and left out; the first is {quoted(strange[0])}"
            )
        if not known_names:
            raise DataError(f"{path}: the split {name!r} is empty")
        parts.setdefault(means[part], []).extend(place[n] for n in known_names)
    dataset.notes = (*dataset.notes, *notes, *_left_out(path, split, dataset, parts, ignored))
    train, valid, test = (
        labelled_only(dataset.subset(parts.get(part, ())), missing) for part in ("train", "valid", "test")
    )
    return Splits(train, test, valid if len(valid) else None)


def read(
    path: str | Path,
    persons: int = 2,
    scores: Scores = "append",
    min_confidence: float = 0.0,
    missing: Bad = "refuse",
    coordinates: int | None = None,
) -> SequenceDataset:
    """Every annotation, whatever split it is in. Errors as for :func:`load`."""
    path = existing(path)
    content = load_plain(read_bytes(path), str(path))
    dataset = _dataset(path, content, persons, scores, min_confidence, missing, coordinates)
    splits = content.get("split") if isinstance(content, dict) else None
    lists = [names for names in splits.values() if isinstance(names, list)] if isinstance(splits, dict) else []
    known = {meta["name"] for meta in dataset.metas}
    lost = [name for name in dict.fromkeys(n for n in chain(*lists) if isinstance(n, str)) if name not in known]
    if lost:
        dataset.notes = (
            *dataset.notes,
            f"{path}: the splits name {counted(len(lost), 'sequence')} of which no annotation is read; the first is "
            f"{quoted(lost[0])}",
        )
    return dataset


def write(path: str | Path, parts: Splits, split: str = "xsub") -> None:
    """Write skeletons as pyskl and mmaction2 read them, with the splits SPLIT_train and SPLIT_val.

    Where there is a validation part, it is SPLIT_val, and the test part is SPLIT_test.

    Args:
        path: the .pkl file to make.
        parts: skeletons (T, M, V, C) with distinct names; a confidence beside two coordinates becomes the score, as
            does the third number in a 2-D layout.
        split: the name of the split.

    Raises:
        DataError: sequences that are not skeletons, or two of one name.
    """
    layout = parts.train.schema.layout or ""
    schema = parts.train.schema
    coordinates = schema.shape[-1]
    if schema.coordinates is not None:
        coordinates = schema.coordinates
    elif coordinates == 3 and layout in {name for (_, c), name in _LAYOUTS.items() if c == 2}:
        coordinates = 2
    scored = coordinates < schema.shape[-1]
    annotations: dict[str, dict[str, Any]] = {}
    names: dict[str, list[str]] = {}
    called = {"train": "train", "valid": "val", "test": "val" if parts.valid is None else "test"}
    for key, dataset in parts.parts().items():
        part = f"{split}_{called[key]}"
        names[part] = []
        for i in range(len(dataset)):
            sample = dataset[i]
            name = str(sample.meta.get("name", f"{part}/{i}"))
            if sample.sequence.ndim != 4 or name in annotations:
                reason = "is there twice" if name in annotations else "is no skeleton (T, M, V, C)"
                raise DataError(f"{path}: the sequence {name} {reason}")
            keypoint = sample.sequence.transpose(0, 1).contiguous().numpy()
            values: dict[str, Any] = {"frame_dir": name, "label": sample.label, "total_frames": keypoint.shape[1]}
            values["keypoint"] = np.array(keypoint[..., :coordinates])
            if scored:
                values["keypoint_score"] = np.array(keypoint[..., coordinates])
            annotations[name] = values
            names[part].append(name)
    Path(path).write_bytes(pickle.dumps({"split": names, "annotations": list(annotations.values())}, protocol=4))


def _splits(path: Path, content: Any) -> tuple[dict[str, dict[str, str]], list[str]]:
    """For each split the names in the file of its parts, by the word for the part; and the names of no split."""
    splits = content.get("split") if isinstance(content, dict) else None
    if not isinstance(splits, dict) or not all(
        isinstance(k, str) and isinstance(v, list) and all(isinstance(n, str) for n in v) for k, v in splits.items()
    ):
        raise DataError(f'{path}: the field "split" must have lists of frame_dir by name')
    found: dict[str, dict[str, str]] = {}
    for name in splits:
        if match := _PART.fullmatch(name):
            pair = "_".join(part for part in (match[1], match[3]) if part)
            found.setdefault(pair, {})[match[2].lower()] = name
    whole = {pair: parts for pair, parts in found.items() if len(parts) > 1 and "train" in map(part_of, parts)}
    return whole, [name for name in splits if not any(name in parts.values() for parts in whole.values())]


def _left_out(
    path: Path, split: str, dataset: SequenceDataset, parts: dict[str, list[int]], ignored: list[str]
) -> Iterator[str]:
    """Notes on annotations that are in no part, or in two, and on names that are no part of a split."""
    times = np.bincount([i for part in parts.values() for i in part], minlength=len(dataset))
    names = [meta["name"] for meta in dataset.metas]
    for found, what in ((times == 0, "in no part of the split and left out"), (times > 1, "in the split twice")):
        if found.any():
            yield (
                f"{path}, split {split!r}: {int(found.sum())} of {len(dataset)} annotations are {what}; "
                f"the first is {quoted(names[int(found.argmax())])}"
            )
    if ignored:
        yield f"{path}: {', '.join(map(quoted, ignored))} is no training and test part of a split and not used"


def _dataset(
    path: Path,
    content: Any,
    persons: int,
    scores: Scores,
    min_confidence: float,
    missing: Bad,
    given: int | None,
) -> SequenceDataset:
    whole("pyskl", "persons", persons, 1)
    one_of("pyskl", "scores", scores, get_args(Scores))
    bad = check_bad("pyskl", missing)
    empty: list[int] = []
    annotations = content.get("annotations") if isinstance(content, dict) else content
    if not isinstance(annotations, list) or not annotations:
        raise DataError(f'{path}: must be {{"split": ..., "annotations": [...]}} with at least one annotation')
    coordinates: set[tuple[Any, ...]] = set()

    def read_one(i: int, annotation: Any) -> tuple[np.ndarray, np.ndarray | None, int, str]:
        where = f"{path}: annotation {i}"
        name, label = _identity(where, annotation)
        where = f"{where} ({quoted(name)})"
        keypoint, score = _compact(where, annotation) if "frame_inds" in annotation else _full(where, annotation)
        found = (*keypoint.shape[2:], score is not None)
        if coordinates and found not in coordinates:
            raise DataError(f"{where}: has {keypoint.shape[2:]} joints and coordinates, unlike those before it")
        coordinates.add(found)
        total = annotation.get("total_frames")
        if "frame_inds" in annotation and type(total) is int and total > keypoint.shape[1]:
            empty.append(total - keypoint.shape[1])
        if score is not None and scores == "append":
            keypoint = np.concatenate([keypoint, score[..., None]], axis=-1)
        kept = None if score is None else score[:persons].transpose(1, 0, 2)
        return keypoint[:persons].transpose(1, 0, 2, 3).astype(np.float32), kept, label, name

    made = [bad.read(partial(read_one, i, annotation)) for i, annotation in enumerate(annotations)]
    notes = bad.notes(str(path), len(annotations))
    arrays, found_scores, labels, names = map(list, zip(*(one for one in made if one is not None), strict=True))
    if empty:
        notes.append(
            f"{path}: {sum(empty)} frames without anybody are left out, of {len(empty)} of {len(annotations)} sequences"
        )
    if len(set(names)) < len(names):
        twice = next(n for i, n in enumerate(names) if n in names[:i])
        raise DataError(f"{path}: two annotations have the frame_dir {quoted(twice)}")
    (joints, found, scored) = next(iter(coordinates))
    if scored and given not in (None, found):
        raise ConfigError(f"{path}: coordinates={given}, but the field keypoint has {found} beside keypoint_score")
    if min_confidence and not scored and found < 3:
        raise ConfigError(f"{path}: min_confidence needs the field keypoint_score, which the annotations do not have")
    if scored and any((score > 0).any() for score in found_scores):
        for array, score in zip(arrays, found_scores, strict=True):
            array[unseen(score, min_confidence)] = 0
    elif scored and scores == "append":
        raise DataError(f"{path}: every keypoint_score is 0, as if no key point had been seen; load with scores=drop")
    most = max(a.shape[1] for a in arrays)
    sequences = [torch.from_numpy(np.pad(a, ((0, 0), (0, most - a.shape[1]), (0, 0), (0, 0)))) for a in arrays]
    classes, metas = _meaning(path, np.asarray(labels), names)
    schema = Schema(
        classes,
        (most, joints, arrays[0].shape[-1]),
        layout=_LAYOUTS.get((joints, found)),
        coordinates=found if scored and scores == "append" and found in (2, 3) else None,
    )
    dataset = SequenceDataset(sequences, labels, metas, schema, path.stem, notes)
    return dataset if scored else _with_own_scores(dataset, scores, min_confidence, given)


def _with_own_scores(
    dataset: SequenceDataset, scores: Scores, min_confidence: float, given: int | None
) -> SequenceDataset:
    """The data set with the scores known that the field keypoint holds as its last number, if it does."""
    dataset = with_confidence(dataset, given, min_confidence)
    coordinates, size = dataset.schema.vector
    if coordinates == size:
        return dataset
    persons, joints, _ = dataset.schema.shape
    layout = _LAYOUTS.get((joints, coordinates))
    dataset.schema = replace(dataset.schema, layout=layout)
    if scores == "drop":
        dataset.sequences = [sequence[..., :coordinates] for sequence in dataset.sequences]
        dataset.schema = replace(dataset.schema, shape=(persons, joints, coordinates), coordinates=None)
    return dataset


def _meaning(path: Path, labels: np.ndarray, names: list[str]) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """The classes, NTU RGB+D's where all names are of that set and agree with the labels, and the metas."""
    known = [meta_of(name) for name in names]
    if all(action == label for (action, _), label in zip(known, labels.tolist(), strict=True)) and (labels >= 0).all():
        metas = [meta for _, meta in known]
        return NTU_ACTIONS[: number_of_classes(labels, np.asarray([m["setup"] for m in metas]))], metas
    if labels.max() >= _MOST_CLASSES:
        raise DataError(f"{path}: the label {labels.max()} is too large; labels are classes from 0")
    return tuple(str(i) for i in range(max(int(labels.max()) + 1, 1))), [{"name": name} for name in names]


def _identity(where: str, annotation: Any) -> tuple[str, int]:
    if not isinstance(annotation, dict):
        raise DataError(f"{where}: must be a dict")
    for key, kind in (("frame_dir", str), ("label", int)):
        if type(annotation.get(key)) is not kind:
            raise DataError(f"{where}: the field {key!r} must be there and be of type {kind.__name__}")
    if not -1 <= annotation["label"] < 2**31:
        raise DataError(f"{where}: the label {annotation['label']} is out of range")
    return annotation["frame_dir"], annotation["label"]


def _values(where: str, annotation: dict[str, Any], key: str, ndim: int) -> np.ndarray:
    array = annotation.get(key)
    values = array.values if isinstance(array, PickledArray) else None
    if values is None or values.ndim != ndim or values.size == 0:
        raise DataError(f"{where}: the field {key!r} must be an array of {ndim} axes that is not empty")
    values = values.astype(np.float64)
    if not (np.abs(values) <= np.finfo(np.float32).max).all():
        raise DataError(f"{where}: {key} has a value that is NaN, infinite or too large")
    return values


def _full(where: str, annotation: dict[str, Any]) -> tuple[np.ndarray, np.ndarray | None]:
    keypoint = _values(where, annotation, "keypoint", 4)
    frames = annotation.get("total_frames", keypoint.shape[1])
    if frames != keypoint.shape[1]:
        told = frames if type(frames) is int else "no number"
        raise DataError(f"{where}: total_frames is {told}, but keypoint has {keypoint.shape[1]} frames")
    if "keypoint_score" not in annotation:
        return keypoint, None
    score = _values(where, annotation, "keypoint_score", 3)
    if score.shape != keypoint.shape[:3]:
        raise DataError(f"{where}: keypoint_score is {score.shape}, but keypoint is {keypoint.shape}")
    return keypoint, score


def _compact(where: str, annotation: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """People by frame from x y score of everybody, the ten surest first; frames without anybody are dropped."""
    keypoint = _values(where, annotation, "keypoint", 3)
    inds = _values(where, annotation, "frame_inds", 1)
    if keypoint.shape[2] != 3 or len(inds) != len(keypoint):
        raise DataError(f"{where}: keypoint is {keypoint.shape} for {len(inds)} frame_inds; expected (N, joints, 3)")
    frames, index = np.unique(inds, return_inverse=True)
    order = np.lexsort((-keypoint[:, :, 2].mean(1), index))
    rank = np.empty(len(order), dtype=np.int64)
    starts = np.searchsorted(index[order], np.arange(len(frames)))
    rank[order] = np.arange(len(order)) - starts[index[order]]
    kept = rank < _MOST_PEOPLE
    people = np.zeros((int(rank[kept].max()) + 1, len(frames), *keypoint.shape[1:]))
    people[rank[kept], index[kept]] = keypoint[kept]
    return people[..., :2], people[..., 2]


SOURCE = Source(
    name="pyskl",
    title="pyskl or mmaction2 skeletons: a .pkl file",
    load=with_units(load),
    recognise=lambda path: path.is_file() and path.suffix.lower() in (".pkl", ".pickle"),
    read=with_units(read),
)
