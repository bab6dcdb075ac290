"""What holds for every skeleton transform and any pattern of joints that are seen."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from attentive_rnn.data import (
    AlignView,
    AugmentedDataset,
    Compose,
    ConvertLayout,
    FlipLeftRight,
    OriginAtBodyCentre,
    RandomRotation,
    Schema,
    SequenceDataset,
    Streamed,
    UnitBodySize,
    get_layout,
    list_layouts,
    preprocess,
)
from attentive_rnn.data.ranges import Ranges, check_ranges
from attentive_rnn.data.transforms import Standardise
from attentive_rnn.errors import DataWarning
from data.transforms.skeletons import BODIES
from data.transforms.test_presence import NAMES, made

SEEDS = st.integers(0, 2**32 - 1)
HOLES = st.sampled_from(["none", "some", "joint", "frame", "late", "gone", "nearly all"])


def bodies(seed, holes, layout="ntu-25", persons=1, frames=8, coordinates=None):
    """Skeletons of which some joints are absent, and their schema.

    Holes: of single joints; a joint that is never seen; a frame with nobody; the body's centre seen late; a person who
    vanishes; all joints but three.
    """
    rng = np.random.default_rng(seed)
    joints = len(get_layout(layout).joints)
    x = rng.normal(0, 1, (frames, persons, joints, 3)) + rng.normal(0, 3, 3)
    if coordinates is not None:
        x[..., 2] = rng.uniform(0.1, 1, x.shape[:-1])
    seen = np.ones((frames, persons, joints), dtype=bool)
    if holes == "some":
        seen = rng.random(seen.shape) > 0.3
    elif holes == "joint":
        seen[:, :, rng.permutation(joints)[: rng.integers(1, 4)]] = False
        seen[:, :, 1] = False
    elif holes == "frame":
        seen[rng.integers(frames)] = False
    elif holes == "late":
        seen[: frames // 2, :, 1] = False
    elif holes == "gone":
        seen[frames // 2 :, 0] = False
    elif holes == "nearly all":
        seen[:, :, rng.permutation(joints)[3:]] = False
    shape = Schema(("a",), (persons, joints, 3), layout=layout, coordinates=coordinates)
    return torch.from_numpy(np.where(seen[..., None], x, 0)).float(), torch.from_numpy(seen), shape


def applied(transform, x, schema, seed=0):
    return transform.bound(schema)(x, np.random.default_rng(seed))


def of_size(name, schema):
    return Standardise([0.25] * schema.size, [2.0] * schema.size) if name == "standardise" else made(name)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"jitter"}))  # whose noise is drawn for all persons in one
@settings(max_examples=10)
@given(seed=SEEDS, holes=HOLES)
def test_a_second_person_who_is_absent_changes_nothing(name, seed, holes):
    x, _, schema = bodies(seed, holes)
    both = torch.cat([x, torch.zeros_like(x)], 1)
    alone = applied(of_size(name, schema), x, schema, seed)
    two = Schema(("a",), (2, 25, 3), layout="ntu-25")
    beside = applied(of_size(name, two), both, two, seed)
    if name == "join_steps":
        alone, beside = alone.reshape(-1, *schema.shape), beside.reshape(-1, *two.shape)
    torch.testing.assert_close(beside[:, :1], alone)
    assert not beside[:, 1:].any()


@pytest.mark.parametrize("coordinates", [None, 2], ids=["space", "picture"])
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=10)
@given(seed=SEEDS, holes=HOLES)
def test_no_missing_number_reaches_a_model(name, coordinates, seed, holes):
    if name == "align_view" and coordinates == 2:
        return
    x, seen, schema = bodies(seed, holes, persons=2, coordinates=coordinates)
    missing = torch.where(seen[..., None], x, torch.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        for sequence in (x, missing):
            data = SequenceDataset([sequence, x * 0], [0, 0], [{}, {}], schema)
            transform = of_size(name, schema)
            ready = AugmentedDataset(data, transform, 1) if transform.random else preprocess(data, transform)
            assert all(ready[i].sequence.isfinite().all() for i in range(2))
            assert not ready[1].sequence.any()


@settings(max_examples=60)
@given(seed=SEEDS, holes=HOLES, persons=st.integers(1, 2))
def test_no_pattern_of_joints_shows_where_a_body_is(seed, holes, persons):
    x, seen, schema = bodies(seed, holes, persons=persons)
    moved = torch.where(seen[..., None], x + torch.tensor([40.0, -20.0, 30.0]), 0.0)
    origin = Compose([OriginAtBodyCentre(1)])
    torch.testing.assert_close(applied(origin, moved, schema), applied(origin, x, schema), atol=1e-4, rtol=1e-4)
    here, there = Streamed(origin.bound(schema)), Streamed(origin.bound(schema))
    for frame, other in zip(x, moved, strict=True):
        torch.testing.assert_close(there.push(other), here.push(frame), atol=1e-4, rtol=1e-4)


@settings(max_examples=40)
@given(seed=SEEDS, holes=HOLES.filter(lambda holes: holes != "nearly all"), layout=st.sampled_from(BODIES))
def test_size_and_view_do_not_depend_on_those_of_the_data(seed, holes, layout):
    x, _, schema = bodies(seed, holes, layout)
    scale, align = UnitBodySize(layout), AlignView(layout)
    torch.testing.assert_close(applied(scale, 1000 * x, schema), applied(scale, x, schema), atol=1e-4, rtol=1e-4)
    marked = torch.where((x == 0).all(-1, keepdim=True), torch.nan, x)
    assume("not turned" not in (align.bound(schema).lack(marked) or ""))
    turned = applied(RandomRotation(180.0), x, schema, seed)
    torch.testing.assert_close(applied(align, turned, schema), applied(align, x, schema), atol=1e-3, rtol=1e-3)


@settings(max_examples=40)
@given(seed=SEEDS, holes=HOLES)
def test_a_body_is_treated_by_the_names_of_its_joints(seed, holes):
    """Joints taken into another layout before or after give the same; the mean of all joints is of a layout's own."""
    x, _, schema = bodies(seed, holes)
    convert, centre = ConvertLayout("ntu-25", "kinect-20"), OriginAtBodyCentre(1)
    marked = torch.where((x == 0).all(-1, keepdim=True), torch.nan, x)
    by_name = "the mean of the joints" not in (centre.bound(schema).lack(marked) or "")
    for before, after in (
        (AlignView("ntu-25"), AlignView("kinect-20")),
        (FlipLeftRight("ntu-25", 1.0), FlipLeftRight("kinect-20", 1.0)),
        *([(centre, centre)] if by_name else []),
    ):
        one, other = Compose([before, convert]), Compose([convert, after])
        torch.testing.assert_close(applied(one, x, schema), applied(other, x, schema), atol=1e-5, rtol=1e-5)


@settings(max_examples=40)
@given(seed=SEEDS, holes=HOLES, layout=st.sampled_from(list_layouts()))
def test_another_unit_is_warned_of(seed, holes, layout):
    x, _, schema = bodies(seed, "none", layout)
    seen = Ranges.of(schema, [x])
    used, _, _ = bodies(seed, holes, layout)
    for factor, unit in ((1000.0, "millimetres for metres"), (0.001, "metres for millimetres")):
        with pytest.warns(DataWarning, match=f"is this {unit}"):
            check_ranges(seen, schema, [factor * used], "new")


def test_a_joint_at_zero_of_a_present_person_is_absent_and_a_moved_one_is_not():
    x, _, schema = bodies(0, "none")
    x[2, 0, 4] = 0
    y = applied(OriginAtBodyCentre(1), x, schema)
    assert not y[2, 0, 4].any()
    again = SequenceDataset([x], [0], [{}], schema).transformed(OriginAtBodyCentre(1))
    assert again.presence[0] is not None
    assert (~again.presence[0]).nonzero().tolist() == [[2, 0, 4]]
