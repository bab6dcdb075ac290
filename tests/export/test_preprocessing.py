"""Preprocessing in a graph beside the transforms that it repeats."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attentive_rnn.data import (
    Compose,
    MotionFeatures,
    OriginAtBodyCentre,
    Schema,
    Stream,
    Streamed,
    UniformSampling,
    UnitBodySize,
)
from attentive_rnn.data.transforms.body import ConvertLayout
from attentive_rnn.data.transforms.features import Standardise
from attentive_rnn.export.preprocessing import Preprocessing, divided

JOINTS = Schema((), (2, 25, 3), layout="ntu-25")
PIXELS = Schema((), (1, 17, 3), layout="coco-17", coordinates=2)
CHAINS = {
    "origin": (JOINTS, [OriginAtBodyCentre(1), Standardise([0.5] * 150, [2.0] * 150)]),
    "bones": (JOINTS, [ConvertLayout("ntu-25", "kinect-20"), OriginAtBodyCentre(1), Stream("bone", "kinect-20")]),
    "confidence": (PIXELS, [OriginAtBodyCentre(0)]),
    "motion": (JOINTS, [ConvertLayout("ntu-25", "kinect-20"), OriginAtBodyCentre(0), MotionFeatures(1)]),
    "motion and confidence": (PIXELS, [MotionFeatures(0)]),
    "features": (Schema((), (4,)), [Standardise([1.0, 2, 3, 4], [1.0, 2, 3, 4])]),
}


def _sequences(schema: Schema) -> list[torch.Tensor]:
    """Sequences of which joints and persons are absent now and then, the body's centre in the first frames of one."""
    made = [torch.rand(steps, *schema.shape) for steps in (6, 1, 4, 5)]
    if len(schema.shape) == 3:
        for one in made:
            one[torch.rand(one.shape[:3]) < 0.2] = 0
        made[0][:2, 0, :2] = 0
        made[2][:, 0] = 0  # nobody but another person, if there is one
        made[3][:] = 0
        made[3][:, 0, 3] = 0.7
        made[3][4, 0, :2] = 0.4
    return made


@pytest.mark.parametrize("name", CHAINS)
def test_a_padded_batch_becomes_what_the_transforms_make_of_each_sequence(name):
    schema, parts = CHAINS[name]
    transform = Compose(parts).bound(schema)
    before, inside = divided(transform, schema)
    assert before == []
    sequences = _sequences(schema)
    x = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True, padding_value=9.0)
    found = Preprocessing(inside, schema)(x, torch.tensor([len(one) for one in sequences]))
    for row, sequence in zip(found, sequences, strict=True):
        torch.testing.assert_close(row[: len(sequence)], transform(sequence, np.random.default_rng(0)))


@pytest.mark.parametrize("name", CHAINS)
def test_frame_by_frame_it_is_what_a_stream_makes(name):
    schema, parts = CHAINS[name]
    transform = Compose(parts).bound(schema)
    preprocessing = Preprocessing(divided(transform, schema)[1], schema)
    for sequence in _sequences(schema):
        streamed = Streamed(transform)
        state = tuple(preprocessing.start(sequence[:1]).values())
        for frame in sequence:
            found, state = preprocessing.step(frame[None], state)
            torch.testing.assert_close(found[0], streamed.push(frame))


def test_a_joint_below_the_least_confidence_is_absent():
    x = torch.rand(1, 3, 1, 17, 3) * 0.5 + 0.5
    x[0, 1, 0, 4, 2] = 0.1
    found = Preprocessing([OriginAtBodyCentre(0)], PIXELS, least=0.3)(x, torch.tensor([3]))
    assert (found[0, 1, 0, 4] == 0).all()
    assert (found[0, 1, 0, 5] != 0).any()


def test_of_joints_all_transforms_stay_together_since_absence_is_marked_between_them():
    parts = [UnitBodySize("ntu-25"), OriginAtBodyCentre(1)]
    assert [part.name for part in divided(Compose(parts).bound(JOINTS), JOINTS)[0]] == [
        "unit_body_size",
        "origin_at_body_centre",
    ]
    numbers = Schema((), (2,))
    before, inside = divided(Compose([UniformSampling(8), Standardise([0.0] * 2, [1.0] * 2)]).bound(numbers), numbers)
    assert ([part.name for part in before], [part.name for part in inside]) == (["uniform_sampling"], ["standardise"])
