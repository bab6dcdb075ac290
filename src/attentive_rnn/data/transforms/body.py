"""Transforms of skeletons: position, view and size of the body, and another joint layout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from ..options import whole
from ..schema import Schema
from ..skeletons.layouts import Layout, get_layout, joint_map, known_layout
from .base import NO_RANK, Transform, bones_of, check_skeletons
from .presence import unmark

_TRUNK = ("left shoulder", "right shoulder", "left hip", "right hip")
_WAYS = 3  # to tell the directions of a body


class OriginAtBodyCentre(Transform):
    """Move a skeleton sequence so that the first person starts at the origin.

    x'[t, m, v] = x[t, m, v] - x[t0, 0, joint], with t0 the first frame in which that joint of person 0 is present. One
    shift for the whole sequence, so that the motion through the room stays. A joint or person that is absent from a
    frame (all zeros) stays all zeros.

    Where person 0 never has the joint, the middle of the hips stands for it, or else the middle of the shoulders, or
    else the mean of the joints that are seen, in the first frame in which there is such. The layout of the data says
    which joints these are; without one it is the mean. Where person 0 is never there, person 1 takes its place, and so
    on. Only a sequence without anybody is returned as it is.

    Source: the sequence-level preprocessing of Zhang et al., "Adding Attentiveness to the Neurons in Recurrent
    Neural Networks", ECCV 2018, section 5.1.

    Args:
        joint: index of the body centre; 1, the middle of the spine, in the Kinect layouts.

    Raises:
        ConfigError: a sequence that is not (T, M, V, C), or has no such joint.

    Example:
        >>> import numpy as np, torch
        >>> x = torch.rand(6, 1, 20, 3)
        >>> OriginAtBodyCentre(joint=1)(x, np.random.default_rng(0))[0, 0, 1]
        tensor([0., 0., 0.])
    """

    name = "origin_at_body_centre"
    depends = "first"

    def __init__(self, joint: int = 1) -> None:
        self.joint = whole(self.name, "joint", joint, 0)

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        check_skeletons(self.name, sequence, joints=self.joint + 1)
        t, rank = _best(self, sequence)
        return sequence if rank is None else sequence - self.origin_in(sequence[t], rank)

    def ranks(self, sequence: Tensor) -> Tensor:
        seen = ~sequence.isnan().all(-1)
        options = self.stand_ins()
        return _ranked(
            seen[:, m, joints].all(1) if joints else seen[:, m].any(1)
            for m in range(sequence.shape[1])
            for joints in options
        )

    def origin_in(self, frame: Tensor, rank: int) -> Tensor:
        """What every joint is moved by, (C,), for a frame (M, V, C) of that rank: coordinates, and no confidence."""
        options = self.stand_ins()
        m, option = divmod(rank, len(options))
        joints = frame[m, options[option]] if options[option] else frame[m, ~frame[m].isnan().all(-1)]
        known = unmark(joints).mean(0) if len(joints) > 1 else unmark(joints[0])
        return known - self.on_coordinates(known, torch.zeros_like)

    def lack(self, sequence: Tensor) -> str | None:
        rank = _best(self, sequence)[1]
        m, option = divmod(rank or 0, len(self.stand_ins()))
        if option == m == 0:
            return None
        used = f"the joint {self._called()}", *("the middle of the hips", "the middle of the shoulders")
        place = "the mean of the joints seen" if not self.stand_ins()[option] else used[option]
        who = f" of person {m}" if m else ""
        return f"never show the joint {self._called()} of person 0, so that {place}{who} is the origin"

    def stand_ins(self) -> list[list[int]]:
        """The joints whose middle is the origin, the best first; of an empty list, those that are seen."""
        names = self._names()
        pairs = [[names.index(f"{side} {part}") for side in ("left", "right")] for part in ("hip", "shoulder") if names]
        return [[self.joint], *pairs, []]

    def _names(self) -> tuple[str, ...]:
        layout = None if self.schema is None else self.schema.layout
        joints = () if layout is None else get_layout(layout).joints
        return joints if set(_TRUNK) <= set(joints) else ()

    def _called(self) -> str:
        layout = None if self.schema is None else self.schema.layout
        return str(self.joint) if layout is None else repr(get_layout(layout).joints[self.joint])


class AlignView(Transform):
    """Turn a skeleton sequence so that the first person starts upright along z, shoulders along x.

    x' = R x with rows R = (e_x, e_y, e_z): e_z is the direction from the middle of the hips to that of the
    shoulders, e_x that from the right shoulder to the left one without its part along e_z, e_y = e_z x e_x; all
    taken from the first frame in which person 0 has these four joints. One rotation about the origin for the whole
    sequence, so that turning round stays; move the body there first (:class:`OriginAtBodyCentre`). An absent joint
    stays absent.

    Where person 0 never has all four, three of them do: one hip or shoulder stands for the middle, and the hips for the
    shoulders across. Or else both shoulders and the head, or what the layout has for it, to which e_z then points.
    Where that gives no directions either, person 1 takes its place, and so on; a sequence in which nobody has them is
    returned as it is.

    Source: Shahroudy et al., "NTU RGB+D", CVPR 2016, section 4 (their body axes); spine to z as in Shi et al.,
    "Two-stream adaptive graph convolutional networks", CVPR 2019.

    Args:
        layout: joint layout; it must have left and right hips and shoulders.

    Raises:
        ConfigError: another layout, a sequence that is not (T, M, V, 3), or poses in a picture with a confidence.

    Example:
        >>> import numpy as np, torch
        >>> y = AlignView("kinect-20")(torch.randn(6, 1, 20, 3), np.random.default_rng(0))
        >>> trunk = y[0, 0, [4, 8]].mean(0) - y[0, 0, [12, 16]].mean(0)
        >>> bool(trunk[:2].abs().max() < 1e-5 < trunk[2])
        True
    """

    name = "align_view"
    depends = "first"

    def __init__(self, layout: Layout) -> None:
        joints = get_layout(layout).joints
        missing = [joint for joint in _TRUNK if joint not in joints]
        if missing:
            name = get_layout(layout).name
            raise ConfigError(f"{self.name}: the layout {name} has no joint {missing[0]!r}, so that it has no trunk")
        self.layout = known_layout(layout)
        self._trunk = [joints.index(joint) for joint in _TRUNK]
        self._head = next((joints.index(joint) for joint in ("head", "face", "nose") if joint in joints), None)

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        check_skeletons(self.name, sequence, joints=max(self._trunk) + 1, coordinates=3)
        if self.schema is not None:
            self.schema_after(self.schema)
        t, rank = _best(self, sequence)
        if rank is None:
            return sequence
        m, option = divmod(rank, _WAYS)
        rotation = self._rotations(sequence[t : t + 1, m], option)[0][0]
        return (sequence.double() @ rotation.T).to(sequence.dtype)

    def ranks(self, sequence: Tensor) -> Tensor:
        ways = [(m, option) for m in range(sequence.shape[1]) for option in range(_WAYS)]
        return _ranked(self._rotations(sequence[:, m], option)[1] for m, option in ways)

    def lack(self, sequence: Tensor) -> str | None:
        rank = _best(self, sequence)[1]
        if rank == 0 or sequence.isnan().all():
            return None
        used = "they are not turned" if rank is None else "other joints say how they are turned"
        return f"never show both shoulders and both hips of person 0, so that {used}"

    def _rotations(self, bodies: Tensor, option: int) -> tuple[Tensor, Tensor]:
        """R (T, 3, 3) by four joints of one person (T, V, 3), by three, or by the head; and where they tell it."""
        trunk = bodies[:, self._trunk].double()
        seen = ~trunk.isnan().any(-1)
        both = seen[:, :2].all(1)
        shoulders = trunk[:, :2].nanmean(1)
        if option < 2:
            fits, up = seen.sum(1) == 4 - option, shoulders - trunk[:, 2:].nanmean(1)
        elif self._head is not None:
            fits, up = both, bodies[:, self._head].double() - shoulders
        else:
            fits, up = both & False, torch.full_like(shoulders, torch.nan)
        z, upright = _units(up)
        across = torch.where(both[:, None], trunk[:, 0] - trunk[:, 1], trunk[:, 2] - trunk[:, 3])
        x, wide = _units(across - (across * z).sum(-1, keepdim=True) * z)
        return torch.stack([x, torch.linalg.cross(z, x), z], 1), fits & upright & wide

    def schema_after(self, schema: Schema) -> Schema:
        if schema.coordinates == 2:
            raise ConfigError(
                f"{self.name}: turns bodies in space, but these joints have x and y in a picture; leave it out"
            )
        return schema


class UnitBodySize(Transform):
    """Scale a skeleton sequence so that the bones of the first person have a mean length of 1.

    x' = x / s, where s is the median over the frames with person 0 of the mean length of the bones. A bone of which an
    end is absent from a frame counts there with its median length over the other frames, if it has one. One factor for
    the whole sequence and all persons, so that growing nearer and the ratio of two persons' sizes stay. Where person 0
    never shows a bone, person 1 takes its place, and so on; a sequence without any bone is returned as it is.

    Args:
        layout: joint layout.

    Raises:
        ConfigError: an unknown layout, or a sequence that is not (T, M, V, C) with its joints.

    Example:
        >>> import numpy as np, torch
        >>> x, rng = torch.rand(6, 1, 20, 3), np.random.default_rng(0)
        >>> scale = UnitBodySize("kinect-20")
        >>> torch.allclose(scale(7 * x, rng), scale(x, rng), atol=1e-4)
        True
    """

    name = "unit_body_size"

    def __init__(self, layout: Layout) -> None:
        self._bones = bones_of(layout, self.name)
        self.layout = known_layout(layout)

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        check_skeletons(self.name, sequence, joints=int(self._bones.max()) + 1)
        size = next((size for size in map(self._size, sequence.unbind(1)) if size), None)
        return sequence if size is None else self.on_coordinates(sequence, lambda values: values / size)

    def lack(self, sequence: Tensor) -> str | None:
        if sequence.isnan().all() or self._size(sequence[:, 0]):
            return None
        others = any(map(self._size, sequence.unbind(1)))
        used = "another person's size is made 1" if others else "they are not scaled"
        return f"never show a bone of person 0, so that {used}"

    def _size(self, body: Tensor) -> float:
        """s of one person (T, V, C); 0 where it cannot be told."""
        first = body[..., : self.vector(body)[0]].double()
        first = first[~first.isnan().all(-1).all(-1)]
        lengths = (first[:, self._bones[:, 1]] - first[:, self._bones[:, 0]]).norm(dim=-1)
        if lengths.isnan().any():
            usual = lengths.nanmedian(0).values
            lengths = torch.where(lengths.isnan(), usual, lengths)[:, ~usual.isnan()]
        return float(lengths.mean(1).median()) if lengths.numel() else 0.0


class ConvertLayout(Transform):
    """Make skeletons of a target layout out of those of a source layout, by the names of their joints.

    A joint of the target is the joint of the source that has its name, or else a synonym of it, or else the middle of
    others: the hip centre that of the hips, the neck that of the shoulders, the spine that of these two; a hand where
    there is none is the wrist (``derived`` says all). It is absent where a joint that it is made of is absent.

    Args:
        source: layout of the skeletons.
        target: layout to make.

    Raises:
        ConfigError: an unknown layout, joints of the target that cannot be had, or a sequence that is not (T, M, V, C)
            with the source's joints.

    Example:
        >>> import numpy as np, torch
        >>> convert = ConvertLayout("ntu-25", "kinect-20")
        >>> tuple(convert(torch.rand(6, 2, 25, 3), np.random.default_rng(0)).shape)
        (6, 2, 20, 3)
    """

    name = "convert_layout"
    depends = "frame"

    def __init__(self, source: Layout, target: Layout) -> None:
        self.source, self.target = known_layout(source), known_layout(target)
        joints, wanted = get_layout(source).joints, get_layout(target).joints
        self.map = joint_map(joints, wanted)
        if self.map.missing:
            raise ConfigError(
                f"{self.name}: {self.source} has no joint for {', '.join(self.map.missing)} of {self.target}; "
                "choose a target whose joints it has"
            )
        self._count = len(joints)

    @property
    def derived(self) -> tuple[str, ...]:
        """The joints of the target that are made of others, in words."""
        return self.map.derived

    def apply(self, sequence: Tensor, rng: np.random.Generator) -> Tensor:
        if sequence.ndim != 4 or sequence.shape[2] != self._count:
            raise ConfigError(
                f"{self.name}: needs skeletons (T, M, {self._count}, C) of {self.source}, got {tuple(sequence.shape)}"
            )
        return self.map(sequence, self.vector(sequence))

    def schema_after(self, schema: Schema) -> Schema:
        if schema.layout != self.source:
            raise ConfigError(f"{self.name}: the data have the layout {schema.layout}, not {self.source}")
        persons, _, coordinates = schema.shape
        shape = (persons, len(self.map.parents), coordinates)
        up, units = schema.upward, schema.measured  # of the data, whatever the target's usually are
        return replace(schema, shape=shape, layout=self.target, features=(), up=up, units=units)


def _units(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """The directions of vectors (T, 3), and whether each has one, bool (T,)."""
    length = vectors.norm(dim=-1, keepdim=True)
    return vectors / length, length[:, 0] > 1e-6


def _ranked(ways: Iterable[Tensor]) -> Tensor:
    """For each frame the number of the first way, bool (T,), that is open to it; ``NO_RANK`` where none is."""
    ranks: Tensor | None = None
    for number, fits in enumerate(ways):
        ranks = torch.full(fits.shape, NO_RANK) if ranks is None else ranks
        ranks[fits & (ranks == NO_RANK)] = number
        if int(ranks.max()) < NO_RANK:
            break
    assert ranks is not None
    return ranks


def _best(transform: Transform, sequence: Tensor) -> tuple[int, int | None]:
    """The first frame of the best rank in a sequence (T, M, V, C), and that rank; None where no frame has one."""
    if int(transform.ranks(sequence[:1])) == 0:  # as mostly
        return 0, 0
    ranks = transform.ranks(sequence).numpy()
    t = int(ranks.argmin())
    return t, None if ranks[t] == NO_RANK else int(ranks[t])
