"""Registry of the data sets and formats; a new one is a file with a ``SOURCE`` and a line in the list below."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..errors import ConfigError, DataError
from . import embedded, generated
from .audio import wav
from .dataset import SequenceDataset, Splits, concatenate, sequences_only
from .formats import arff, features, folders, hdf5, npy, npz, pyskl, tables, ts, ucr
from .images import cifar, pixels
from .images.scenes import sets as scenes
from .io.files import existing
from .matching import match
from .schema import Schema
from .skeletons import c3d, jhmdb, ntu, nucla, sfinge3d, shrec, sysu, utd
from .skeletons import msr as msr_action3d
from .skeletons.keypoints import reader as keypoints
from .skeletons.layouts import with_layout
from .source import Source
from .stored import reader as stored
from .text import imdb
from .text import reader as text

LOOKED_AT, SHOWN = 1000, 2  # files of a folder, and readers, for the message about a path that none knows
_SOURCES = (
    embedded.JAPANESE_VOWELS,
    embedded.BASIC_MOTIONS,
    generated.ADDING,
    stored.SOURCE,
    ts.SOURCE,
    ucr.SOURCE,
    ntu.SOURCE,
    ntu.RGB_SOURCE,
    msr_action3d.SOURCE,
    utd.SOURCE,
    sysu.SOURCE,
    jhmdb.SOURCE,
    jhmdb.JOINTS_SOURCE,
    shrec.SOURCE,
    shrec.DEPTH_SOURCE,
    sfinge3d.SOURCE,
    pyskl.SOURCE,
    keypoints.SOURCE,
    c3d.SOURCE,
    nucla.SOURCE,
    cifar.SOURCE,
    scenes.MREF,
    scenes.MDIST,
    scenes.MBG,
    scenes.QUESTIONS,
    scenes.EDITING,
    wav.SOURCE,
    arff.SOURCE,
    features.SOURCE,
    pixels.SOURCE,
    imdb.SOURCE,
    text.SOURCE,
    npz.SOURCE,
    npy.SOURCE,
    hdf5.SOURCE,
    tables.SOURCE,
    folders.SOURCE,
)

# Options that say what a value means, in whatever format it is stored.
_OF_VALUES = (
    *("coordinates", "decimal", "layout", "min_confidence", "missing", "persons", "scores", "target", "thousands"),
    *("units", "values"),
)
_OF_PARTS = ("seed", "test_fraction")


def list_sources() -> list[Source]:
    """Every data set and format that the package can load, embedded ones first.

    Example:
        >>> "npz" in [source.name for source in list_sources()]
        True
    """
    return list(_SOURCES)


def get_source(name: str) -> Source:
    """The source of that name.

    Raises:
        ConfigError: there is none; the message lists the names.
    """
    for source in _SOURCES:
        if source.name == name:
            return source
    raise ConfigError(f"unknown data set {name!r}; there are {', '.join(s.name for s in _SOURCES)}")


def recognise(path: str | Path, options: Collection[str] = ()) -> Source:
    """The source that reads what is at a path.

    Args:
        path: a file or folder.
        options: the names of those that are given; the name of the column of texts says that there are some.

    Raises:
        DataError: there is nothing at the path, or no source knows it.
    """
    path = existing(path)
    if "text" in options:
        return text.SOURCE
    for source in _SOURCES:
        if source.recognise(path):
            return source
    strange = keypoints.refusal(path)
    if strange:
        raise DataError(f"{path}: no reader knows this; {strange}" if path.is_dir() else strange)
    raise DataError(f"{path}: no reader knows this; {_likely(path)}; all formats: attentive data list")


def _likely(path: Path) -> str:
    """What the readers of such files take, by the ending of a file, or of the most files of a folder."""
    if path.is_dir():
        endings = Counter(file.suffix.lower() for file in islice(path.rglob("*"), LOOKED_AT) if file.is_file())
        ending = endings.most_common(1)[0][0] if endings else ""
        what = f"of a folder of {ending or 'such'} files" if endings else "the folder is empty, and"
    else:
        ending = path.suffix.lower()
        what = f"of a {ending} file" if ending else "its name has no ending, and"
    if ending in (".zip", ".tar", ".tgz", ".7z", ".rar") or path.name.lower().endswith((".tar.gz", ".tar.xz")):
        return "it is an archive of no kind that is read; unpack it, and give the path of the folder"
    if ending in (".jsonl", ".ndjson"):
        return (
            f"a {ending} file is read where it holds texts; give numbers as a .csv or .parquet file, with a row for "
            "each frame and columns for sequence, time and label"
        )
    # The formats for anybody's data come last among the sources, and first here.
    known = [source for source in reversed(_SOURCES) if not source.embedded and _takes(source, ending)]
    if not known:
        return f"{what} there is no reader"
    return f"{what} there is read: {'; '.join(f'{source.name}, {source.title}' for source in known[:SHOWN])}"


def _takes(source: Source, ending: str) -> bool:
    return bool(ending) and re.search(rf"{re.escape(ending)}(?![a-z])", source.title) is not None


def load(name: str, path: str | Path | None = None, **options: Any) -> Splits:
    """The training and test part of a data set.

    Args:
        name: one of :func:`list_sources`.
        path: where the data are; none for an embedded set.
        options: what the source's own ``load`` takes, such as ``missing="interpolate"`` for "uea".

    Raises:
        ConfigError: an unknown name or option, or a path that is missing or too many.
        DataError: the data cannot be read.

    Example:
        >>> train, test = load("japanese-vowels")
        >>> len(train), len(test), train.schema.shape, train.lengths.max()
        (270, 370, (12,), np.int64(26))
    """
    source, options = get_source(name), with_layout(options)
    check_options(source, options)
    if path is None and not source.embedded:
        raise ConfigError(f"data set {name!r} needs a path: {source.title}")
    return source.load(path, **options)


def check_options(source: Source, options: Mapping[str, Any]) -> None:
    """ConfigError for an option that the ``load`` of a source does not take."""
    known = list(inspect.signature(source.load).parameters)[1:]
    for key in options:
        if key not in known:
            takes = f"takes {', '.join(known)}" if known else "takes none"
            raise ConfigError(f"data set {source.name!r}: unknown option {key!r}; it {takes}")


def read_all(path: str | Path, **options: Any) -> SequenceDataset:
    """Every sequence at a path, with its part in ``meta["split"]`` where the data have parts.

    Args:
        path: a file or folder of a known format.
        options: of the reader; with ``test_fraction`` or ``seed`` a format without parts is divided.

    Raises:
        DataError: nothing can be read there.
        ConfigError: an option that the reader does not take.
    """
    path, options = existing(path), with_layout(options)
    source = recognise(path, options)
    check_options(source, options)
    if source.draws_test_part and not {"test_fraction", "seed"} & set(options):
        return sequences_only(source.read(path, **options))
    try:
        parts = source.load(path, **options).parts()
    except DataError:
        # One file of a pair, or unlabelled sequences: what is there is read, without a split.
        known = inspect.signature(source.read).parameters
        return sequences_only(source.read(path, **{key: value for key, value in options.items() if key in known}))
    for name, part in parts.items():
        for meta in part.metas:
            meta["split"] = name
    return concatenate(list(parts.values()))


def read_options(source: Source) -> list[str]:
    """The names of the options that the ``read`` of a source takes."""
    parameters = list(inspect.signature(source.read).parameters.values())[1:]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        parameters = list(inspect.signature(source.load).parameters.values())[1:]
    return [parameter.name for parameter in parameters]


def carried_options(options: Mapping[str, Any], before: str, read: Callable[..., Any], now: str) -> dict[str, Any]:
    """Those of the options of one reader that hold for another one.

    All that it takes, if it is the reader of the same source, or else those that say what a value means, or how the
    test part is drawn, if it takes them with such values.

    Args:
        options: of the reader before.
        before: the name of its source.
        read: the reader now, a ``load`` or ``read``.
        now: the name of its source.

    Example:
        >>> options = {"min_confidence": 0.2, "label": "truth", "missing": "interpolate"}
        >>> carried_options(options, "table", get_source("npz").read, "npz")
        {'min_confidence': 0.2, 'missing': 'interpolate'}
        >>> carried_options(options, "table", get_source("pyskl").read, "pyskl")
        {'min_confidence': 0.2}
    """
    takes = list(inspect.signature(read).parameters)[1:]
    if before == now:
        return {key: value for key, value in options.items() if key in takes}
    kinds = get_type_hints(read)
    chosen = {}
    for key in (*_OF_VALUES, *_OF_PARTS):
        kind = kinds.get(key)
        words = get_args(kind) if get_origin(kind) is Literal else None
        textual = isinstance(options.get(key), str) or key == "layout"
        if key in options and key in takes and (options[key] in words if words else textual == ("str" in str(kind))):
            chosen[key] = options[key]
    return {key: options[key] for key in options if key in chosen}


def reader_of(
    path: str | Path, schema: Schema | None = None, trained: str = "", options: Collection[str] = ()
) -> Source:
    """The source that reads a path for a model of a schema.

    Texts are in a .txt file, as a table of numbers may be, or in tables that only the model tells from others.

    Args:
        path: what is read.
        schema: of the model.
        trained: the name of the reader of its training, if it is known.
        options: the names of those that are given.
    """
    if schema is None or not schema.vocabulary:
        return recognise(path, options)
    return imdb.SOURCE if trained in ("", imdb.SOURCE.name) and imdb.takes(existing(path)) else text.SOURCE


def read_sequences(
    path: str | Path, schema: Schema | None = None, reader: Source | None = None, **options: Any
) -> SequenceDataset:
    """Sequences to predict, labelled or not: a .ts file, a skeleton .json, a zip, a folder; for text, a .txt.

    Args:
        path: what to read.
        schema: the schema of a model, which the data are then made to fit; see :func:`match`.
        reader: the source that reads it; None: as :func:`reader_of` says.
        options: of the reader.

    Raises:
        DataError: nothing can be read there, or the frames are not those of the schema.
        ConfigError: an option that the reader does not take.
    """
    source = reader or reader_of(path, schema, options=options)
    known = read_options(source)
    for key in options:
        if key not in known:
            takes = f"takes {', '.join(known)}" if known else "takes none"
            raise ConfigError(f"{path}: unknown option {key!r}; reading {source.name!r} {takes}")
    options = with_layout(options)
    dataset = sequences_only(source.read(path, **options))
    if schema is None:
        return dataset
    absent = [name for name in schema.features if name not in dataset.schema.features]
    if absent and dataset.columns and "keep" in known:
        # A feature of the model that looks like a row number in these data, of which there may be few.
        with suppress(ConfigError):
            options = options | {"keep": [*options.get("keep", ()), *absent]}
            dataset = sequences_only(source.read(path, **options))
    return match(dataset, schema, takes=known, where=str(path))
