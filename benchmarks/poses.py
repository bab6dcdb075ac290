"""Poses a second, for one person and for two, against MediaPipe alone in a bare loop over pictures in memory.

    python -m benchmarks.poses VIDEO OTHER_VIDEO [--frames 120] [--seconds 60]

The second film is both videos side by side. Ways to go through a film take turns, so that what else the machine does
meets all of them: MediaPipe alone; decoding and poses, as in `attentive pose`; with recognition by the paper's network
too, as in `attentive stream`; and with an annotated film, as with its `--video`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

import mediapipe
import numpy as np
import torch

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import OriginAtBodyCentre, Schema
from attentive_rnn.draw.films import FilmWriter
from attentive_rnn.streaming.pipeline import Pipeline, annotate
from attentive_rnn.training import SavedModel
from attentive_rnn.video import read_frames
from attentive_rnn.video.landmarkers import MILLISECONDS, MediaPipePose
from attentive_rnn.video.pose import extract_poses
from attentive_rnn.video.stages import ahead
from benchmarks.timing import interleave


def main() -> None:
    """Print a line for each number of people and way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs=2, type=Path)
    parser.add_argument("--frames", type=int, default=120, help="of a film; a short video is repeated (default 120)")
    parser.add_argument("--seconds", type=float, default=60, help="for each number of people (default 60)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    first, second = (looped([f.image for f in read_frames(path)], arguments.frames) for path in arguments.videos)
    height = min(first.shape[1], second.shape[1])
    both = np.concatenate([first[:, :height], second[:, :height]], axis=2)
    for people, pictures in ((1, first), (2, both)):
        with tempfile.TemporaryDirectory() as folder:
            film = Path(folder) / "film.mp4"
            with FilmWriter(film, rate=30.0) as writer:
                for picture in pictures:
                    writer.write(picture)
            measure(film, people, arguments.seconds)


def looped(pictures: list[np.ndarray], count: int) -> np.ndarray:
    """So many pictures (T, H, W, 3), there and back again without a jump."""
    there_and_back = [*pictures, *pictures[-2:0:-1]]
    return np.stack([there_and_back[i % len(there_and_back)] for i in range(count)])


def measure(film: Path, people: int, seconds: float) -> None:
    """Print the poses a second of each way through a film, and its share of those of the first."""
    pictures = [frame.image for frame in read_frames(film)]
    pose, schema = MediaPipePose(people), Schema(("a", "b"), (1, 33, 3), layout="mediapipe-33")
    saved = SavedModel(SequenceClassifier(99, 2).eval(), schema, OriginAtBodyCentre(23))
    pipeline = Pipeline(saved, pose=pose)
    found = 0

    def bare() -> None:
        nonlocal found
        pose.reset()
        landmarker, found = pose._made(), 0
        for t, picture in enumerate(pictures):
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture)
            found += len(landmarker.detect_for_video(image, MILLISECONDS * t).pose_landmarks)

    def run(writer: FilmWriter | None = None) -> None:
        for seen in pipeline.run(ahead(read_frames(film))):
            if writer is not None:
                writer.write(annotate(seen.frame.image, seen.people, schema), seen.frame.time)
        pipeline.finish()

    def drawn() -> None:
        with FilmWriter(film.with_name("drawn.mp4"), overwrite=True) as writer:
            run(writer)

    def extracted() -> None:
        with tempfile.TemporaryDirectory() as folder:  # a new one: poses that are there are not made again
            extract_poses(film, Path(folder) / "poses.npz", pose, people=people)

    times = interleave(
        {
            "MediaPipe alone": bare,
            "pose": extracted,
            "stream": run,
            "stream --video": drawn,
        },
        seconds,
    )
    print(
        f"people {people}: {len(pictures)} pictures of {pictures[0].shape[1]} x {pictures[0].shape[0]}, {found} poses"
    )
    for name, taken in times.items():
        share = median(alone / ours for alone, ours in zip(times["MediaPipe alone"], taken, strict=True))
        print(f"  {name:16}  {found / median(taken):6.1f} poses a second, {share:5.2f} of MediaPipe alone")


if __name__ == "__main__":
    main()
