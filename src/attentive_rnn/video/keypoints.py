"""Poses by a network of the user's own, an .onnx file that finds boxes of people and their key points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ..data.io.files import existing
from ..data.skeletons.layouts import get_layout
from ..errors import ConfigError
from .extractors import onnx_session
from .pose import Person, PoseEstimator, key_of
from .tracking import Tracker

SIDE = 640  # pixels of the picture that a network of any size gets
GREY = 114  # of what a picture of another shape is filled up with, as is usual in training
SURE = 0.3  # least score of a box
LAYOUTS = {17: "coco-17", 21: "hand-21", 25: "openpose-25", 33: "mediapipe-33"}  # by the number of key points


class OnnxPose(PoseEstimator):
    """People by a network of the kind of RTMPose's and YOLO's, exported with its choice of boxes.

    ======== ======================== ================================================================================
    input    (1, 3, H, W)             one picture, red, green and blue: uint8, or float32 from 0 to 1. A picture of
                                      another shape is scaled to fit and filled up with grey at its right and bottom
    boxes    (N, 4 or 5)              left, top, right and bottom in pixels of the input, and a score
    keypoints (N, K, 3)               x and y in pixels of the input, and a score from 0 to 1
    ======== ======================== ================================================================================

    Both outputs may have a first dimension of 1 more, and more boxes than people: those with a score below 0.3 (without
    one, whose key points have it on average) are left out. The layout of the joints is the file's metadata ``layout``;
    without it, K says it (17: coco-17, 21: hand-21, 25: openpose-25, 33: mediapipe-33). Depth is not known.

    Args:
        model: the file.
        people: the most to look for; the boxes with the highest scores.
        patience: pictures without the person after which a track ends.

    Raises:
        MissingExtraError: ONNX Runtime is not installed.
        ConfigError: no people to look for, or the network has other inputs and outputs.
        DataError: the file is missing or damaged.
    """

    depth = False

    def __init__(self, model: str | Path, people: int = 1, patience: int = 10) -> None:
        if people < 1:
            raise ConfigError(f"people must be 1 or more, got {people}")
        self._path = existing(model)
        self.name, self.people, self._tracker = self._path.name, people, Tracker(patience)
        self._session = onnx_session(self._path)
        taken = self._session.get_inputs()
        kinds = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}
        if len(taken) != 1 or len(taken[0].shape) != 4 or taken[0].shape[1] != 3 or taken[0].type not in kinds:
            shown = ", ".join(f"{one.name} {one.type} {one.shape}" for one in taken)
            raise ConfigError(f"{model}: takes {shown}; a pose network takes (1, 3, H, W) of uint8 or float32")
        self._input, self._dtype = taken[0].name, kinds[taken[0].type]
        self._size = tuple(side if isinstance(side, int) else SIDE for side in taken[0].shape[2:])
        count = self._run(np.zeros((*self._size, 3), np.uint8))[1].shape[1]
        said = self._session.get_modelmeta().custom_metadata_map.get("layout", LAYOUTS.get(count))
        if said is None or len(get_layout(said).joints) != count:
            raise ConfigError(
                f"{model}: finds {count} key points, which are not those of {said or 'a known layout'}; name theirs in "
                'the file\'s metadata: onnx.helper.set_model_props(network, {"layout": NAME})'
            )
        self.layout = said
        self.key = key_of(self._path, said, people, patience)

    def reset(self) -> None:
        self._tracker.reset()

    def __call__(self, image: np.ndarray) -> list[Person]:
        height, width = image.shape[:2]
        scale = min(self._size[0] / height, self._size[1] / width)
        boxes, keypoints = self._run(self._fitted(image, scale))
        scores = boxes[:, 4] if boxes.shape[1] == 5 else keypoints[:, :, 2].mean(1)
        found = []
        for i in np.argsort(-scores, kind="stable")[: self.people]:
            if scores[i] >= SURE:
                places = keypoints[i, :, :2] / (scale * height)
                joints = np.concatenate([places, np.zeros_like(places[:, :1])], axis=1)
                found.append(Person(0, joints, keypoints[i, :, 2].clip(0, 1)))
        tracks = self._tracker.assign([person.joints for person in found])
        return [person._replace(track=track) for person, track in zip(found, tracks, strict=True)]

    def _fitted(self, image: np.ndarray, scale: float) -> np.ndarray:
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
        scaled = torch.nn.functional.interpolate(pixels, (height, width), mode="bilinear", antialias=True)
        fitted = np.full((*self._size, 3), GREY, np.uint8)
        fitted[:height, :width] = scaled[0].permute(1, 2, 0).numpy()
        return fitted

    def _run(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = np.ascontiguousarray(image.transpose(2, 0, 1)[None])
        x = x.astype(np.float32) / 255 if self._dtype == np.float32 else x
        try:
            outputs = self._session.run(None, {self._input: x})
        except Exception as error:  # its exceptions share no base but this one
            reason = " ".join(str(error).split())[:300]
            raise ConfigError(f"{self._path}: cannot be run on a picture {x.shape}: {reason}") from error
        found = [
            one[0] if one.ndim == of + 1 and len(one) == 1 else one for one, of in zip(outputs, (2, 3), strict=False)
        ]
        match [one.shape for one in found]:
            case [(n, 4 | 5), (m, _, 3)] if n == m:
                return found[0].astype(np.float32), found[1].astype(np.float32)
        shapes = [one.shape for one in outputs]
        raise ConfigError(
            f"{self._path}: gives {shapes}; a pose network gives boxes (N, 4 or 5) and key points (N, K, 3)"
        )
