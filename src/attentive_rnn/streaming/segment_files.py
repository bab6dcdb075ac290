"""Files of segments: a table (CSV), JSON, subtitles (WebVTT) and annotations for ELAN (.eaf), as text."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree

from ..errors import ConfigError
from .segments import Segment

_NO_TEXT = re.compile(r"[\x00-\x1f\x7f\s\ud800-\udfff\ufffe\uffff]+")  # what XML and subtitles cannot hold, as a space
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"


@dataclass(frozen=True)
class Span:
    """A segment of a track in words, with its seconds.

    Args:
        track: a number or a name.
        label: the class.
        start, end: the first frame, from 0, and the frame after the last one.
        start_seconds, end_seconds: when they begin; None where no times are known.
        probability: the mean over its frames of the label's probability, where it is known.
    """

    track: int | str
    label: str
    start: int
    end: int
    start_seconds: float | None = None
    end_seconds: float | None = None
    probability: float | None = None

    @property
    def who(self) -> str:
        """The person in words."""
        return _NO_TEXT.sub(" ", f"person {self.track}" if isinstance(self.track, int) else self.track).strip()


class Moments:
    """The seconds at which frames begin, told frame by frame, or by a rate.

    Args:
        rate: frames a second of a source that tells no times; None: not known.

    Example:
        >>> moments = Moments()
        >>> for frame, time in ((0, 0.0), (1, 0.04), (3, 0.12)):
        ...     moments.tell(frame, time)
        >>> moments.of(1), moments.of(4), Moments(rate=25).of(50), Moments().of(3)
        (0.04, 0.16, 2.0, None)
    """

    def __init__(self, rate: float | None = None) -> None:
        self.rate = rate
        self._told: dict[int, float] = {}
        self._last = 0

    def tell(self, frame: int, time: float) -> None:
        """Keep the time of a frame; they rise."""
        self._told[frame] = time
        self._last = frame

    def of(self, frame: int) -> float | None:
        """The time of a frame that was told, or of another one at the mean step; None without any."""
        if frame in self._told:
            return self._told[frame]
        if not self._told:
            return None if self.rate is None else frame / self.rate
        first = next(iter(self._told))
        step = (self._told[self._last] - self._told[first]) / max(1, self._last - first)
        return self._told[self._last] + (frame - self._last) * step


def spans(
    segments: Iterable[tuple[int | str, Segment]], classes: Sequence[str], moments: Moments | None = None
) -> list[Span]:
    """Segments with their tracks as spans, in the order in which they begin."""
    moments = Moments() if moments is None else moments
    found = [
        Span(track, classes[s.label], s.start, s.end, moments.of(s.start), moments.of(s.end), s.probability)
        for track, s in segments
    ]
    return sorted(found, key=lambda span: span.start)


def text_of(kind: str, found: Sequence[Span]) -> str:
    """The text of a file of spans.

    Args:
        kind: one of KINDS, the ending of the file without its dot.
        found: in the order of their lines.

    Raises:
        ConfigError: subtitles and annotations need seconds, and they are not known.

    Example:
        >>> print(text_of("vtt", [Span(0, "wave", 0, 9, 0.0, 0.3)]))
        WEBVTT
        <BLANKLINE>
        00:00:00.000 --> 00:00:00.300
        <v person 0>wave
        <BLANKLINE>
    """
    check_seconds(kind, all(span.start_seconds is not None and span.end_seconds is not None for span in found))
    return KINDS[kind](found)


def check_seconds(kind: str, known: bool) -> None:
    """ConfigError where files of a kind need the seconds of the frames, and these are not known."""
    if kind in ("vtt", "eaf") and not known:
        raise ConfigError(
            f".{kind} needs seconds, and the frames have no times: say --option rate=FRAMES_PER_SECOND, or "
            "write .csv or .json"
        )


def _rows(found: Sequence[Span]) -> list[dict[str, object]]:
    """The spans as rows without the columns that none of them has."""
    rows = [asdict(span) for span in found]
    for row in rows:
        for key in ("start_seconds", "end_seconds", "probability"):
            row[key] = None if row[key] is None else round(row[key], 3)
    empty = [key for key in (rows[0] if rows else ()) if all(row[key] is None for row in rows)]
    return [{key: value for key, value in row.items() if key not in empty} for row in rows]


def _csv(found: Sequence[Span]) -> str:
    out, rows = io.StringIO(), _rows(found)
    writer = csv.DictWriter(out, rows[0] if rows else ["track", "label", "start", "end"])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _json(found: Sequence[Span]) -> str:
    return json.dumps(_rows(found), indent=1) + "\n"


def _vtt(found: Sequence[Span]) -> str:
    def escaped(text: str) -> str:
        return _NO_TEXT.sub(" ", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    cues = (
        f"{_clock(span.start_seconds)} --> {_clock(span.end_seconds)}\n<v {escaped(span.who)}>{escaped(span.label)}"
        for span in found
    )
    return "\n\n".join(["WEBVTT", *cues]) + "\n"


def _clock(seconds: float | None) -> str:
    minutes, thousandths = divmod(round(1000 * (seconds or 0.0)), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{thousandths // 1000:02}.{thousandths % 1000:03}"


def _eaf(found: Sequence[Span]) -> str:
    """A document of ELAN's format 3.0: a tier for each person, on which an annotation is a span.

    The moments stand in order, whichever tier they are of.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    document = ElementTree.Element("ANNOTATION_DOCUMENT", AUTHOR="", DATE=now, FORMAT="3.0", VERSION="3.0")
    document.set("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
    document.set("xsi:noNamespaceSchemaLocation", _SCHEMA)
    ElementTree.SubElement(document, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    order = ElementTree.SubElement(document, "TIME_ORDER")
    moments = [
        (round(1000 * (seconds or 0.0)), i, end)
        for i, span in enumerate(found)
        for end, seconds in enumerate((span.start_seconds, span.end_seconds))
    ]
    slots = {}
    for number, (value, i, end) in enumerate(sorted(moments), 1):
        slots[i, end] = f"ts{number}"
        ElementTree.SubElement(order, "TIME_SLOT", TIME_SLOT_ID=slots[i, end], TIME_VALUE=str(value))
    tiers: dict[str, ElementTree.Element] = {}
    for i, span in enumerate(found):
        if span.who not in tiers:
            tiers[span.who] = ElementTree.SubElement(
                document, "TIER", TIER_ID=span.who, LINGUISTIC_TYPE_REF="default-lt"
            )
        one = ElementTree.SubElement(
            ElementTree.SubElement(tiers[span.who], "ANNOTATION"),
            "ALIGNABLE_ANNOTATION",
            ANNOTATION_ID=f"a{i + 1}",
            TIME_SLOT_REF1=slots[i, 0],
            TIME_SLOT_REF2=slots[i, 1],
        )
        ElementTree.SubElement(one, "ANNOTATION_VALUE").text = _NO_TEXT.sub(" ", span.label)
    ElementTree.SubElement(
        document, "LINGUISTIC_TYPE", LINGUISTIC_TYPE_ID="default-lt", TIME_ALIGNABLE="true", GRAPHIC_REFERENCES="false"
    )
    ElementTree.indent(document)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(document, encoding="unicode") + "\n"


KINDS: dict[str, Callable[[Sequence[Span]], str]] = {"csv": _csv, "json": _json, "vtt": _vtt, "eaf": _eaf}
