"""Commands that make data sets of videos: `attentive features` and `attentive pose`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import one_line
from ..progress import bar
from ..terminal import tell
from .arguments import Argument, Command, line, overwrite

if TYPE_CHECKING:
    from ..data.skeletons.layouts import Layout
    from ..video.extractors import Extractor
    from ..video.files import Progress
    from ..video.pose import PoseEstimator


_VIDEOS = Argument("videos", metavar="VIDEOS", help="a video, or a folder of videos or of folders of videos")
_SHARD = Argument("--shard", metavar="I/N", help="every N-th video only, from the I-th on, such as 2/8")
BACKBONE = (  # the choice of a network
    Argument("--backbone", metavar="FILE", help="an .onnx file; default: EfficientNet-Lite0 on ImageNet"),
    Argument(
        "--size", type=int, nargs=2, default=[224, 224], metavar=("H", "W"), help="of its pictures (default 224 224)"
    ),
    Argument(
        "--trust", action="store_true", help="run the program in a .pt2 or TorchScript FILE, which may do anything"
    ),
)
POSES = (  # who looks for people
    Argument("--people", type=int, default=1, metavar="N", help="the most to look for (default 1)"),
    Argument(
        "--pose-model",
        metavar="FILE",
        help="a bundle for MediaPipe (.task) or a network of boxes and key points (.onnx); default: MediaPipe's full",
    ),
)


def chosen_extractor(arguments: argparse.Namespace) -> Extractor:
    """The network that the options BACKBONE choose."""
    from ..video import EfficientNetLite0, load_backbone

    if arguments.backbone is None:
        return EfficientNetLite0()
    return load_backbone(arguments.backbone, tuple(arguments.size), arguments.trust)


def chosen_estimator(arguments: argparse.Namespace, layout: Layout | None) -> PoseEstimator:
    """What finds people by the options POSES, or hands where only a hand has the joints of the layout."""
    from ..data import get_layout
    from ..data.skeletons.layouts import joint_map
    from ..video.keypoints import OnnxPose
    from ..video.landmarkers import MediaPipeHands, MediaPipePose

    model = arguments.pose_model
    if model is not None and Path(model).suffix.lower() == ".onnx":
        return OnnxPose(model, arguments.people)

    def lacks(kind: type[PoseEstimator]) -> bool:
        return layout is not None and bool(joint_map(get_layout(kind.layout).joints, get_layout(layout).joints).missing)

    hands = lacks(MediaPipePose) and not lacks(MediaPipeHands)
    return (MediaPipeHands if hands else MediaPipePose)(arguments.people, model=model)


@contextmanager
def _bar_over_videos(states: list[Progress]) -> Iterator[Callable[[Progress], None]]:
    """A progress bar on the standard error, as a function of the progress, which it adds to the states."""
    with bar("videos") as shown:

        def progress(state: Progress) -> None:
            states.append(state)
            shown.update(state.done, total=state.total, note=state.video.name[:40])

        yield progress


def _status(refused: list[str], seen: int) -> int:
    """Name the videos that were left out; the exit status: 0 for none, 1 for some, 2 for all."""
    for reason in refused:
        tell(f"attentive: left out: {one_line(reason)}")
    return 0 if not refused else 1 if len(refused) < seen else 2


def _features(arguments: argparse.Namespace) -> int:
    from ..video import extract_features
    from ..video.files import WHOLE, shard_of

    extractor = chosen_extractor(arguments)
    states: list[Progress] = []
    began = time.perf_counter()
    with _bar_over_videos(states) as progress:
        refused = extract_features(
            arguments.videos,
            arguments.out,
            extractor,
            maps=arguments.maps,
            every=arguments.every,
            batch_size=arguments.batch_size,
            shard=WHOLE if arguments.shard is None else shard_of(arguments.shard),
            progress=progress,
        )
    frames = sum(s.frames for s in states)
    each = f", {1000 * (time.perf_counter() - began) / frames:.1f} ms each" if frames else ""
    print(f"features         {extractor.dim} of {extractor.name}, {frames} frames now{each}")
    print(f"videos           {len(states) - len(refused)} in {arguments.out}, {len(refused)} left out")
    return _status(refused, len(states))


def _pose(arguments: argparse.Namespace) -> int:
    from ..video.files import shard_of
    from ..video.pose import extract_poses

    estimator = chosen_estimator(arguments, arguments.layout)
    states: list[Progress] = []
    with _bar_over_videos(states) as progress:
        refused = extract_poses(
            arguments.videos,
            arguments.out,
            estimator,
            layout=arguments.layout,
            people=arguments.people,
            overwrite=arguments.overwrite,
            shard=None if arguments.shard is None else shard_of(arguments.shard),
            progress=progress,
        )
    made = f"{len(states) - len(refused)} of {len(states)} videos"
    if arguments.shard is None:
        print(f"written: {arguments.out} ({made})")
    else:
        print(f"part {arguments.shard} is done ({made}); the same line without --shard then writes {arguments.out}")
    return _status(refused, len(states))


FEATURES = Command(
    "features",
    "what a network sees in every frame of videos, for training",
    "attentive features VIDEOS FEATURES",
    _features,
    _VIDEOS,
    Argument("out", metavar="OUT", help="a folder; run again, it goes on where it stopped"),
    Argument("--maps", action="store_true", help="store maps of features too, such as 7 x 7"),
    Argument("--every", type=int, default=1, metavar="N", help="the first frame of every N (default 1)"),
    Argument("--batch-size", type=int, default=16, metavar="N", help="pictures at a time (default 16)"),
    _SHARD,
    *BACKBONE,
    goes_on=True,
    next=lambda a: [line("train", "--data", a.out)],
)
POSE = Command(
    "pose",
    "where people's joints are in videos, as a data set",
    "attentive pose VIDEOS poses.npz --people 2",
    _pose,
    _VIDEOS,
    Argument("out", metavar="OUT", help="a name that ends in .npz"),
    Argument("--layout", metavar="NAME", help="the joint layout to write (default mediapipe-33; of hands: hand-21)"),
    *POSES,
    _SHARD,
    overwrite("OUT"),
    goes_on=True,
    next=lambda a: [] if a.shard else [line("data", "check", a.out), line("train", "--data", a.out)],
)
