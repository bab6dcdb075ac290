"""Skeletons are drawn with joints as large as the attention to them, in figures, in films and on frames."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from attentive_rnn.data import Schema, get_layout
from attentive_rnn.draw import projection, skeletons
from attentive_rnn.draw.charts import RELATIVE, Drawing, new_figure
from attentive_rnn.draw.colours import BONE, GREY, PEOPLE
from attentive_rnn.draw.skeletons import MORE
from data.generic import made

SCHEMA = Schema(("a", "b"), (2, 20, 3), layout="kinect-20")


@pytest.fixture
def points():
    return projection.flatten(made((2, 20, 3), "kinect-20")[0].sequence.numpy(), SCHEMA)


def test_the_diameter_of_a_joint_grows_with_its_relevance():
    scale = skeletons.Scale(np.linspace(0, 1, 101))
    areas = scale.area(np.array([-1.0, 0.0, 0.49, 0.98, 9.0]))
    assert areas.tolist() == pytest.approx([2, 2, 2 + 188 / 4, 190, 190])


def test_attention_that_hardly_differs_is_drawn_in_sizes_that_hardly_differ():
    areas = skeletons.Scale(np.linspace(0.93, 1.05, 101), RELATIVE).area(np.array([0.93, 1.05]))
    assert 0.7 < (areas[0] / areas[1]) ** 0.5 < 0.85
    same = skeletons.Scale(np.ones(5), RELATIVE).area(np.ones(2))
    assert same.tolist() == [49, 49]


def test_plain_skeletons_have_coloured_bones_and_second_persons_are_lighter(points):
    axis = new_figure(2, 2).subplots()
    skeletons.draw_skeletons(axis, points[0], SCHEMA)
    groups = skeletons.bone_groups(SCHEMA)
    assert set(groups) == {"left", "right", "centre"}
    bones = [one for one in axis.collections if hasattr(one, "get_segments")]
    assert [len(one.get_segments()) for one in bones] == 2 * [len(pairs) for _, pairs in groups.values()]
    assert [one.get_alpha() for one in bones] == 3 * [1.0] + 3 * [0.45]


def test_joints_are_as_large_as_they_are_told_over_grey_bones(points):
    axis = new_figure(2, 2).subplots()
    areas, colours = np.arange(40.0).reshape(2, 20), np.full((2, 20), GREY)
    skeletons.draw_skeletons(axis, points[0], SCHEMA, areas, colours)
    first, joints, *_ = axis.collections
    assert to_hex(first.get_colors()[0]) == BONE.lower()
    assert len(first.get_segments()) == len(get_layout("kinect-20").bones)
    np.testing.assert_array_equal(joints.get_sizes(), areas[0])
    assert to_hex(joints.get_facecolors()[0]) == GREY


def test_who_is_absent_is_not_drawn(points):
    points[0, 1] = np.nan
    axis = new_figure(2, 2).subplots()
    skeletons.draw_skeletons(axis, points[0], SCHEMA, np.ones((2, 20)))
    assert len(axis.collections) == 2


def test_a_strip_has_frames_from_the_start_to_the_end(points):
    long = np.repeat(points[:1], 30, axis=0)
    drawings = [Drawing(title, np.random.default_rng(0).random(long.shape[:3]), long) for title in "ab"]
    figure = skeletons.strips(drawings, SCHEMA)
    assert [axis.get_title() for axis in figure.axes[:7]] == [f"frame {t}" for t in (0, 5, 10, 14, 19, 24, 29)]
    assert len(figure.axes) == 14


def test_a_class_names_the_joints_that_stand_out_from_the_mean(points):
    names = [f"joint {i}" for i in range(40)]
    found = {name: np.ones(40) for name in ("one", "two")}
    found["one"][[3, 7]] = 3, 2
    figure = skeletons.class_averages(found, points[0], names, SCHEMA)
    first, second = figure.axes[:2]
    assert first.get_title() == "one\n+ joint 3, joint 7"
    assert second.get_title() == "two"  # whose joints are below the mean or at it
    colours = [to_hex(colour) for part in first.collections[1::2] for colour in part.get_facecolors()]
    assert [i for i, colour in enumerate(colours) if colour == MORE.lower()] == [3, 7]


def test_a_heading_names_no_joint_that_stays_grey(points):
    found = {"one": np.ones(40), "two": np.ones(40)}
    found["one"][5] = 1.2  # a little more than in the other
    axes = skeletons.class_averages(found, points[0], [f"joint {i}" for i in range(40)], SCHEMA).axes
    assert [axis.get_title() for axis in axes[:2]] == ["one", "two"]


def test_all_classes_are_drawn_and_what_is_left_out_is_said(points, monkeypatch):
    found = {f"class {i}": np.ones(40) for i in range(27)}
    names = [f"joint {i}" for i in range(40)]
    figure = skeletons.class_averages(found, points[0], names, SCHEMA)
    assert [axis.get_title() for axis in figure.axes if axis.get_title()] == list(found)
    assert "the first" not in figure.get_suptitle()
    monkeypatch.setattr(skeletons, "_CLASSES", 25)
    figure = skeletons.class_averages(found, points[0], names, SCHEMA)
    assert sum(bool(axis.get_title()) for axis in figure.axes) == 25
    assert "the first 25 of 27" in figure.get_suptitle()


def test_a_film_has_one_window_for_all_frames(points):
    moved = points + np.arange(len(points))[:, None, None, None]
    plain = skeletons.film("title", moved, SCHEMA)
    sized = skeletons.film("title", moved, SCHEMA, np.random.default_rng(0).random(moved.shape[:3]))
    for pictures in (plain, sized):
        assert len(pictures) == len(moved)
        assert len({picture.shape for picture in pictures}) == 1
        assert (pictures[0] != pictures[1]).any()
    assert plain[0].shape != sized[0].shape


def test_people_on_a_frame_have_joints_where_they_are_and_colours_of_their_own():
    image = np.zeros((400, 800, 3), np.uint8)
    joints = np.array([[0.3, 0.5], [0.9, 0.5], [1.5, 0.5]])
    person = skeletons.Labelled("wave 90 %", 1, joints, np.array([1.0, 1.0, 0.1]), np.array([1.0, 9.0, 1.0]))
    drawn = skeletons.annotate(image, [person], [(0, 1), (1, 2)])
    assert not image.any()

    def near(y, x):
        return np.abs(drawn[y, x].astype(int) - PEOPLE[1]).max() < 40

    assert near(200, 120)
    assert near(200, 360)
    assert near(210, 360)
    assert not drawn[210, 120].any()  # joints of less weight are smaller
    assert drawn[200, 240].any()  # a bone
    assert not drawn[200, 400:].any()  # a joint that is not sure, and its bone
    assert not skeletons.annotate(image, [], []).any()


def test_a_frame_without_joints_has_labels_one_below_the_other():
    image = np.zeros((140, 200, 3), np.uint8)
    one = skeletons.annotate(image, [skeletons.Labelled("sit", 0)], [])
    two = skeletons.annotate(image, [skeletons.Labelled("sit", 0), skeletons.Labelled("stand", 1)], [])
    assert one.any()
    assert np.flatnonzero(two.any((1, 2))).max() > np.flatnonzero(one.any((1, 2))).max()
