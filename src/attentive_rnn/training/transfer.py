"""The weights of a finished run as the start of another, matched input by input where the frames mean the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..data import Compose, Schema, get_layout, same_joint, transform_from_config
from ..errors import ConfigError
from ..models import SequenceClassifier
from ..tasks import Model
from .config import Config
from .saved_model import SavedModel, load_model
from .setup import build_model, in_test, input_schema

# The options of a model that the meaning of its weights does not hang on; all others must be those of the run.
FREE = (
    "input_size",
    "num_classes",
    "vocabulary_size",
    "dropout",
    "locked_dropout",
    "zoneout",
    "pool",
    "init",
    "memory",
    "recompute",
    "keep",
    "backend",
)
FIRST_LAYER = re.compile(r"layers\.(weight_ih|weight_ia|weight_ha|weight_ua|bias_a)_l0(?:_reverse)?")


@dataclass(frozen=True)
class Transfer:
    """The weights that a model took over from a run.

    Args:
        run: the folder of the run.
        inputs: the number of inputs of the first layer (of text: words) that were taken over.
        of: the number of all inputs.
        by: the kind of match: "joint name", "feature name", "word" or "position".
        new: the joints, persons or features whose inputs start with random weights.
        head: whether the linear layer was taken over, since the classes are the same.
        notes: possible mistakes, a sentence each.
    """

    run: str
    inputs: int
    of: int
    by: str
    new: tuple[str, ...]
    head: bool
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        new = f"; new: {', '.join(self.new)}" if self.new else ""
        head = "the classes are the same, and so is the linear layer" if self.head else "a new linear layer"
        text = f"starting with the weights of {self.run}: {self.inputs} of {self.of} inputs by {self.by}{new}; {head}"
        return ". ".join([text, *self.notes])


def starting_model(config: Config, schema: Schema) -> tuple[Model, Transfer | None]:
    """The model of a configuration as its training begins, and the weights taken over from the run `config.init_from`.

    Raises:
        ConfigError: there is no such run, its model is another one, or its frames have nothing in common with these.
    """
    model = build_model(config, schema)
    if config.init_from is None:
        return model, None
    saved = load_model(config.init_from)
    try:
        return model, _take_over(model, config, schema, saved)
    except ConfigError as error:
        raise ConfigError(f"init_from {config.init_from}: {error}") from error


def match_inputs(source: Schema, target: Schema) -> tuple[list[int | None], str]:
    """For each flattened feature of a target frame the one of the source that means the same, and the kind of match.

    Joints are matched by name or synonym (see :func:`same_joint`) and person, coordinate by coordinate; other features
    by name where both have names, and by position where not and there are as many. Of text, the words are matched.

    Raises:
        ConfigError: nothing matches, or joints carry different numbers of values.

    Example:
        >>> skeleton = Schema(("a",), (2, 25, 3), layout="ntu-25")
        >>> columns, by = match_inputs(skeleton, Schema(("b",), (1, 20, 3), layout="kinect-20"))
        >>> by, columns[6:9]  # the third joint of kinect-20 is "shoulder centre", the 21st of ntu-25
        ('joint name', [60, 61, 62])
    """
    if bool(source.vocabulary) != bool(target.vocabulary):
        raise ConfigError(f"it reads {'words' if source.vocabulary else 'numbers'}, and this model does not")
    if target.vocabulary:
        columns, by = _by_name(source.vocabulary, target.vocabulary), "word"
    elif source.layout and target.layout:
        columns, by = _by_joint(source, target), "joint name"
    elif source.features and target.features:
        columns, by = _by_name(source.features, target.features), "feature name"
    elif source.size == target.size:
        return list(range(target.size)), "position"
    else:
        raise ConfigError(
            f"its frames have {source.size} inputs, these {target.size}, and without names nothing tells which is which"
        )
    if all(column is None for column in columns):
        kind = f"{target.layout} and {source.layout}" if by == "joint name" else "the two data sets"
        raise ConfigError(f"no {by} is in both {kind}, so there is nothing to take over")
    return columns, by


def _by_name(source: Sequence[str], target: Sequence[str]) -> list[int | None]:
    place = {name: i for i, name in enumerate(source)}
    return [place.get(name) for name in target]


def _by_joint(source: Schema, target: Schema) -> list[int | None]:
    (persons, _, values), (_, _, wanted) = source.shape, target.shape
    if values != wanted:
        raise ConfigError(
            f"its joints have {values} values each, these {wanted}: give both runs the same coordinates and streams"
        )
    assert source.layout is not None
    assert target.layout is not None
    known = get_layout(source.layout).joints
    joints = [same_joint(name, known) for name in get_layout(target.layout).joints]
    return [
        None if joint is None or person >= persons else (person * len(known) + joint) * values + value
        for person in range(target.shape[0])
        for joint in joints
        for value in range(values)
    ]


def _take_over(model: Model, config: Config, schema: Schema, saved: SavedModel) -> Transfer:
    if not isinstance(model, SequenceClassifier) or type(model) is not type(saved.model):
        raise ConfigError(f"only a SequenceClassifier can start another, not a {type(saved.model).__name__}")
    given, rank = saved.model, model.config["gate_rank"]
    if rank is not None and given.config["gate_rank"] is None:
        given = SequenceClassifier.from_full(given, rank)
    for key, here in model.config.items():
        there = given.config[key]
        if key not in FREE and here != there:
            raise ConfigError(f"its model.{key} is {there!r}, here it is {here!r}; they must be the same")
    target = input_schema(config, schema)
    columns, by = match_inputs(saved.preprocessing.schema_after(saved.schema), target)
    head = (saved.schema.target, saved.schema.classes) == (schema.target, schema.classes)
    ranks = [[spec.gate_rank for spec in one.layers.specs] for one in (given, model)]
    if ranks[0] != ranks[1]:
        raise ConfigError(f"with model.gate_rank {rank} its gates have the ranks {ranks[0]}, here {ranks[1]}")
    _copy(model.state_dict(), given.state_dict(), columns, head)
    return Transfer(
        run=str(config.init_from),
        inputs=sum(column is not None for column in columns),
        of=len(columns),
        by=by,
        new=_anew(columns, target),
        head=head,
        notes=(*_notes(config, saved), *_other_values(saved.schema, schema)),
    )


def _copy(own: dict[str, Tensor], given: dict[str, Tensor], columns: Sequence[int | None], head: bool) -> None:
    """Write given tensors into those of a model in place; columns without a counterpart stay as they are.

    In a low-rank gate the inputs are the columns of W_xa and the rows of W_ua, and W_ha has none.
    """
    to = torch.tensor([i for i, column in enumerate(columns) if column is not None])
    source = torch.tensor([column for column in columns if column is not None])
    low_rank = "layers.weight_ua_l0" in own
    for name, tensor in own.items():
        first = None if "embedding.weight" in own else FIRST_LAYER.fullmatch(name)  # else it reads embeddings
        kind = "" if first is None else first[1]
        if name.startswith("classifier.") and not head:
            continue
        value = given[name].to(tensor.dtype)
        if name == "embedding.weight":
            tensor[to] = value[source]
        elif not kind or (low_rank and kind == "weight_ha"):
            tensor.copy_(value)
        elif kind == "weight_ih" or (low_rank and kind == "weight_ia"):  # its columns are the inputs
            tensor[:, to] = value[:, source]
        elif kind == "weight_ia":  # the gate answers for each input, having seen all of them
            tensor[to[:, None], to] = value[source[:, None], source]
        else:
            tensor[to] = value[source]


def _anew(columns: Sequence[int | None], target: Schema) -> tuple[str, ...]:
    """The joints, persons, features or words of the columns without a counterpart."""
    missing = [i for i, column in enumerate(columns) if column is None]
    if target.vocabulary:
        return (f"{len(missing)} word{'s' * (len(missing) > 1)}",) if missing else ()
    if target.layout is None:
        return tuple(target.features[i] for i in missing)
    _, joints, values = target.shape
    names = get_layout(target.layout).joints
    lost = dict.fromkeys(divmod(i // values, joints) for i in missing)
    whole = {p for p in range(target.shape[0]) if all((p, v) in lost for v in range(joints))}
    first = [names[v] for p, v in lost if p == 0]
    return (*first, *(f"person {p + 1}" for p in sorted(whole - {0})))


def _other_values(source: Schema, target: Schema) -> tuple[str, ...]:
    """A note where the numbers of a joint mean other things, such as a confidence in place of z."""
    if not (source.layout and target.layout) or source.axes == target.axes:
        return ()
    was, now = (", ".join(schema.axes) for schema in (source, target))
    return (f"The values of its joints are {was}; here they are {now}, and each takes over what stood in its place",)


def _notes(config: Config, saved: SavedModel) -> tuple[str, ...]:
    fixed = [*map(transform_from_config, config.data.preprocessing or [])]
    changing = in_test(config.data, Compose([]))
    here = [step.name for step in fixed] + ["standardise"] * config.data.standardise
    here += [step.name for step in changing.transforms]
    there = [step["name"] for step in saved.preprocessing.to_config().get("transforms", [])]
    if here == there:
        return ()
    was, now = (", then ".join(names) or "nothing" for names in (there, here))
    return (f"Its frames went through other steps, which may change what the weights mean: {was}; here {now}",)
