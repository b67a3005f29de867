"""The answer to a batch is laid down by hand: it is what the wire type says, byte for byte."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from feed.bootstrap import Service
from feed.ingest.batch import Batch, Rejected
from feed.ingest.taking import _told
from feed.observing.metrics import Metrics
from feed.schemas.events import EventResult, EventsOut
from feed.storage.ports.store import Outcome

A, D = Outcome.ACCEPTED, Outcome.DUPLICATE


def answered(ids: list[str], rejected: dict[int, Rejected], outcomes: list[Outcome], known: list[bool]) -> Any:
    metrics = Metrics()
    nothing = [""] * len(ids)
    numbers = [0] * len(ids)
    batch = Batch(nothing, ids, nothing, numbers, numbers, numbers, nothing, rejected)
    told = _told(cast(Service, SimpleNamespace(metrics=metrics)), batch, outcomes, known)
    return told, metrics


@pytest.mark.parametrize(
    ("ids", "rejected", "outcomes", "known", "unknown"),
    [
        (["a", "é"], {}, [A, A], [True, True], 0),
        (["a", "b"], {}, [A, A], [False, True], 1),
        (["a", "a"], {}, [A, D], [False, False], 1),
        (
            ["b", "d"],
            {0: Rejected("a", "no"), 2: Rejected('"', "not"), 4: Rejected("", "never")},
            [A, D],
            [True] * 2,
            0,
        ),
        ([], {0: Rejected("a", "no")}, [], [], 0),
    ],
)
def test_the_answer_is_the_wire_type_laid_down(ids, rejected, outcomes, known, unknown):
    told, metrics = answered(ids, rejected, outcomes, known)
    stored = iter([EventResult(one, out.value, there) for one, out, there in zip(ids, outcomes, known, strict=True)])
    results = [
        EventResult(rejected[place].client_id, "rejected", reason=rejected[place].reason)
        if place in rejected
        else next(stored)
        for place in range(len(ids) + len(rejected))
    ]
    accepted = outcomes.count(A)
    expected = EventsOut(accepted, outcomes.count(D), len(rejected), unknown, results)
    assert told == orjson.dumps(expected)
    assert metrics.unknown_items._value.get() == unknown
    for name, count in (("accepted", accepted), ("duplicate", outcomes.count(D)), ("rejected", len(rejected))):
        assert metrics.events.labels(name)._value.get() == count
