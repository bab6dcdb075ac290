"""`attentive pose`: where people's joints are in videos, as a data set to train on."""

from __future__ import annotations

import argparse
import sys

from .features import bar_over_videos


def add(pose: argparse.ArgumentParser) -> None:
    """Give the parser of `attentive pose` its arguments."""
    pose.add_argument("videos", metavar="VIDEOS", help="a video, or a folder of videos or of folders of videos")
    pose.add_argument("out", metavar="OUT", help="a name that ends in .npz")
    pose.add_argument("--layout", metavar="NAME", help="the joint layout to write (default mediapipe-33)")
    pose.add_argument("--people", type=int, default=1, metavar="N", help="the most to look for (default 1)")
    pose.add_argument("--overwrite", action="store_true", help="replace OUT if it is there")
    pose.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from ..video.pose import MediaPipePose, extract_poses

    estimator = MediaPipePose(arguments.people)
    with bar_over_videos() as progress:
        refused = extract_poses(
            arguments.videos,
            arguments.out,
            estimator,
            layout=arguments.layout,
            people=arguments.people,
            overwrite=arguments.overwrite,
            progress=progress,
        )
    print(f"written: {arguments.out} ({len(refused)} videos left out)", file=sys.stdout)
    return 0
