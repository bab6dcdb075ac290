"""Joint layouts: the names of a skeleton's joints and the bones between them, of the package and of a user's own.

Input is a name of the package, a YAML or JSON file, or its content; output is a :class:`JointLayout`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from ....errors import ConfigError, either

UNITS = ("metres", "centimetres", "millimetres", "pixels", "picture heights")
AXES = ("+x", "-x", "+y", "-y", "+z", "-z")
_KEYS = ("joints", "bones", "name", "title", "pairs", "centre", "coordinates", "up", "unit")
_SUFFIXES = (".yaml", ".yml", ".json")
_LARGEST, _MOST, _LONGEST = 2**20, 1000, 200  # bytes of a file, joints, characters of a title
_CENTRES = ("spine", "hip centre", "pelvis", "belly")
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_SPELT = {"l": "left", "r": "right", "center": "centre", "mid": "centre"}


@dataclass(frozen=True)
class JointLayout:
    """The joints of a skeleton.

    Args:
        name: what messages call it.
        title: what it is, in words.
        joints: the name of each joint, in the order of the data.
        bones: pairs of joint indices, the one nearer to the body's centre first.
        centre: index of the joint taken as the body's centre.
        pairs: indices of the joints of the two sides, as (left, right); none for one hand.
        coordinates: of a joint, 2 in a picture or 3 in space.
        up: the axis that points up, such as "-y"; None where it differs between data sets.
        unit: of the coordinates; None where it differs between data sets.

    Example:
        >>> get_layout("kinect-20").pairs[:2]
        ((4, 8), (5, 9))
    """

    name: str
    title: str
    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    centre: int
    pairs: tuple[tuple[int, int], ...] = ()
    coordinates: int = 3
    up: str | None = None
    unit: str | None = None

    def __str__(self) -> str:
        return self.name

    def to_dict(self) -> dict[str, Any]:
        """The content of a file of this layout, as plain values that JSON can hold."""
        names = self.joints
        values: dict[str, Any] = {
            "name": self.name,
            "title": self.title,
            "joints": list(names),
            "bones": [[names[a], names[b]] for a, b in self.bones],
            "pairs": [[names[a], names[b]] for a, b in self.pairs],
            "centre": names[self.centre],
            "coordinates": self.coordinates,
        }
        return values | {key: value for key, value in (("up", self.up), ("unit", self.unit)) if value is not None}


Layout = str | JointLayout  # what a schema holds: the name of a layout of the package, or a layout of a user's own


def list_layouts() -> list[str]:
    """The names of the layouts in the package.

    Example:
        >>> [name for name in list_layouts() if "-25" in name]
        ['ntu-25', 'openpose-25']
    """
    return sorted(f.name[:-5] for f in files(__package__).iterdir() if f.name.endswith(".json"))


def get_layout(layout: str | Mapping[str, Any] | JointLayout) -> JointLayout:
    """The layout of a name, of a file, or of a file's content.

    Args:
        layout: a name of :func:`list_layouts`; or the path of a .yaml or .json file; or its content. It has ``joints``,
            their names in the order of the data, and ``bones``, pairs of names that join all of them, or none; and it
            may have ``pairs`` of a left and a right joint, ``centre``, ``coordinates`` (2 in a picture, 3), ``up``
            (such as "-y"), ``unit``, ``name`` and ``title``.

    Raises:
        ConfigError: there is no such layout, or it is malformed.

    Example:
        >>> get_layout("kinect-20").joints[1]
        'spine'
        >>> get_layout({"joints": ["pelvis", "LeftFoot", "RightFoot"], "bones": [[0, 1], [0, 2]]}).joints[1]
        'left foot'
    """
    if isinstance(layout, JointLayout):
        return layout
    if isinstance(layout, Mapping):
        return _parsed(layout, "the option layout", "own")
    if not isinstance(layout, str):
        kind = type(layout).__name__
        raise ConfigError(f"the option layout must be a name, a .yaml file, or joints and bones, got {kind}")
    return _read(Path(layout)) if layout.lower().endswith(_SUFFIXES) else _known(layout)


def known_layout(layout: Any) -> Layout | None:
    """What a schema holds of a layout: the name of one of the package, the whole of any other; None of None."""
    if layout is None or (isinstance(layout, str) and not layout.lower().endswith(_SUFFIXES)):
        return None if layout is None else get_layout(layout).name
    return get_layout(layout)


def with_layout(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a reader with the layout that they name, if they do, as a schema holds it."""
    options = dict(options)
    return options | {"layout": known_layout(options["layout"])} if options.get("layout") is not None else options


def plain_name(joint: str) -> str:
    """A joint's name as the package spells it: words in lower case, the side first.

    Example:
        >>> [plain_name(name) for name in ("LShoulder", "shoulder_left", "HipCenter", "left foot index")]
        ['left shoulder', 'left shoulder', 'hip centre', 'left foot index']
    """
    if not joint.isascii():
        return joint
    words = [_SPELT.get(word.lower(), word.lower()) for word in _WORDS.findall(joint)]
    sides = [word for word in words if word in ("left", "right")]
    return " ".join([*sides, *(word for word in words if word not in ("left", "right"))]) or joint


@cache
def _known(name: str) -> JointLayout:
    known = list_layouts()
    if name not in known:
        near = get_close_matches(name, known, n=2, cutoff=0.6)
        hint = f"did you mean {either(near)}? There are" if near else "there are"
        raise ConfigError(
            f"unknown joint layout {name!r}; {hint} {', '.join(known)} (one of your own is the path of a .yaml file)"
        )
    text = files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    return _parsed(yaml.safe_load(text), f"layout {name}", name)


def _read(path: Path) -> JointLayout:
    """The layout in a file of a user."""
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigError(f"{path}: a joint layout is a small file, but this one has {path.stat().st_size} bytes")
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file (a joint layout, with joints and bones)") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{line}: is not YAML: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(values, Mapping):
        raise ConfigError(f"{path}: a joint layout has the keys joints and bones, got {type(values).__name__}")
    return _parsed(values, str(path), path.stem)


def _parsed(values: Mapping[str, Any], where: str, name: str) -> JointLayout:
    """The layout of the content of a file."""
    for key in values:
        if key not in _KEYS:
            raise ConfigError(f"{where}: unknown key {key!r}; a joint layout has {', '.join(_KEYS)}")
    written = _names(values, where)
    joints = tuple(plain_name(joint) for joint in written)
    joints = joints if len(set(joints)) == len(joints) else written
    place = {joint: i for names in (joints, written) for i, joint in enumerate(names)}

    def pairs_of(key: str) -> tuple[tuple[int, int], ...]:
        found = values[key]
        pair = isinstance(found, list) and all(isinstance(one, list) and len(one) == 2 for one in found)
        if not pair:
            raise ConfigError(f"{where}: {key} must be pairs of joints, such as [[hip, knee], [knee, ankle]]")
        return tuple((index(key, a), index(key, b)) for a, b in found)

    def index(key: str, joint: Any) -> int:
        if type(joint) is int and 0 <= joint < len(joints):
            return joint
        if not isinstance(joint, str | int):
            raise ConfigError(f"{where}: {key}: a joint must be its name, got {type(joint).__name__}")
        if joint not in place:
            near = get_close_matches(str(joint), list(place), n=1, cutoff=0.6)
            raise ConfigError(f"{where}: {key}: no joint is called {joint!r}" + (f"; {near[0]!r} is" if near else ""))
        return place[joint]

    def text(key: str, default: str) -> str:
        found = values.get(key, default)
        if not isinstance(found, str) or len(found) > _LONGEST:
            raise ConfigError(f"{where}: {key} must be a text of at most {_LONGEST} characters")
        return found

    if "bones" not in values:
        raise ConfigError(f"{where}: bones are missing, pairs of joints such as [[hip, knee], [knee, ankle]], or []")
    centre = next((i for word in _CENTRES for i, joint in enumerate(joints) if joint == word), None)
    bones = pairs_of("bones")
    if len(bones) >= len(joints):
        raise ConfigError(f"{where}: bones must not close a ring: {len(joints)} joints have {len(joints) - 1} of them")
    if "centre" in values:
        centre = index("centre", values["centre"])
    elif centre is None:
        centre = bones[0][0] if bones else 0
    options = {key: values.get(key, default) for key, default in (("coordinates", 3), ("up", None), ("unit", None))}
    allowed: dict[str, tuple[Any, ...]] = {"coordinates": (2, 3), "up": AXES, "unit": UNITS}
    for key, value in options.items():
        if value is None and key != "coordinates":
            continue
        if not isinstance(value, str | int) or value not in allowed[key]:
            shown = repr(value) if isinstance(value, str | int) else type(value).__name__
            raise ConfigError(f"{where}: {key} must be {either(map(str, allowed[key]))}, got {shown}")
    return JointLayout(
        text("name", name),
        text("title", f"{len(joints)} joints of your own"),
        joints,
        _tree(bones, joints, centre, where),
        centre,
        pairs_of("pairs") if "pairs" in values else _sides(joints),
        **options,
    )


def _names(values: Mapping[str, Any], where: str) -> tuple[str, ...]:
    names = values.get("joints")
    if not isinstance(names, list) or not 2 <= len(names) <= _MOST:
        raise ConfigError(f"{where}: joints must be the names of 2 to {_MOST} joints, in the order of the data")
    for i, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            raise ConfigError(f"{where}: the name of joint {i} must be a text, in quotation marks if need be")
        if name in names[:i]:
            raise ConfigError(f"{where}: two joints are called {name!r}")
    return tuple(name.strip() for name in names)


def _sides(joints: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """The joints called "left ..." and "right ..."."""
    place = {name: i for i, name in enumerate(joints)}
    others = [(i, place.get("right " + name.removeprefix("left "))) for name, i in place.items() if name[:5] == "left "]
    return tuple((i, other) for i, other in others if other is not None)


def _tree(
    bones: Sequence[tuple[int, int]], joints: Sequence[str], centre: int, where: str
) -> tuple[tuple[int, int], ...]:
    """The bones, each away from the first joint; as they are given where they are so, else from the centre."""
    if not bones:
        return ()
    reached = {bones[0][0]} if bones else set()
    for parent, child in bones:
        if parent not in reached or child in reached:
            break
        reached.add(child)
    else:
        if len(reached) == len(joints):
            return tuple(bones)
    made: list[tuple[int, int]] = []
    found, left = [centre], list(bones)
    for joint in found:
        mine = [bone for bone in left if joint in bone]
        left = [bone for bone in left if joint not in bone]
        for a, b in mine:
            other = b if a == joint else a
            if other in found:
                raise ConfigError(f"{where}: bones must not close a ring, but one does at {joints[other]!r}")
            made.append((joint, other))
            found.append(other)
    if lost := [name for i, name in enumerate(joints) if i not in found]:
        raise ConfigError(f"{where}: no bones join {', '.join(map(repr, lost[:5]))} to {joints[centre]!r}")
    return tuple(made)
