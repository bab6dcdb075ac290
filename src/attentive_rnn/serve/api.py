"""HTTP interface for other programs: joints or other frames come as JSON, labels go out; health and meters.

This module needs FastAPI and prometheus-client, the extra "serve": import it late.
"""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from ..errors import DataError, UserError, needed_for
from ..streaming.recogniser import Recognizer
from ..streaming.segments import Segment
from ..streaming.values import parsed
from ..training.saved_model import SavedModel
from .meters import KIND, Meters
from .models import Models
from .receiving import Json, busy, receive

with needed_for("the page needs FastAPI: pip install 'attentive-rnn[serve]'"):
    from fastapi import FastAPI, Request
    from fastapi.responses import Response
    from pydantic import BaseModel, Field, ValidationError

ASKED = 8 * 2**20  # bytes of one request
ASKING = 16  # requests that are received or wait for their answer, at once


class Asked(BaseModel, extra="forbid"):
    """Tracks whose frames are to be recognised."""

    tracks: dict[str, list[Any]] = Field(
        description="For each track its frames in order, each a list of numbers in the shape that /model gives, or the "
        "values by the names of joints or features. Zeros: nobody, or a joint that is not seen.",
        examples=[{"Ann": [[[[0.1, 0.2, 0.3]]]]}],
    )


class Spans(BaseModel):
    """A span of frames of a track with one label."""

    label: str
    start: int = Field(description="the first frame, from 0")
    end: int = Field(description="the frame after the last one")
    probability: float = Field(description="the mean over its frames of the label's probability")


class Answer(BaseModel):
    """A track after its last frame."""

    label: str
    since: int = Field(description="the frame at which the label began")
    probabilities: dict[str, float]
    segments: list[Spans]


class Refusal(BaseModel):
    """Why there is no other answer."""

    error: str


class Answers(BaseModel):
    """The answer to a request: that to each track."""

    tracks: dict[str, Answer]


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "It cannot be read, or the model cannot answer it"},
    408: {"model": Refusal, "description": "Nothing came for a while"},
    413: {"model": Refusal, "description": "It is too large"},
    415: {"model": Refusal, "description": "It is packed"},
    503: {"model": Refusal, "description": "Too many ask at once"},
}


def add_api(app: FastAPI, models: Models, meters: Meters) -> Callable[[], int]:
    """Add POST /recognise, GET /health and GET /metrics to an application.

    Args:
        app: whose OpenAPI description they enter.
        models: what it recognises by; the tracks of a request begin and end with it.
        meters: of the application.

    Returns:
        tells how many requests are received or wait for their answer.
    """
    asking = 0
    in_turn = asyncio.Semaphore(1)  # a model needs the processor to itself
    body = {"required": True, "content": {"application/json": {"schema": Asked.model_json_schema()}}}

    @app.post("/recognise", response_model=Answers, responses=REFUSALS, openapi_extra={"requestBody": body})
    async def recognise(request: Request, run: str | None = None) -> Response:
        """Recognise the frames of one or many tracks, each from its beginning, by the run of that name."""
        nonlocal asking
        if asking >= ASKING:
            return busy("too many requests at once; try again in a second", 1)
        asking += 1
        try:
            place = io.BytesIO()
            refusal = await receive(request, place, ASKED, "request")
            if refusal is not None:
                return refusal
            model = await models.get(run)
            async with in_turn, _heard(request) as gone:
                asked = place.getvalue()
                return Json(await asyncio.to_thread(answer, model.saved, model.recognizer(), asked, meters, gone))
        except UserError as error:
            meters.refused("recognise")
            return Json({"error": str(error)}, status_code=400)
        finally:
            asking -= 1

    @app.get("/health")
    async def health() -> Response:
        """That the server runs, its version, its runs and the classes of the first of them."""
        classes = list(models.first.saved.schema.classes)
        return Json({"status": "ok", "version": version("attentive-rnn"), "runs": models.names, "classes": classes})

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Meters of the server, in the text format of Prometheus."""
        return Response(meters.text(), media_type=KIND)

    return lambda: asking


@asynccontextmanager
async def _heard(request: Request) -> AsyncIterator[threading.Event]:
    """An event that is set once nobody waits for the answer to a request any more: its sender, or the server, ends."""
    gone = threading.Event()

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone.set()

    watching = asyncio.create_task(watch())
    try:
        yield gone
    finally:
        gone.set()
        watching.cancel()


def answer(
    saved: SavedModel, recognizer: Recognizer, asked: bytes, meters: Meters, gone: threading.Event
) -> dict[str, Any]:
    """The answer to the body of a request; once `gone` is set, nobody wants it any more.

    Raises:
        DataError: it is not what is asked for; the message names the track and the frame.
    """
    try:
        tracks = Asked.model_validate(parsed(asked)).tracks
    except (ValueError, RecursionError) as error:
        detail = _first(error) if isinstance(error, ValidationError) else str(error)
        raise DataError(f'send {{"tracks": {{TRACK: [FRAME, ...]}}}} as JSON ({detail})') from error
    empty = next((track for track, frames in tracks.items() if not frames), None)
    if empty is not None:
        raise DataError(f"track {empty!r} has no frame")
    before = time.perf_counter()
    answers = recognised(recognizer, tracks, saved.schema.classes, gone)
    if tracks:
        meters.took("recognise", time.perf_counter() - before, sum(map(len, tracks.values())))
    return {"tracks": answers}


def _first(error: ValidationError) -> str:
    """The first of the faults, with its place."""
    fault = error.errors()[0]
    place = ": ".join(repr(str(one)) for one in fault["loc"])
    return f"{place}: {fault['msg']}" if place else str(fault["msg"])


def recognised(
    recognizer: Recognizer, tracks: Mapping[str, list[Any]], classes: tuple[str, ...], gone: threading.Event
) -> dict[str, dict[str, Any]]:
    """The state of each track after its last frame, and its segments: a step of all tracks for each frame."""
    segments: dict[str, list[Segment]] = {track: [] for track in tracks}
    states: dict[str, dict[str, Any]] = {}
    for t in range(max(map(len, tracks.values()), default=0)):
        if gone.is_set():
            raise DataError("given up, for nobody waits for the answer")
        here = [track for track, frames in tracks.items() if t < len(frames)]
        try:
            results = recognizer.push_together([tracks[track][t] for track in here], here)
        except DataError as error:
            whose = f"track {here[0]!r}: " if len(here) == 1 else ""
            raise DataError(f"frame {t}: {whose}{error}") from error
        for track, result in zip(here, results, strict=True):
            if result.ended is not None:
                segments[track].append(result.ended)
            if t + 1 == len(tracks[track]):
                states[track] = result._replace(ended=None).to_dict(classes)
                last = recognizer.end(track)
                segments[track] += [] if last is None else [last]
    return {track: states[track] | {"segments": [_span(s, classes) for s in segments[track]]} for track in tracks}


def _span(segment: Segment, classes: tuple[str, ...]) -> dict[str, Any]:
    probability = round(segment.probability, 5)
    return {"label": classes[segment.label], "start": segment.start, "end": segment.end, "probability": probability}
