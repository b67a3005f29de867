"""Two readings of a body: where the quick one answers at all, the careful one answers alike."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.access.caller import UNKNOWN, Caller
from feed.errors import BodyUnreadable, InputInvalid, NotYours
from feed.ingest.batch import KINDS, OLDEST_SECOND, Batch
from feed.ingest.careful import read_carefully
from feed.ingest.plain import read_plain
from feed.schemas.events import LONGEST_BATCH, LONGEST_DWELL

NOW = 1_800_000_000
SERVICE = Caller("bench", frozenset(("events",)), "service", UNKNOWN, "a")
READER = Caller("r1", frozenset(("reader",)), "reader", UNKNOWN, "a")
BOTH = Caller("r1", frozenset(("reader", "events")), "reader", UNKNOWN, "a")
NOBODY = Caller("x", frozenset(("feed",)), "feed", UNKNOWN, "a")

RIGHT = {"client_id": "c1", "item": "item-1", "kind": "click", "reader": "r1"}

ids = st.sampled_from(["a", "item-1", "x.y", ".a", "...", "é", "漢字 ok", "😀", "r1", "a" * 128])
wrong = st.sampled_from(
    ["", " ", ".", "..", "a/b", "a\nb", "a\n", "\n", "a ", " a", "a%", "a\x00", "\u200b", "a" * 129, None, 5, 1.5, True]
) | st.lists(st.integers(), max_size=1)
seconds = st.sampled_from(
    [NOW, NOW + 300, NOW + 301, OLDEST_SECOND, OLDEST_SECOND - 1, 0, -1, 1 << 40, (1 << 40) + 1, 1 << 70, None, 1.0]
)
dwells = st.sampled_from([0, 1, LONGEST_DWELL, LONGEST_DWELL + 1, -1, None, True, 0.5, "1"])


def mostly(right: st.SearchStrategy[Any], other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 11).flatmap(lambda number: other if number == 0 else right)


events = st.fixed_dictionaries(
    {"client_id": mostly(ids, wrong), "item": mostly(ids, wrong), "kind": mostly(st.sampled_from([*KINDS]), wrong)},
    optional={
        "reader": mostly(st.sampled_from(["r1", "r1", "r2", ""]), wrong),
        "occurred_at": mostly(st.sampled_from([NOW, NOW - 60, None]), seconds),
        "dwell_ms": mostly(st.integers(0, 5000), dwells),
        "request_id": mostly(ids | st.just(""), wrong),
    },
)
odd: st.SearchStrategy[Any] = st.sampled_from(
    [{}, [], 1, None, "x", {**RIGHT, "mood": "fine"}, {"item": "a", "kind": "click"}]
)
batches = st.lists(mostly(events, odd), min_size=1, max_size=6)


def read(body: bytes, caller: Caller) -> Batch | None:
    """What both make of a body, if the plain reading makes anything of it."""
    plain = read_plain(body, caller, NOW)
    if plain is not None:
        assert plain == read_carefully(body, caller, NOW)
    else:
        with contextlib.suppress(BodyUnreadable, InputInvalid, NotYours):
            read_carefully(body, caller, NOW)
    return plain


@settings(max_examples=250)
@given(batches, st.sampled_from([SERVICE, READER, BOTH, NOBODY]))
def test_what_is_read_plainly_is_read_carefully_alike(batch, caller):
    read(_body(*batch), caller)


@settings(max_examples=60)
@given(st.lists(events.filter(lambda event: read_plain(_body(event), BOTH, NOW) is not None), min_size=1, max_size=6))
def test_events_that_are_read_plainly_alone_are_read_plainly_together(batch):
    together = read(_body(*batch), BOTH)
    assert together is not None
    assert together.client_ids == [event["client_id"] for event in batch]
    assert together.rejected == {}


def _body(*batch: object) -> bytes:
    return json.dumps({"events": batch}).encode()


@pytest.mark.parametrize(
    "more",
    [{}, {"occurred_at": NOW}, {"occurred_at": None}, {"dwell_ms": 7}, {"request_id": "p"}, {"reader": "漢字"}],
)
def test_right_events_are_read_plainly(more):
    batch = read(_body(*[RIGHT | more] * LONGEST_BATCH), SERVICE)
    assert batch is not None
    assert len(batch.readers) == len(batch.seconds) == LONGEST_BATCH
    assert batch.seconds[0] == NOW


def test_a_reader_reports_its_own_events_plainly():
    batch = read(_body(RIGHT, {**RIGHT, "reader": ""}, {"client_id": "c2", "item": "i", "kind": "hide"}), READER)
    assert batch is not None
    assert batch.readers == ["r1", "r1", "r1"]


@pytest.mark.parametrize("caller", [READER, NOBODY])
def test_the_events_of_another_reader_are_left_to_the_careful(caller):
    body = _body(RIGHT, {**RIGHT, "reader": "r2"})
    assert read_plain(body, caller, NOW) is None
    with pytest.raises(NotYours):
        read_carefully(body, caller, NOW)


EVENT = b'{"client_id":"c","item":"i","kind":"click","reader":"r1"%b}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"events":[]}',
        b'{"events":[%b],"more":1}' % (EVENT % b""),
        b'{"events":[%b]}x' % (EVENT % b""),
        b'\xef\xbb\xbf{"events":[%b]}' % (EVENT % b""),
        b'{"events":[%b]}' % (EVENT % b',"request_id":"\xff"'),
        b'{"events":[%b]}' % (EVENT % rb',"request_id":"\ud800"'),
        b'{"events":[%b]}' % (EVENT % b',"occurred_at":01'),
        b'{"events":[%b]}' % (EVENT % b',"occurred_at":NaN'),
        b'{"events":[%b]}' % (EVENT % b',"occurred_at":18e8'),
        b'{"events":[%b]}' % (EVENT % (b',"occurred_at":' + b"1" * 5000)),
        b'{"events":[%b]}' % (EVENT % (b',"reader":' + b"[" * 900 + b"]" * 900)),
        b'{"events":[%b]}' % b",".join([EVENT % b""] * (LONGEST_BATCH + 1)),
    ],
)
def test_what_is_not_plainly_right_is_left_to_the_careful(body):
    assert read(body, SERVICE) is None


@pytest.mark.parametrize(
    "more",
    [
        b',"item":5,"item":"j"',
        b',"item":"j"',
        b',"occurred_at":-0,"occurred_at":1800000000',
        b',"reader":%b,"reader":"r2"' % (b"[" * 300 + b"]" * 300),
        rb',"request_id":"\ud83d\ude00"',
    ],
)
def test_of_a_field_that_is_told_twice_both_take_the_last(more):
    assert read(b'{"events":[%b]}' % (EVENT % more), SERVICE) is not None


def test_a_line_end_within_an_id_does_not_make_two_of_it():
    """Ids are looked at in one text, one a line."""
    for field in ("client_id", "item", "reader", "request_id"):
        assert read(_body(RIGHT, {**RIGHT, field: "a\nb"}), SERVICE) is None


def test_rejected_events_keep_their_place():
    batch = read_carefully(_body(RIGHT, 5, {**RIGHT, "kind": "wink"}, {**RIGHT, "item": "j"}), SERVICE, NOW)
    assert batch.items == ["item-1", "j"]
    assert sorted(batch.rejected) == [1, 2]
    assert batch.rejected[2].client_id == "c1"


@pytest.mark.parametrize("told", [b"5", b"[" * 1000 + b"]" * 1000, b'{"a":' * 1000 + b"1" + b"}" * 1000])
def test_a_client_id_that_is_no_text_costs_nobody_else_an_event(told):
    odd = b'{"client_id":%b,"item":"i","kind":"click","reader":"r1"}' % told
    batch = read_carefully(b'{"events":[%b,%b]}' % (odd, EVENT % b""), SERVICE, NOW)
    assert batch.client_ids == ["c"]
    assert batch.rejected[0].client_id == ""
    assert batch.rejected[0].reason.startswith("client_id: ")
