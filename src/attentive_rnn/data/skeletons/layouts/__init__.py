"""Joint layouts: names of joints and bones, one JSON file a layout, the shapes of their frames, and conversion."""

from .columns import by_place_note, joint_order
from .conversion import JointMap, joint_map, same_joint, turn_between
from .layout import AXES, UNITS, JointLayout, Layout, get_layout, known_layout, list_layouts, plain_name, with_layout
from .shapes import asked_for_layout, fitting_layouts, frame_shape, stored_layout

__all__ = [
    "AXES",
    "UNITS",
    "JointLayout",
    "JointMap",
    "Layout",
    "asked_for_layout",
    "by_place_note",
    "fitting_layouts",
    "frame_shape",
    "get_layout",
    "joint_map",
    "joint_order",
    "known_layout",
    "list_layouts",
    "plain_name",
    "same_joint",
    "stored_layout",
    "turn_between",
    "with_layout",
]
