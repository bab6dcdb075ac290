"""Skeletons for tests of transforms."""

import numpy as np
import torch

from attentive_rnn.data import get_layout, list_layouts

RNG = np.random.default_rng(0)
BODIES = [
    name
    for name in list_layouts()
    if {"left hip", "right hip", "left shoulder", "right shoulder"} <= set(get_layout(name).joints)
]


def people(frames=6, layout="kinect-20", persons=2, coordinates=3):
    """Random skeletons; the second person is absent from the second half, and frame 0 is empty."""
    joints = len(get_layout(layout).joints)
    shape = (frames, persons, joints, coordinates)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(2)) + 1
    x[frames // 2 :, 1:] = 0
    x[0] = 0
    return x


def absent(x):
    return (x == 0).flatten(2).all(2)


def joint(layout, name):
    return get_layout(layout).joints.index(name)
