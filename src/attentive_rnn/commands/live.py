"""Commands that apply a run's model frame by frame: `attentive stream` and `attentive serve`."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, DataError, UserError, one_line
from ..terminal import to_json
from .arguments import Argument, Command, line, overwrite, reader_options
from .videos import BACKBONE, POSES, chosen_estimator, chosen_extractor

if TYPE_CHECKING:
    from ..streaming import ExportedRecognizer, Recognizer, Segment
    from ..streaming.pipeline import Pipeline
    from ..streaming.segment_files import Moments
    from ..trained import TrainedRun
    from ..training import SavedModel
    from ..video.decode import Frame

LINE = 2**23  # characters of one line of joints
TIMED = 10  # pictures, whose times tell their rate
DRAWN = 1280  # pixels of the longer side of an annotated video's pictures
_OF_LINES = ("layout", "features", "rate")  # what --option may say of them
_KEYS = ({"frame"}, {"frame", "track"}, {"frames"}, {"end"})  # of a line


_RECOGNITION = (
    *POSES,
    Argument("--window", type=int, metavar="N", help="frames after which the past fades (default: never)"),
    Argument(
        "--hold", type=int, default=5, metavar="N", help="frames another class must lead to be the label (default 5)"
    ),
    Argument(
        "--relative",
        action="store_true",
        help="joints are as large as their attention relative to its mean, in place of the attended input",
    ),
    *BACKBONE,
)


def _make_pipeline(arguments: argparse.Namespace, trained: TrainedRun) -> Pipeline:
    """The pipeline that suits the options and the model."""
    from ..draw.skeletons import has_skeletons
    from ..explain.response import has_gate, stored_usual
    from ..streaming.pipeline import Pipeline

    saved, options = trained.saved, {"window": arguments.window, "hold": arguments.hold}
    if not has_skeletons(saved.schema):
        return Pipeline(saved, extractor=chosen_extractor(arguments), **options)
    usual = stored_usual(trained.model, saved, None) if has_gate(saved) else None
    shown = None if usual is None else usual.relative if arguments.relative else usual.attended
    pipeline = Pipeline(saved, pose=chosen_estimator(arguments, saved.schema.layout), shown=shown, **options)
    if usual is None and has_gate(saved):
        pipeline.notes.append(
            f"{trained.model}: joints are drawn alike, for the mean frame of its training is not stored there; "
            "`attentive explain RUN` stores it, where the training data can be read"
        )
    return pipeline


@dataclass
class _Found:
    """What a stream has found: segments with their tracks, and when its frames begin."""

    moments: Moments
    segments: list[tuple[Any, Segment]] = field(default_factory=list)


def _stream(arguments: argparse.Namespace) -> int:
    from ..streaming.segment_files import KINDS, Moments

    if arguments.frames is not None and arguments.frames < 1:
        raise ConfigError(f"--frames must be 1 or more, got {arguments.frames}")
    found = _Found(Moments())
    if arguments.segments is not None:
        from ..data.io.files import check_writable

        check_writable(arguments.segments, tuple(f".{kind}" for kind in KINDS), arguments.overwrite)
    if Path(arguments.folder).suffix == ".onnx":
        return _answer(arguments, *_exported(arguments, found), found)
    from ..trained import load

    trained = load(arguments.folder)
    reader = _lines if arguments.source == "-" else _recorded if _is_data_set(arguments.source) else _pictures
    if reader is _pictures and arguments.option:
        raise ConfigError("--option describes a data set or lines of JSON; pictures need none")
    if reader is not _pictures and arguments.video is not None:
        raise ConfigError("--video needs pictures; lines of joints and data sets have none")
    return _answer(arguments, reader(arguments, trained, found), trained.saved.schema.classes, found)


def _answer(
    arguments: argparse.Namespace, lines: Iterator[dict[str, Any]], classes: Sequence[str], found: _Found
) -> int:
    """Print the lines as they come, and the segments that they have left; write these to a file if asked for."""
    for one in lines:
        print(to_json(one), flush=True)
    for track, segment in found.segments:
        frames = f"frames {segment.start} to {segment.end - 1}"
        print(f"{one_line(track)}: {frames}  {classes[segment.label]}  {segment.probability:.3f}", file=sys.stderr)
    if arguments.segments is not None:
        from ..data.io.files import write_file
        from ..streaming.segment_files import spans, text_of

        path = Path(arguments.segments)
        text = text_of(path.suffix[1:].lower(), spans(found.segments, classes, found.moments))
        write_file(path, text.encode("utf-8", "replace"))
    return 0


def _exported(arguments: argparse.Namespace, found: _Found) -> tuple[Iterator[dict[str, Any]], Sequence[str]]:
    """The lines that an exported model answers with, and its classes; PyTorch is not needed."""
    from ..streaming.exported import ExportedRecognizer

    if arguments.source != "-" or arguments.option or arguments.video is not None:
        raise ConfigError(
            f"{arguments.folder}: an exported model takes lines of JSON as they are, the source -, without --option "
            "and --video; the run itself takes all"
        )
    recognizer = ExportedRecognizer(arguments.folder, window=arguments.window, hold=arguments.hold)
    _check_seconds(arguments, None)
    return _recognised(arguments, recognizer, recognizer.classes, found), recognizer.classes


def _pictures(arguments: argparse.Namespace, trained: TrainedRun, found: _Found) -> Iterator[dict[str, Any]]:
    from ..data.matching import warn_of_rate
    from ..draw.films import FilmWriter
    from ..streaming.pipeline import annotate, relabelled
    from ..training.setup import print_notes

    saved = trained.saved
    pipeline = _make_pipeline(arguments, trained)
    print_notes(pipeline.notes)
    with ExitStack() as stack:
        film = None
        if arguments.video is not None:
            film = stack.enter_context(FilmWriter(arguments.video, arguments.overwrite))
        frames = islice(_source(arguments.source, pipeline, film is not None), arguments.frames)
        began, trained_at = None, saved.schema.rate
        for seen in stack.enter_context(closing(pipeline.run(frames))):
            frame = seen.frame
            began = frame.time if began is None else began
            if arguments.segments is not None:
                found.moments.tell(frame.number, frame.time)
            if trained_at and frame.number >= TIMED and frame.time > began:  # a camera may have dropped that very frame
                warn_of_rate(arguments.source, frame.number / (frame.time - began), trained_at)
                trained_at = None  # told once
            found.segments += [*seen.ended, *relabelled(seen.people)]
            for one in seen.people:
                said = one.recognition.to_dict(saved.schema.classes)
                yield {"frame": frame.number, "time": round(frame.time, 4), "track": one.track, **said}
            if film is not None:
                film.write(annotate(frame.image, seen.people, saved.schema), frame.time)
        found.segments += pipeline.finish()


def _is_data_set(source: str) -> bool:
    """Whether a source is a file or folder of sequences and no video."""
    from ..data import recognise
    from ..video.decode import SUFFIXES

    path = Path(source)
    if source.isdecimal() or not path.exists() or path.suffix.lower() in SUFFIXES:
        return False
    try:
        recognise(path)
    except DataError:
        return False
    return True


def _recorded(arguments: argparse.Namespace, trained: TrainedRun, found: _Found) -> Iterator[dict[str, Any]]:
    """Recognise the sequences of a data set frame by frame, each as a track of its own."""
    from ..streaming import Recognizer
    from ..training.inputs import read_input
    from ..training.setup import print_notes

    saved = trained.saved
    recognizer = Recognizer(saved, window=arguments.window, hold=arguments.hold)
    dataset = read_input(saved, arguments.source, reader_options(arguments))
    found.moments.rate = dataset.schema.rate
    print_notes(dataset.notes)
    for i, meta in enumerate(dataset.metas):
        track = str(meta.get("name", i))
        for frame in dataset.sequences[i][: arguments.frames]:
            result = recognizer.push(frame, track)
            if result.ended is not None:
                found.segments.append((track, result.ended))
            yield {"frame": result.frame, "track": track, **result.to_dict(saved.schema.classes)}
        last = recognizer.end(track)
        found.segments += [] if last is None else [(track, last)]


def _source(source: str, pipeline: Pipeline, drawn: bool) -> Iterator[Frame]:
    """The frames of a video or camera, as large as they are needed."""
    from ..video.decode import read_camera, read_frames
    from ..video.pose import LARGEST
    from ..video.stages import ahead

    largest = DRAWN if drawn else LARGEST
    if source.isdecimal():
        return read_camera(int(source), largest)
    size = None if pipeline.extractor is None or drawn else pipeline.extractor.size
    return ahead(read_frames(source, size, None if size else largest))


def _lines(arguments: argparse.Namespace, trained: TrainedRun, found: _Found) -> Iterator[dict[str, Any]]:
    """Recognise lines of standard input by a run's model."""
    from ..streaming import Recognizer

    saved = trained.saved
    described = _described(arguments, saved)
    found.moments.rate = reader_options(arguments).get("rate", saved.schema.rate)
    _check_seconds(arguments, found.moments.rate)
    recognizer = Recognizer(saved, window=arguments.window, hold=arguments.hold, **described)
    return _recognised(arguments, recognizer, saved.schema.classes, found)


def _recognised(
    arguments: argparse.Namespace,
    recognizer: Recognizer | ExportedRecognizer,
    classes: Sequence[str],
    found: _Found,
) -> Iterator[dict[str, Any]]:
    """Recognise {"frame": [[...]], "track": "Ann"} line by line of standard input; {"end": "Ann"} ends a track.

    A frame may also be {"NAME": VALUE, ...}; {"frames": {"Ann": [[...]], "Bob": [[...]]}} is of several tracks at once.
    """
    said: dict[str, str | int] = {}  # the open tracks as they were named first: 1 and "1", a name in JSON, are one
    number = frames_seen = 0
    while arguments.frames is None or frames_seen < arguments.frames:
        number += 1
        where = f"standard input, line {number}"
        values = _next_line(where)
        if values is None:
            break
        if "end" in values:
            name = str(values["end"])
            last = recognizer.end(name)
            found.segments += [] if last is None else [(said.pop(name), last)]
            continue
        tracks = list(values["frames"]) if "frames" in values else [values.get("track", 0)]
        frames = list(values["frames"].values()) if "frames" in values else [values["frame"]]
        names = [str(track) for track in tracks]
        try:
            results = recognizer.push_together(frames, names)
        except DataError as error:
            raise DataError(f"{where}: {error}") from error
        frames_seen += 1
        for track, name, result in zip(tracks, names, results, strict=True):
            said.setdefault(name, track)
            if result.ended is not None:
                found.segments.append((said[name], result.ended))
            yield {"frame": result.frame, "track": track, **result.to_dict(classes)}
    for name, track in said.items():
        last = recognizer.end(name)
        found.segments += [] if last is None else [(track, last)]


def _next_line(where: str) -> dict[str, Any] | None:
    """The values of the next line of standard input; None at its end.

    Raises:
        DataError: it is not one of those that :func:`_recognised` takes.
    """
    from ..streaming.values import parsed

    try:
        line = sys.stdin.readline(LINE)
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: is not text in UTF-8") from error
    if not line:
        return None
    if len(line) == LINE and line[-1] != "\n":
        raise DataError(f"{where}: has more than {LINE} characters")
    try:
        values = parsed(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: is not JSON ({error})") from error
    keys = set(values) if isinstance(values, dict) else set()
    kinds = {"frame": list | dict, "frames": dict}
    if keys not in _KEYS or not all(isinstance(values[key], kind) for key, kind in kinds.items() if key in keys):
        got = f"; this one has {', '.join(values)}" if keys and keys not in _KEYS else ""
        raise DataError(
            f'{where}: must be {{"frame": [...]}} with "track" if there are several, '
            f'{{"frames": {{TRACK: [...]}}}}, or {{"end": TRACK}}{got}'
        )
    for key in keys & {"track", "end"}:
        if isinstance(values[key], bool) or not isinstance(values[key], str | int):
            raise DataError(f"{where}: {key} must be a text or a whole number, got {values[key]!r}")
    return dict(values)


def _check_seconds(arguments: argparse.Namespace, rate: float | None) -> None:
    """ConfigError, before the first line rather than after the last, where the segments' file needs unknown seconds."""
    from ..streaming.segment_files import check_seconds

    if arguments.segments is not None:
        check_seconds(Path(arguments.segments).suffix[1:].lower(), rate is not None)


def _described(arguments: argparse.Namespace, saved: SavedModel) -> dict[str, Any]:
    """What the options say of the frames that come in as lines: their layout, or the names of their values."""
    from ..data import Schema, get_layout, known_layout
    from ..data.matching import conversion_notes, warn_of_rate
    from ..training.setup import print_notes

    options = reader_options(arguments)
    for key in options:
        if key not in _OF_LINES:
            raise ConfigError(f"--option {key}: lines of joints take {', '.join(_OF_LINES)}")
    layout, features, rate = (options.get(key) for key in _OF_LINES)
    if features is not None and not (isinstance(features, list) and all(isinstance(name, str) for name in features)):
        raise ConfigError(f"--option features must be names, such as [x,y,z], got {features!r}")
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < math.inf):
        raise ConfigError(f"--option rate must be a number above 0, got {rate!r}")
    for key, known in (("layout", saved.schema.layout), ("features", saved.schema.features)):
        if options.get(key) and not known:
            raise ConfigError(f"--option {key}: the model knows no {key}, so that frames cannot be matched by it")
    if rate and saved.schema.rate:
        warn_of_rate("standard input", rate, saved.schema.rate)
    if layout is not None:
        joints = len(get_layout(layout).joints)
        found = Schema((), (1, joints, saved.schema.shape[-1]), layout=known_layout(layout))
        print_notes(conversion_notes(found, saved.schema, "standard input"))
    return {"layout": layout, "features": features or ()}


def _notes_on_pictures(arguments: argparse.Namespace, trained: TrainedRun) -> list[str]:
    """What is to be noted before the first picture; that there can be none is an error where they are asked for."""
    from ..draw.skeletons import has_skeletons

    try:
        return _make_pipeline(arguments, trained).notes
    except UserError as error:
        if has_skeletons(trained.saved.schema) or arguments.backbone is not None:
            raise
        return [f"the page has no use for pictures, but other programs can send frames to /recognise: {error}"]


def _runs(places: Sequence[str]) -> list[str]:
    """Runs and models as they are given, and in place of a folder of runs, or of folders of runs, those in it."""
    from ..training.run_folder import list_runs

    found: list[str] = []
    for place in places:
        folder = Path(place).expanduser()
        inner = [] if (folder / "config.yaml").is_file() or not folder.is_dir() else [folder, *sorted(folder.iterdir())]
        runs = [str(run.path) for one in inner for run in list_runs(one) if run.model.is_dir()]
        found += runs or [place]
    return list(dict.fromkeys(found))


def _serve(arguments: argparse.Namespace) -> int:
    from ..serve.app import make_app
    from ..serve.models import Model, Models
    from ..serve.server import run
    from ..streaming import Recognizer
    from ..trained import load
    from ..training.setup import print_notes

    if arguments.largest < 1:
        raise ConfigError(f"--largest must be 1 MiB or more, got {arguments.largest}")
    if not 0 <= arguments.port < 2**16:
        raise ConfigError(f"--port must be from 0 to 65535, got {arguments.port}")
    print("the address to open follows in a moment; Ctrl-C ends the server", file=sys.stderr)

    def loaded(name: str) -> Model:
        trained = load(name)
        print_notes(_notes_on_pictures(arguments, trained))
        return Model(
            trained.saved,
            lambda: _make_pipeline(arguments, trained),
            lambda: Recognizer(trained.saved, window=arguments.window, hold=arguments.hold),
        )

    app = make_app(Models(_runs(arguments.folders), loaded), arguments.largest * 2**20)
    run(app, arguments.host, arguments.port, lambda address: print(address, flush=True))
    return 0


STREAM = Command(
    "stream",
    "what people do in a video, at a camera, or in joints as they arrive",
    "attentive stream runs/poses/TIME video.mp4 --video seen.mp4",
    _stream,
    Argument("folder", metavar="RUN", help="a run folder, its model/ folder, or the .onnx file of an exported run"),
    Argument("source", metavar="SOURCE", help="a video, the number of a camera, a data set, or - for lines of JSON"),
    Argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="of a data set, an option of its reader; of lines of JSON: layout=NAME, features=[NAME,...] or "
        "rate=FRAMES_PER_SECOND; may be repeated",
    ),
    Argument("--video", metavar="OUT", help="write the video with skeletons, labels and attention to an .mp4"),
    Argument(
        "--segments",
        metavar="FILE",
        help="write the segments, too: .csv, .json, .vtt (subtitles) or .eaf (ELAN)",
    ),
    overwrite("OUT and FILE"),
    Argument("--frames", type=int, metavar="N", help="stop after N frames"),
    *_RECOGNITION,
    light=lambda arguments: Path(arguments.folder).suffix == ".onnx",
    next=lambda a: [] if Path(a.folder).suffix == ".onnx" else [line("export", a.folder, "model.onnx")],
)
SERVE = Command(
    "serve",
    "a page on this machine: what a webcam or a video shows, live",
    "attentive serve runs/poses/TIME --port 8001",
    _serve,
    Argument(
        "folders",
        metavar="RUN",
        nargs="+",
        help="a run folder, its model/ folder, a model on the hub (USER/REPOSITORY), or a folder of runs; of several, "
        "the page lets choose",
    ),
    Argument("--host", default="127.0.0.1", help="address to listen at (default 127.0.0.1: this machine only)"),
    Argument("--port", type=int, default=8000, help="default 8000"),
    Argument("--largest", type=int, default=200, metavar="MIB", help="of an uploaded video (default 200)"),
    *_RECOGNITION,
)
