"""Splits of a data set: a part for validation, and one for testing where there is no protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from difflib import get_close_matches
from typing import Any

import numpy as np

from ..errors import ConfigError, DataError, counted
from .dataset import D, LabelledDataset, SequenceDataset, Splits
from .generated import GeneratedDataset
from .options import standing_for


def validation_split(dataset: D, fraction: float, seed: int) -> tuple[D, D]:
    """Split a training set in (train, valid), the same way for the same seed.

    Where every sequence names its subject and there are three or more, whole subjects are held out, so that the
    validation score is that of people not seen in training; where every item names the scene it shows, whole scenes;
    of windows whole recordings, since windows of one recording overlap and resemble each other.
    Of several draws of them the first is taken that leaves both parts every class, or else one of more, up to half of
    them, that does, or else the first that leaves all for training. Where none
    does, as where each person makes one gesture, and otherwise, each class gives the same share, at least one sequence
    if that is at most twice as many in all, and keeps one for training; where labels are numbers, all have an equal
    chance.
    Of a generated set the validation part is drawn apart and is the same for every seed.

    Args:
        dataset: the training sequences.
        fraction: share to hold out, between 0 and 1; at least one sequence or subject is.
        seed: a non-negative integer.

    Raises:
        ConfigError: a fraction outside (0, 1) or a negative seed.
        DataError: nothing can be held out without emptying a class, or all are windows of one recording.

    Example:
        >>> from attentive_rnn.data import load
        >>> train, valid = validation_split(load("basic-motions").train, 0.2, seed=0)
        >>> len(train), len(valid), np.bincount(valid.labels).tolist()
        (32, 8, [2, 2, 2, 2])
    """
    if not 0 < fraction < 1:
        raise ConfigError(f"the validation fraction must be between 0 and 1, got {fraction}")
    if seed < 0:
        raise ConfigError(f"the seed of the validation split must not be negative, got {seed}")
    if isinstance(dataset, GeneratedDataset):
        return dataset.split(fraction, seed)  # type: ignore[return-value]  # the second part is a plain set
    rng = np.random.default_rng(seed)
    groups, what = _groups(dataset)
    if groups is not None:
        names = np.unique(groups)
        count = min(max(round(fraction * len(names)), 1), len(names) - 1)
        drawn = [np.isin(groups, rng.permutation(names)[:count]) for _ in range(DRAWS)]
        for held_out in drawn:
            if _in_both_parts(dataset, held_out):
                return _by_mask(dataset, held_out)
        for more in range(count + 1, len(names) // 2 + 1):
            for _ in range(DRAWS):
                held_out = np.isin(groups, rng.permutation(names)[:more])
                if _in_both_parts(dataset, held_out):
                    kept, rest = _by_mask(dataset, held_out)
                    kept.notes = rest.notes = (
                        *dataset.notes,
                        f"{dataset.name or 'data'}: {more} of {len(names)} {what} are held out, more than the "
                        f"{count} of the fraction {fraction:g}: not each shows every class, and both parts should",
                    )
                    return kept, rest
        for held_out in drawn:
            if _has_all_classes(dataset, ~held_out):
                return _by_mask(dataset, held_out)
        if what == RECORDINGS:
            return _by_mask(dataset, drawn[0])
    return _by_mask(dataset, _stratified(dataset, fraction, rng))


DRAWS = 20  # of subjects, in search of one that leaves every part all classes


def folds(dataset: SequenceDataset, count: int, seed: int) -> list[tuple[SequenceDataset, SequenceDataset]]:
    """The training and the held-out part of each fold of a cross-validation; every sequence is held out once.

    But for the only one of a class, and the only recording whose windows have a class: all folds train on it.

    Where every sequence names its subject (or scene) and there are as many as folds, each is held out as a whole, as
    long as all classes are left for training. Otherwise each class is dealt out to the folds in turn; of numbers to be
    predicted, the sequences in their order.

    Args:
        dataset: the training sequences.
        count: how many folds, 2 or more.
        seed: a non-negative integer.

    Raises:
        ConfigError: fewer than two folds.
        DataError: there are fewer sequences than folds, not counting the only one of a class.

    Example:
        >>> from attentive_rnn.data import load
        >>> [(len(train), len(held_out)) for train, held_out in folds(load("basic-motions").train, 3, seed=0)]
        [(26, 14), (27, 13), (27, 13)]
    """
    if count < 2:
        raise ConfigError(f"a cross-validation needs two or more folds, got {count}")
    where = dataset.name or "data"
    if len(dataset) < count:
        raise DataError(f"{where}: {len(dataset)} sequences cannot be divided into {count} folds")
    rng = np.random.default_rng(seed)
    groups, what = _groups(dataset)
    windows = groups if what == RECORDINGS else None
    free = ~_alone(dataset, windows)
    fold = np.full(len(dataset), -1)  # that an item is held out in; -1: in none
    if windows is not None and (left := len(np.unique(windows[free]))) < count:
        only = " but for those that alone have a class" if not free.all() else ""
        raise DataError(f"{where}: windows of {counted(left, 'recording')}{only} cannot be divided into {count} folds")
    if free.sum() < count:
        several = counted(int(free.sum()), "sequence")
        raise DataError(f"{where}: {several} of classes with two or more cannot be divided into {count} folds")
    if groups is not None and len(np.unique(groups[free])) >= count:
        sizes = np.zeros(count, dtype=int)
        names, counts = np.unique(rng.permutation(groups[free]), return_counts=True)
        for i in np.argsort(-counts, kind="stable"):  # the largest first, each to the fold that has least
            fold[free & (groups == names[i])] = sizes.argmin()
            sizes[sizes.argmin()] += counts[i]
        if all(_has_all_classes(dataset, fold != k) for k in range(count)):
            return [_by_mask(dataset, fold == k) for k in range(count)]
        if what == RECORDINGS:
            raise DataError(f"{where}: a class is in too few recordings for {count} folds")
    shuffled = rng.permutation(np.flatnonzero(free))
    # In the order of the labels, each class goes round the folds, and the next one begins where it ended.
    fold[shuffled[np.argsort(dataset.labels[shuffled], kind="stable")]] = np.arange(len(shuffled)) % count
    return [_by_mask(dataset, fold == k) for k in range(count)]


def _alone(dataset: LabelledDataset, groups: np.ndarray | None) -> np.ndarray:
    """Which items, or whole groups of items, have a class that no other has, bool (len,)."""
    if dataset.schema.target != "class":
        return np.zeros(len(dataset), dtype=bool)
    groups = np.arange(len(dataset)) if groups is None else groups
    alone = [
        group[0] for label in np.unique(dataset.labels) if len(group := np.unique(groups[dataset.labels == label])) == 1
    ]
    return np.isin(groups, alone)


RECORDINGS = "recordings"  # whose windows are never divided


def _groups(dataset: LabelledDataset) -> tuple[np.ndarray | None, str]:
    """What items are held out with: the subject of each, its scene, or its recording; and what these are called.

    None where not all items name one, or fewer than three are named.

    Raises:
        DataError: all items are windows of one recording.
    """
    for key, what, least in (("subject", "persons", 3), ("scene", "scenes", 3), ("recording", RECORDINGS, 2)):
        if len(dataset) and all(key in meta for meta in dataset.metas):
            groups = dataset.groups(key)
            if len(np.unique(groups)) >= least:
                return groups, what
            if what == RECORDINGS:
                raise DataError(
                    f"{dataset.name or 'data'}: all windows are of one recording, so that none can be held out: give "
                    "more recordings, or say which frames are for testing (split=NAME of a column or an array 'split' "
                    "with train, valid and test); training.valid_fraction 0 and training.select last hold none out"
                )
    return None, ""


def _in_both_parts(dataset: LabelledDataset, held_out: np.ndarray) -> bool:
    """Whether every class is among the items that are held out, and among the others."""
    return _has_all_classes(dataset, held_out) and _has_all_classes(dataset, ~held_out)


def _has_all_classes(dataset: LabelledDataset, chosen: np.ndarray) -> bool:
    """Whether the chosen items have every class of the data set; numbers to be predicted have none."""
    if dataset.schema.target != "class":
        return True
    return len(np.unique(dataset.labels[chosen])) == len(np.unique(dataset.labels))


PARTS = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "validate": "valid",
    "dev": "valid",
    "development": "valid",
    "eval": "eval",  # validation beside a test part, else testing
    "evaluation": "eval",
    "test": "test",
    "testing": "test",
    "tst": "test",
}


class PartsError(DataError):
    """The words that data have for their parts are not those of a training and a test part."""


def part_of(name: str) -> str | None:
    """The part that a word means, "train", "valid", "test" or "eval"; None for any other word.

    Example:
        >>> part_of("Validation"), part_of("testing"), part_of("walk")
        ('valid', 'test', None)
    """
    return PARTS.get(name.strip().lower())


def named_parts(names: Iterable[str], where: str) -> tuple[dict[str, str], list[str]]:
    """The parts "train", "valid" and "test" that names of parts mean together, and a note where there is no test part.

    "eval" is the test part, or the validation part where another one is for testing. A validation part without a test
    part is the test part: there is nothing else to report.

    Raises:
        PartsError: a name that is none of a part, or no training or test part.

    Example:
        >>> named_parts(["train", "val", "test"], "here")[0]
        {'train': 'train', 'val': 'valid', 'test': 'test'}
    """
    means: dict[str, str] = {}
    for name in dict.fromkeys(names):
        part = part_of(name)
        if part is None:
            raise no_part(name, where)
        means[name] = part
    known = set(means.values())
    if "eval" in known:
        other = "valid" if "test" in known else "test"
        means = {name: other if part == "eval" else part for name, part in means.items()}
    notes = []
    if "train" in known and "valid" in means.values() and "test" not in means.values():
        used = next(name for name, part in means.items() if part == "valid")
        means = {name: "test" if part == "valid" else part for name, part in means.items()}
        notes.append(
            f"{where}: there is no test part, so the part {used!r} is the one that is reported as test; "
            "the epoch is chosen by sequences held out of the training part"
        )
    found = dict.fromkeys(means.values())
    for part in ("train", "test"):
        if part not in found:
            raise PartsError(f"{where}: every sequence is in the {' or '.join(found)} part; mark others {part!r}")
    return means, notes


def misspelt_part(name: str) -> str | None:
    """The word for a part that another word resembles, such as "test" for "tset"; None where it resembles none."""
    word = name.strip().lower()
    near = [known for known in PARTS if sorted(known) == sorted(word)]  # "text" is no test
    near = near or get_close_matches(word, PARTS, n=1, cutoff=0.8)
    return PARTS[near[0]] if near and word not in PARTS else None


def no_part(name: str, where: str) -> PartsError:
    """The error on a word that should name a part."""
    near = misspelt_part(name)
    meant = f"; is {near!r} meant?" if near else ""
    return PartsError(f"{where}: the split {name!r} is none of {', '.join(PARTS)}{meant}")


def check_part_folders(places: Iterable[Sequence[str]], where: str) -> None:
    """Refuse folders of classes within a folder whose name is nearly that of a part, beside the same within a part.

    Args:
        places: the folders that each file is in, from the top.
        where: the top in messages.

    Raises:
        PartsError: a top folder is such a one.

    Example:
        >>> check_part_folders([("train", "walk"), ("test", "walk"), ("vaild", "walk")], "set")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        attentive_rnn.data.split.PartsError: set: the split 'vaild' is none of train, ...; is 'valid' meant?
    """
    tops = sorted({folders[0] for folders in places if len(folders) > 1})
    other = next((top for top in tops if misspelt_part(top)), None)
    if other is not None and any(map(part_of, tops)):
        raise no_part(other, where)


def left_out(dataset: LabelledDataset, used: np.ndarray, why: str) -> list[str]:
    """The note that counts the items outside ``used``, bool (len,), and names the first; none where all are used."""
    if used.all():
        return []
    i = int(used.argmin())
    first = dataset.metas[i].get("name", i)
    return [f"{dataset.name}: {int((~used).sum())} of {len(used)} are left out, {why}; the first is {first}"]


_KNOWN = ("name", "subject", "split", "recording", "scene")  # what is known of a sequence, but never its label


def labelled_only(dataset: SequenceDataset, missing: str, where: str = "") -> SequenceDataset:
    """The data set without sequences that have no label, if ``missing`` is "skip", with a note that counts them.

    Raises:
        DataError: a sequence has no label, and ``missing`` is something else, or none has one.
    """
    labelled = dataset.labelled
    if labelled.all():
        return dataset
    if missing == "skip" and labelled.any():
        notes = left_out(dataset, labelled, "because they have no label (missing=skip)")
        dataset = dataset.subset(np.flatnonzero(labelled))
        dataset.notes = (*dataset.notes, *notes)
        return dataset
    if not labelled.any():
        keys = dict.fromkeys(key for meta in dataset.metas for key in meta if key not in _KNOWN)
        facts = [key for key in keys if len({str(meta.get(key)) for meta in dataset.metas}) > 1]
        raise DataError(
            f"{where or dataset.name or 'data'}: no sequence has a label, and training and testing need them; if a "
            f"column of the file holds them, name it: --option label={' or label='.join(facts[:4]) or 'COLUMN'}"
        )
    i = int(labelled.argmin())
    count = int((~labelled).sum())
    others = f", nor have {count - 1} more" if count > 1 else ""
    raise DataError(
        f"{where or dataset.name or 'data'}: sequence {dataset.metas[i].get('name', i)} has no label{others}; "
        "training and testing need one, or --option missing=skip, which leaves out those without"
    )


def train_test(
    dataset: SequenceDataset, test_fraction: float, seed: int, missing: str = "refuse"
) -> Splits[SequenceDataset]:
    """The parts that ``meta["split"]`` names, or, where no sequence has it, a share held out for testing.

    The usual names of a training, validation and test part are known; see :func:`named_parts`. The share is drawn by
    :func:`validation_split`: whole subjects where they are known.

    Args:
        dataset: every sequence, each with a label.
        test_fraction: share for testing, where no split is given.
        seed: of that draw.
        missing: "skip" leaves out sequences without a label, with a note.

    Raises:
        DataError: a sequence has no label or no split, a split is none of the names, or a part is empty.

    Example:
        >>> from attentive_rnn.data import load
        >>> train, test = train_test(load("basic-motions").train, test_fraction=0.25, seed=0)
        >>> len(train), len(test)
        (30, 10)
    """
    where = dataset.name or "data"
    dataset = labelled_only(dataset, missing)
    if not any("split" in meta for meta in dataset.metas):
        return Splits(*validation_split(dataset, test_fraction, seed))
    texts = [str(text) for text in dataset.groups("split")]
    means, notes = named_parts(texts, where)
    parts = np.asarray([means[text] for text in texts])
    metas = [{key: value for key, value in meta.items() if key != "split"} for meta in dataset.metas]
    notes = [*dataset.notes, *notes]
    bare = copy(dataset)
    bare.metas, bare.notes = metas, tuple(notes)
    train, valid, test = (bare.subset(np.flatnonzero(parts == part)) for part in ("train", "valid", "test"))
    return Splits(train, test, valid if len(valid) else None)


def with_test_part(
    read: Callable[..., SequenceDataset], check: Callable[[Any, SequenceDataset], None] = lambda path, dataset: None
) -> Callable[..., Splits[SequenceDataset]]:
    """The ``load`` of a format without a protocol: what its ``read`` gives, divided by :func:`train_test`.

    It takes the options of ``read``, and test_fraction (0.25), the share held out where the data name no parts: whole
    subjects where they are known, else the same share of each class; and seed (0), of that draw.

    Args:
        read: the reader of all sequences, labelled or not.
        check: refuses, with a remedy, a data set without windows that cannot be divided; it also takes the path.

    Raises:
        DataError: as ``read``, or a sequence has no label, or a part is empty.
    """
    own = {"test_fraction": 0.25, "seed": 0}

    @standing_for(read, own)
    def load(path: Any, **options: Any) -> Splits[SequenceDataset]:
        fraction, seed = (options.pop(key, default) for key, default in own.items())
        dataset = read(path, **options)
        windows = options.get("windows")
        if windows is not None:
            dataset = windows.usable(dataset)
        else:
            check(path, dataset)
        return train_test(dataset, fraction, seed, options.get("missing", "refuse"))

    load.__name__ = "load"
    load.__doc__ = f"The training and test part of what ``read`` gives.\n\n{read.__doc__}"
    return load


def _stratified(dataset: LabelledDataset, fraction: float, rng: np.random.Generator) -> np.ndarray:
    labels = np.zeros(len(dataset)) if dataset.schema.target == "number" else dataset.labels
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) == 0 or counts.max() < 2:
        raise DataError(f"{dataset.name or 'data'}: no class has two sequences, so none can be held out for validation")
    most = np.minimum(np.ceil(fraction * counts).astype(int), counts - 1)
    quotas = np.minimum(np.floor(fraction * counts).astype(int), counts - 1)
    wanted = min(max(round(fraction * counts.sum()), 1), int(most.sum()))
    if 2 * wanted >= (several := counts > 1).sum():
        wanted = max(wanted, int(several.sum()))
        quotas = np.maximum(quotas, several)  # a class that can be in both parts is
        most = np.maximum(most, quotas)
    # The classes that rounding down took most from give the sequences that are still missing.
    while quotas.sum() < wanted:
        quotas[np.argmax(np.where(quotas < most, fraction * counts - quotas, -np.inf))] += 1
    held_out = np.zeros(len(dataset), dtype=bool)
    for label, quota in zip(classes, quotas, strict=True):
        held_out[rng.permutation(np.flatnonzero(labels == label))[:quota]] = True
    return held_out


def _by_mask(dataset: D, held_out: np.ndarray) -> tuple[D, D]:
    return dataset.subset(np.flatnonzero(~held_out)), dataset.subset(np.flatnonzero(held_out))
