"""Transforms frame by frame: what is pushed comes out as the sequence does."""

import pytest
import torch

from attentive_rnn.data import (
    AlignView,
    Compose,
    Jitter,
    MotionFeatures,
    OriginAtBodyCentre,
    Stream,
    Streamed,
    UnitBodySize,
)
from attentive_rnn.errors import ConfigError
from data.transforms.skeletons import RNG, people

CAUSAL = [
    OriginAtBodyCentre(),
    MotionFeatures(),
    Stream("bone", "kinect-20"),
    Compose([OriginAtBodyCentre(), AlignView("kinect-20"), MotionFeatures()]),
]


@pytest.mark.parametrize("transform", CAUSAL, ids=repr)
def test_frames_come_out_as_in_the_sequence_from_the_first_person_on(transform):
    x = people()
    start = int(x[:, 0].flatten(1).any(1).nonzero()[0, 0])
    stream = Streamed(transform)
    for _ in range(2):  # a reset stream begins anew
        stream.reset()
        pushed = torch.stack([stream.push(frame) for frame in x])
        torch.testing.assert_close(pushed[start:], transform(x, RNG)[start:], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("transform", [Jitter(), Stream("joint_motion"), UnitBodySize("kinect-20")], ids=repr)
def test_a_transform_that_needs_later_frames_or_chance_is_refused_by_name(transform):
    with pytest.raises(ConfigError, match=f"{transform.name}: needs frames that a stream does not have yet"):
        Streamed(Compose([OriginAtBodyCentre(), transform]))
