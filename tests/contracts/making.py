"""Records for contract tests: what is not named has a plain default."""

from __future__ import annotations

from typing import Any

from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from feed.storage.records import EventRecord, ServingRecord
from ranking.reader import EventKind


def event(reader="ada", client_id="e1", item="i1", kind=EventKind.CLICK, at=100, **more) -> EventRecord:
    fields: dict[str, Any] = {"received_at": at + 1, "dwell_ms": 0, "request_id": "", "consented": 1} | more
    return EventRecord(reader=reader, client_id=client_id, item=item, kind=int(kind), occurred_at=at, **fields)


def serving(request_id="q1", reader="ada", served_at=100, **more) -> ServingRecord:
    fields: dict[str, Any] = {
        "revision": 3,
        "edition": 2,
        "as_of": 99,
        "model": "m1",
        "inputs": b"in",
        "items": b"out",
    } | more
    return ServingRecord(request_id=request_id, reader=reader, served_at=served_at, **fields)


def decision(id="d1", type=DecisionType.SUPPRESS, **more) -> Decision:
    fields: dict[str, Any] = {
        "subject": Subject(SubjectKind.ITEM, "i1"),
        "actor": "eve",
        "role": "editor",
        "reason": "three readers reported it",
        "basis": Basis("terms", "4.2", "https://example.org/terms", "spam"),
        "decided_at": 100,
        "starts_at": 100,
        "expires_at": 200,
    } | more
    return Decision(id=id, type=type, **fields)
