"""Server of the page: pictures come in by WebSocket, or a film as an upload; the people recognised in them go out.

This module needs FastAPI and Pillow, the extra "serve": import it late.
"""

from __future__ import annotations

import asyncio
import io
import json
import math
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from ..data import get_layout
from ..errors import DataError, UserError, needed_for
from ..streaming.pipeline import Pipeline, Seen, Sighting, relabelled, timed
from ..streaming.segment_files import KINDS, Span, text_of
from ..training.saved_model import SavedModel
from ..video.decode import Frame, read_frames
from ..video.pose import LARGEST
from ..video.stages import ahead
from .api import ASKED, REFUSALS, Refusal, add_api
from .meters import Meters
from .models import Models
from .receiving import Json, busy, receive

with needed_for("the page needs FastAPI: pip install 'attentive-rnn[serve]'"):
    from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
    from fastapi.responses import Response, StreamingResponse
    from PIL import Image, ImageOps
    from pydantic import TypeAdapter
    from starlette.exceptions import HTTPException

PICTURE = 4 * 2**20  # bytes of one picture of the webcam
SIDE = 2048  # pixels; a picture that says more is not decoded
UPLOADS = 8  # films that are received or wait to be read, at once
LIVE = 16  # pages that send pictures, at once
_SPANS = TypeAdapter(list[Span])
_BOMBS = Image.DecompressionBombError, Image.DecompressionBombWarning


def make_app(models: Models, largest: int) -> FastAPI:
    """The application, for any ASGI server; it lets everybody in.

    Args:
        models: what it recognises by; a visitor names one as ``?run=NAME``.
        largest: bytes of an uploaded film.
    """
    Image.MAX_IMAGE_PIXELS = SIDE * SIDE
    # Its page of /openapi.json would be fetched from elsewhere.
    app = FastAPI(title="attentive serve", docs_url=None, redoc_url=None)
    uploads = watching = 0
    meters = Meters({"live": lambda: watching, "film": lambda: uploads, "recognise": lambda: asking()})
    asking = add_api(app, models, meters)
    one_at_a_time = asyncio.Semaphore(1)  # one film is decoded at a time; a model needs the processor to itself

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:  # no such page, or another method
        return Json({"error": error.detail}, error.status_code, error.headers)

    def add_file(path: str, name: str, kind: str) -> None:
        text = files(__package__).joinpath(name).read_text(encoding="utf-8")
        app.add_route(path, lambda request: Response(text, media_type=kind))

    add_file("/", "page.html", "text/html")
    add_file("/page.js", "page.js", "text/javascript")
    add_file("/page.css", "page.css", "text/css")

    @app.get("/model", responses={404: {"model": Refusal, "description": "There is no run of that name"}})
    async def model(run: str | None = None) -> Response:
        try:
            chosen = await models.get(run)
        except UserError as error:
            return Json({"error": str(error)}, status_code=404)
        named = {"run": run or models.names[0], "runs": models.names}
        return Json(named | describe(chosen.saved, largest))

    @app.post("/segments/{kind}", responses=REFUSALS)
    async def segments(request: Request, kind: str) -> Response:
        """Segments of the page as a file for other programs."""
        if kind not in KINDS:
            return Json({"error": f"segments can be {', '.join(KINDS)}"}, status_code=404)
        place = io.BytesIO()
        refusal = await receive(request, place, ASKED, "request")
        if refusal is not None:
            return refusal
        try:
            spans = _SPANS.validate_json(place.getvalue())
            bad = next((i for i, span in enumerate(spans) if not _in_order(span)), None)
            if bad is not None:
                raise DataError(f"segment {bad} must end after it begins, at frames and seconds from 0 on")
            text = text_of(kind, spans)
        except (UserError, ValueError) as error:
            why = str(error) if isinstance(error, UserError) else "send segments with their frames and seconds as JSON"
            return Json({"error": why}, status_code=400)
        return Response(text.encode("utf-8", "replace"), media_type="application/octet-stream")

    @app.post("/film", responses=REFUSALS)
    async def film(request: Request, run: str | None = None) -> Any:
        nonlocal uploads
        if uploads >= UPLOADS:
            return busy("too many films are being read; try again in a minute", 60)
        uploads += 1
        place = tempfile.NamedTemporaryFile(suffix=".film")  # noqa: SIM115  # closed by `leave`

        def leave() -> None:
            nonlocal uploads
            uploads -= 1
            place.close()

        try:
            refusal = await receive(request, place, largest, "video")
        except BaseException:
            leave()
            raise
        if refusal is not None:
            leave()
            return refusal

        async def lines() -> AsyncIterator[str]:
            async with one_at_a_time:
                try:
                    chosen = await models.get(run)
                    found = recognise_film(Path(place.name), await asyncio.to_thread(chosen.pipeline))
                except UserError as error:  # there is no such model, or it takes no pictures
                    found = iter([{"error": str(error)}])
                while (line := await asyncio.to_thread(next, found, None)) is not None:
                    _count(meters, "film", line)
                    yield json.dumps(line) + "\n"

        return _Answer(lines(), leave)

    @app.websocket("/live")
    async def live(socket: WebSocket, run: str | None = None) -> None:
        nonlocal watching
        await socket.accept()
        if watching >= LIVE:
            await socket.close(1013, "too many pages at once")
            return
        watching += 1
        coming, own, number, began = None, None, 0, 0.0
        try:
            own = await asyncio.to_thread((await models.get(run)).pipeline)
            coming = asyncio.create_task(_next_picture(socket, own))
            while (picture := await coming) is not None:
                coming = asyncio.create_task(_next_picture(socket, own))
                if isinstance(picture, UserError):
                    said = {"error": str(picture)}
                else:
                    image, came, decoded_in = picture
                    began = began or came
                    said = await asyncio.to_thread(look, own, Frame(image, came - began, number), decoded_in)
                    number += 1
                _count(meters, "live", said)
                await socket.send_text(json.dumps(said))
        except UserError as error:  # there is no such model, or it takes no pictures
            await socket.send_text(json.dumps({"error": str(error)}))
            await socket.close()
        except WebSocketDisconnect:
            pass
        finally:
            watching -= 1
            if coming is not None:
                coming.cancel()
        if own is not None:
            own.finish()  # not while a thread still looks at a picture, as when the server ends

    return app


def _in_order(span: Span) -> bool:
    begin, end = (0.0 if time is None else time for time in (span.start_seconds, span.end_seconds))
    sure = 0.0 if span.probability is None else span.probability
    return 0 <= span.start < span.end and 0 <= begin <= end < math.inf and 0 <= sure <= 1


async def _next_picture(socket: WebSocket, pipeline: Pipeline) -> tuple[np.ndarray, float, float] | UserError | None:
    """The next picture of a webcam, decoded while the one before it is recognised; None once nobody sends any more.

    With it the second of the machine's clock at which it came, and the seconds that decoding took.
    """
    size = None if pipeline.extractor is None else pipeline.extractor.size
    try:
        data, came = await socket.receive_bytes(), time.monotonic()
        image, decoded_in = await asyncio.to_thread(timed, _picture, data, size)
        return image, came, decoded_in
    except UserError as error:
        return error
    except KeyError:
        return DataError("send pictures as bytes")
    except WebSocketDisconnect:
        return None


class _Answer(StreamingResponse):
    """Lines of JSON, and what is to be done once they are sent or nobody listens any more."""

    def __init__(self, lines: AsyncIterator[str], leave: Callable[[], None]) -> None:
        super().__init__(lines, media_type="application/x-ndjson")
        self.leave = leave

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.leave()


def _count(meters: Meters, way: str, said: dict[str, Any]) -> None:
    """Count what is said of a picture, or that it is an error."""
    if "error" in said:
        meters.refused(way)
    elif "milliseconds" in said:
        meters.took(way, sum(said["milliseconds"].values()) / 1000)


def describe(saved: SavedModel, largest: int) -> dict[str, Any]:
    """The classes of a model, and what its frames are, for the page and for other programs."""
    layout = saved.schema.layout
    return {
        "classes": list(saved.schema.classes),
        "shape": list(saved.schema.shape),
        "layout": layout if isinstance(layout, str) else None,
        "features": list(saved.schema.features),
        "bones": [list(bone) for bone in get_layout(layout).bones] if layout is not None else [],
        "largest": largest,
    }


def look(pipeline: Pipeline, frame: Frame, decoded_in: float) -> dict[str, Any]:
    """The people in the next picture, as plain values, and what took how long."""
    return _said(pipeline, pipeline.see(frame), decoded_in)


def recognise_film(path: Path, pipeline: Pipeline) -> Iterator[dict[str, Any]]:
    """The people in each picture of a film; its segments at the end; or, once, the reason why it cannot be read."""
    size = None if pipeline.extractor is None else pipeline.extractor.size
    segments = []
    decoded_in: deque[float] = deque()  # seconds for each frame that is decoded and not yet recognised
    frames = _timing(read_frames(path, size, None if size else LARGEST), decoded_in)
    try:
        with closing(pipeline.run(ahead(frames))) as seen:
            for one in seen:
                segments += [*one.ended, *relabelled(one.people)]
                yield _said(pipeline, one, decoded_in.popleft())
        segments += pipeline.finish()
        classes = pipeline.schema.classes
        yield {
            "segments": [
                {"track": track, "label": classes[s.label], "start": s.start, "end": s.end} for track, s in segments
            ]
        }
    except UserError as error:
        yield {"error": str(error).replace(str(path), "the video")}
    finally:
        pipeline.finish()


def _timing(frames: Iterator[Frame], decoded_in: deque[float]) -> Iterator[Frame]:
    """The same frames; the seconds that each took to come are added to a queue before it."""
    while True:
        frame, seconds = timed(next, frames, None)
        if frame is None:
            return
        decoded_in.append(seconds)
        yield frame


def _said(pipeline: Pipeline, seen: Seen, decoded_in: float) -> dict[str, Any]:
    found = "features" if pipeline.pose is None else "pose"
    seconds = {"decode": decoded_in, found: seen.found_in, "recognition": seen.recognised_in}
    return {
        "frame": seen.frame.number,
        "time": round(seen.frame.time, 4),
        "milliseconds": {stage: round(1000 * took, 2) for stage, took in seconds.items()},
        "people": [_one(person) for person in seen.people],
    }


def _one(one: Sighting) -> dict[str, Any]:
    said: dict[str, Any] = {
        "track": one.track,
        "label": one.recognition.label,
        "since": one.recognition.start,
        "probabilities": np.round(one.recognition.probabilities, 4).tolist(),
    }
    if one.person is not None:
        weights = np.ones(len(one.person.joints)) if one.weights is None else one.weights
        columns = [one.person.joints[:, :2], one.person.confidence[:, None], weights[:, None]]
        said["joints"] = np.round(np.concatenate(columns, 1).astype(float), 4).tolist()  # x, y, confidence, weight
    return said


def _picture(data: bytes, size: tuple[int, int] | None) -> np.ndarray:
    """The pixels (H, W, 3) of a picture of the webcam, scaled to a size or down to what a network of poses takes."""
    if len(data) > PICTURE:
        raise DataError(f"a picture must have at most {PICTURE >> 20} MiB")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            if max(image.size) <= SIDE:
                image.draft("RGB", (LARGEST, LARGEST))  # a JPEG is decoded smaller at once, but no smaller than this
                upright = ImageOps.exif_transpose(image)
                if upright.mode.startswith("I"):  # grey of 16 bits, which Pillow would cut off at 255
                    upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
                if size is not None:
                    return np.asarray(upright.convert("RGB").resize((size[1], size[0]), Image.Resampling.BOX))
                upright.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
                return np.asarray(upright.convert("RGB"))
    except (OSError, ValueError, SyntaxError, *_BOMBS) as error:
        raise DataError("this is no picture that can be read (JPEG, PNG or WebP)") from error
    raise DataError(f"a picture must have at most {SIDE} pixels a side")
