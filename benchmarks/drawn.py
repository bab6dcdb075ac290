"""Pictures of drawn people whom MediaPipe finds: they stand, walk or wave, and belong to nobody."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .crossing import walker

ACTIONS = ("stand", "walk", "wave")
FINE = 3  # the picture is drawn so many times as large
SKIN, TROUSERS, SHOES, HAIR = (214, 170, 140), (60, 55, 70), (30, 30, 30), (60, 40, 25)
SHIRTS = ((70, 110, 160), (170, 80, 60))
Colour = tuple[int, int, int]


def scene(actions: list[str], t: float, height: int = 480, width: int = 640, seed: int = 0) -> np.ndarray:
    """The picture (H, W, 3) uint8 at t seconds of one or two people, each with an action."""
    rng = np.random.default_rng(seed)
    sky = np.array([205, 215, 220]) * np.linspace(1, 0.75, height)[:, None, None]
    ground = np.broadcast_to(sky.astype(np.uint8), (height, width, 3)).copy()
    ground[int(0.88 * height) :] = (150, 140, 125)
    picture = Image.fromarray(ground).resize((FINE * width, FINE * height))
    pen = ImageDraw.Draw(picture)
    middle = width / height / len(actions)
    for i, action in enumerate(actions):
        tall, phase, start = rng.uniform(0.66, 0.76), rng.uniform(0, 6), rng.uniform(-0.05, 0.05)
        way = 0.15 * np.sin(1.2 * t + phase) if action == "walk" else 0.0
        x = middle * (i + 0.5) + start + way
        step = 6 * t + phase if action == "walk" else 0.0
        joints = walker(x, step, tall)
        if action == "wave":
            swing = 0.12 * tall * np.sin(7 * t + phase)
            joints[7] = joints[5] + tall * np.array([0.1, -0.06])
            joints[9] = joints[7] + np.array([swing, -0.17 * tall])
        _draw(pen, FINE * height * joints, FINE * height * tall, SHIRTS[i % len(SHIRTS)])
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))


def _draw(pen: ImageDraw.ImageDraw, j: np.ndarray, tall: float, shirt: Colour) -> None:
    """A person with joints (17, 2) in the order of COCO, in pixels."""

    def limb(a: np.ndarray, b: np.ndarray, first: float, last: float, colour: Colour) -> None:
        along = (b - a) / max(float(np.linalg.norm(b - a)), 1e-6)
        across = tall * np.array([-along[1], along[0]])
        corners = (a + across * first, b + across * last, b - across * last, a - across * first)
        pen.polygon([(x, y) for x, y in corners], fill=colour)
        disc(a, first, first, colour)
        disc(b, last, last, colour)

    def disc(at: np.ndarray, across: float, up: float, colour: Colour) -> None:
        radius = tall * np.array([across, up])
        pen.ellipse([*(at - radius), *(at + radius)], fill=colour)

    for side, hip, knee, ankle in ((1, 11, 13, 15), (-1, 12, 14, 16)):
        limb(j[hip], j[knee], 0.06, 0.045, TROUSERS)
        limb(j[knee], j[ankle], 0.045, 0.03, TROUSERS)
        limb(j[ankle], j[ankle] + tall * np.array([0.035 * side, 0.015]), 0.022, 0.016, SHOES)
    chest = (j[5], j[6], j[12], j[11])
    wider = tall * np.array([[0.03, -0.01], [-0.03, -0.01], [-0.025, 0.04], [0.025, 0.04]])
    pen.polygon([(x, y) for x, y in np.stack(chest) + wider], fill=shirt)
    for shoulder, elbow, wrist in ((5, 7, 9), (6, 8, 10)):
        limb(j[shoulder], j[elbow], 0.04, 0.032, shirt)
        limb(j[elbow], j[wrist], 0.03, 0.022, SKIN)
        disc(j[wrist], 0.028, 0.028, SKIN)
    neck = (j[5] + j[6]) / 2
    head = neck - tall * np.array([0, 0.13])
    limb(neck, head, 0.03, 0.03, SKIN)
    disc(head, 0.055, 0.075, SKIN)
    box = np.array([-0.06, -0.085, 0.06, 0.06]) * tall + np.tile(head, 2)
    pen.pieslice((box[0], box[1], box[2], box[3]), 180, 360, fill=HAIR)
    for side in (-1, 1):
        disc(head + tall * np.array([0.022 * side, -0.005]), 0.008, 0.007, HAIR)
    mouth = head + tall * np.array([[-0.02, 0.04], [0.02, 0.04]])
    pen.line([(x, y) for x, y in mouth], fill=(150, 70, 70), width=max(1, int(0.008 * tall)))
