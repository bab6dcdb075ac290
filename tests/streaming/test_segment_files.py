"""Files of segments as other programs read them."""

from __future__ import annotations

import csv
import io
import json
from xml.etree import ElementTree

import pytest

from attentive_rnn.errors import ConfigError
from attentive_rnn.streaming import Segment
from attentive_rnn.streaming.segment_files import KINDS, Moments, Span, spans, text_of

FOUND = [Span(0, 'a "b", <c> & d', 0, 9, 3661.5, 3662.0), Span("Ann\x00\n", "w\x07ave", 9, 12, 3662.0, 3663.25)]


def test_segments_become_spans_in_the_order_of_their_begin_with_the_seconds_of_their_frames():
    moments = Moments()
    for frame in (0, 1, 2, 4):
        moments.tell(frame, frame / 4)
    found = spans([("Bob", Segment(1, 2, 5, 0.5)), ("Ann", Segment(0, 0, 2, 0.25))], ("sit", "wave"), moments)
    assert found == [Span("Ann", "sit", 0, 2, 0.0, 0.5, 0.25), Span("Bob", "wave", 2, 5, 0.5, 1.25, 0.5)]


def test_tables_and_json_hold_every_span_and_no_column_that_is_not_known():
    rows = json.loads(text_of("json", FOUND))
    assert rows[1] == {
        "track": "Ann\x00\n",
        "label": "w\x07ave",
        "start": 9,
        "end": 12,
        "start_seconds": 3662.0,
        "end_seconds": 3663.25,
    }
    read = list(csv.DictReader(io.StringIO(text_of("csv", FOUND[:1]), newline="")))
    assert read == [{key: str(value) for key, value in rows[0].items()}]
    without_times = [Span(0, "sit", 0, 4)]
    assert text_of("csv", without_times) == "track,label,start,end\r\n0,sit,0,4\r\n"


def test_subtitles_name_the_person_and_hold_labels_as_text_alone():
    assert text_of("vtt", FOUND) == (
        'WEBVTT\n\n01:01:01.500 --> 01:01:02.000\n<v person 0>a "b", &lt;c&gt; &amp; d\n\n'
        "01:01:02.000 --> 01:01:03.250\n<v Ann>w ave\n"
    )


def test_elan_gets_a_tier_for_each_person_whose_annotations_lie_between_slots_of_time():
    document = ElementTree.fromstring(text_of("eaf", [*FOUND, Span(0, "sit", 12, 13, 3663.25, 3663.5)]))
    assert document.tag == "ANNOTATION_DOCUMENT"
    assert document.find("HEADER").get("TIME_UNITS") == "milliseconds"
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE")) for slot in document.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    assert len(slots) == 6
    assert [part.tag for part in document] == ["HEADER", "TIME_ORDER", "TIER", "TIER", "LINGUISTIC_TYPE"]
    kind = document.find("LINGUISTIC_TYPE").get("LINGUISTIC_TYPE_ID")
    tiers = {}
    for tier in document.iter("TIER"):
        assert tier.get("LINGUISTIC_TYPE_REF") == kind
        tiers[tier.get("TIER_ID")] = [
            (slots[one.get("TIME_SLOT_REF1")], slots[one.get("TIME_SLOT_REF2")], one.findtext("ANNOTATION_VALUE"))
            for one in tier.iter("ALIGNABLE_ANNOTATION")
        ]
    assert tiers == {
        "person 0": [(3661500, 3662000, 'a "b", <c> & d'), (3663250, 3663500, "sit")],
        "Ann": [(3662000, 3663250, "w ave")],
    }
    names = [one.get("ANNOTATION_ID") for one in document.iter("ALIGNABLE_ANNOTATION")]
    assert len(set(names)) == 3


@pytest.mark.parametrize("kind", ["vtt", "eaf"])
def test_what_needs_seconds_is_refused_without_them(kind):
    with pytest.raises(ConfigError, match="--option rate"):
        text_of(kind, [Span(0, "sit", 0, 4)])


@pytest.mark.parametrize("kind", KINDS)
def test_no_segments_are_a_file_too(kind):
    assert text_of(kind, [])
