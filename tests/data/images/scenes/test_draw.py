"""What every scene holds: distinct digits, apart from each other, in the colours and sizes that were promised."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attentive_rnn.data.images.idx import LabelledImages
from attentive_rnn.data.images.scenes import COLOURS, SCALES, Glyphs, draw_scene
from data.writers import digit_shape


@cache
def glyphs() -> Glyphs:
    rng = np.random.default_rng(0)
    return Glyphs(LabelledImages(np.stack([digit_shape(i % 10, rng) for i in range(40)]), np.arange(40) % 10))


def scene(seed, **options):
    return draw_scene(glyphs(), np.random.default_rng(seed), **options)


seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.sampled_from([32, 48, 100]), st.sampled_from([0, 17]))
@settings(max_examples=30)
def test_five_to_nine_distinct_digits_lie_apart_inside_the_image(seed, size, distractors):
    made = scene(seed, size=size, distractors=distractors)
    digits = [place.digit for place in made.digits]
    assert 5 <= len(digits) <= 9
    assert len(set(digits)) == len(digits)
    covered = np.zeros((size, size), int)
    for place in made.digits:
        top, left, bottom, right = place.box
        assert 0 <= top < bottom <= size
        assert 0 <= left < right <= size
        covered[top:bottom, left:right] += 1
        assert SCALES[0] <= place.scale <= SCALES[1]
    assert covered.max() == 1


@given(seeds, st.sampled_from([0, 17]))
@settings(max_examples=20)
def test_owners_are_the_inked_pixels_of_each_box_and_have_its_colour(seed, distractors):
    made = scene(seed, size=100, distractors=distractors)
    names = list(COLOURS)
    for number, place in enumerate(made.digits, 1):
        top, left, bottom, right = place.box
        region = made.owner == number
        inside = np.zeros_like(region)
        inside[top:bottom, left:right] = True
        assert region.any()
        assert not region[~inside].any()
        assert ((made.ink > 0) & inside == region).all()
        full = made.image[region & (made.ink == made.ink[region].max())].astype(float)
        wanted = np.clip(np.array(COLOURS[names[place.colour]]) + place.offset, 0, 255) * made.ink[region].max() / 255
        assert np.abs(full - wanted).max() <= 0.5 + 1e-9
    assert distractors > 0 or (made.image[made.owner == 0] == 0).all()
    assert distractors == 0 or made.ink[made.owner == 0].any()


def test_scales_fill_every_bucket_and_colours_are_offset_by_a_normal_number():
    places = [place for seed in range(120) for place in scene(seed).digits]
    scales, offsets = np.array([p.scale for p in places]), np.array([p.offset for p in places])
    counts, _ = np.histogram(scales, [0.5, 1, 1.5, 2, 2.5, 3])
    assert (counts / len(scales) > 0.02).all()
    assert abs(offsets.mean()) < 1.5
    assert abs(offsets.std() - 10) < 1
    assert np.bincount([p.colour for p in places]).min() > 0.15 * len(places)
    # A digit's box has the size of its shape, 21x12, at its scale.
    for place in places:
        top, left, bottom, right = place.box
        assert abs((bottom - top) - 21 * place.scale) < 1.01
        assert right - left <= 12 * place.scale + 1


def test_the_same_seed_draws_the_same_scene_and_another_seed_another():
    one, same, other = scene(3, distractors=17), scene(3, distractors=17), scene(4, distractors=17)
    assert (one.image == same.image).all()
    assert one.digits == same.digits
    assert (one.image != other.image).any()


def test_a_background_shows_wherever_nothing_is_drawn():
    background = np.random.default_rng(0).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    made = scene(0, size=48, background=background)
    assert (made.image[made.ink == 0] == background[made.ink == 0]).all()
    assert (made.image[made.ink > 100] != background[made.ink > 100]).any()


def test_seventeen_distractors_are_pieces_of_digits():
    with_some, without = scene(5, distractors=17), scene(5, distractors=0)
    assert with_some.digits == without.digits
    extra = (with_some.ink > 0) & (without.ink == 0)
    # Boxes are up to 15x15, so that even touching each other 17 of them cover at most so many pixels.
    assert 17 <= extra.sum() <= 17 * 15 * 15


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_is_cut_to_its_ink(digit):
    ink = glyphs().draw_digit(digit, np.random.default_rng(0))
    assert ink[0].any()
    assert ink[-1].any()
    assert ink[:, 0].any()
    assert ink[:, -1].any()
