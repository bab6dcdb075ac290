"""Receiving of what a visitor sends, up to a size and while it keeps coming."""

from __future__ import annotations

import asyncio
import json
from typing import IO, Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

PAUSE = 20.0  # seconds without a byte after which an upload is given up


class Json(JSONResponse):
    """An answer in JSON of ASCII characters alone: half a character, as in a name from elsewhere, is an escape."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def busy(text: str, seconds: int) -> Response:
    """The answer to one visitor too many, who may try again after so many seconds."""
    return Json({"error": text}, status_code=503, headers={"Retry-After": str(seconds)})


async def receive(request: Request, place: IO[bytes], largest: int, what: str) -> Response | None:
    """Write what a request sends to a file; the answer to one that is too large, packed, silent or left, else None.

    Args:
        request: its body is still to come.
        place: a file, which the caller closes.
        largest: bytes.
        what: is sent, in words.
    """
    refusal = Json({"error": f"the {what} is too large: at most {largest / 2**20:.0f} MiB"}, status_code=413)
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > largest:
        return refusal
    packed = request.headers.get("content-encoding", "identity")
    if packed != "identity":
        return Json({"error": f"the {what} is packed ({packed}); send it as it is"}, status_code=415)
    size, parts = 0, request.stream()
    try:
        while part := await asyncio.wait_for(anext(parts, b""), PAUSE):
            size += len(part)
            if size > largest:
                return refusal
            place.write(part)
        place.flush()
        return None
    except TimeoutError:
        return Json({"error": f"nothing came for {PAUSE:.0f} seconds"}, status_code=408)
    except ClientDisconnect:
        return Response(status_code=499)  # nobody reads it
    except OSError as error:
        return Json({"error": f"the {what} cannot be kept while it is read: {error.strerror}"}, status_code=507)
