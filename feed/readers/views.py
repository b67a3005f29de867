"""Views: a reader as one request sees it, made of settings and durable events (laws 7 and 8).

With personalization off, or settings that cannot be read, a view holds neither history nor Seen. Arrays are of exactly
the size of what they hold, and what readers have in common is shared: a process holds very many views.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from controls.scopes import Audience
from feed.readers.choices import read_choices
from feed.storage.records import EventRecord, ReaderRecord
from ranking.catalogue import Catalogue
from ranking.reader import CONSUMED, NO_HISTORY, NO_SEEN, EventKind, Reader

HISTORY_LIMIT = 200
"""Newest history entries kept of a reader; ``Parameters.history`` of them vote."""

SEEN_LIMIT = 2000
"""Items whose impressions or consumption are remembered."""

_CONSUMING = frozenset(
    (EventKind.CLICK, EventKind.DWELL, EventKind.LIKE, EventKind.SHARE, EventKind.MORE, EventKind.LESS)
)


@dataclass(frozen=True, slots=True)
class ReaderView:
    """A reader as one request sees it: what ranking may know, the stored record, the stored audience, and the minutes
    of a session after which the reader wants to be told, 0 for never."""

    reader: Reader
    record: ReaderRecord
    audience: Audience
    break_minutes: int = 0

    @property
    def personalized(self) -> bool:
        """Whether this reader has personalization on."""
        return self.reader.settings.personalization


def view_of(record: ReaderRecord) -> ReaderView:
    """The view of a reader of whom no event is known."""
    choices = read_choices(record.settings)
    return ReaderView(Reader(NO_HISTORY, NO_SEEN, choices.settings), record, choices.audience, choices.break_minutes)


def with_events(
    view: ReaderView, events: Sequence[EventRecord], catalogue: Catalogue
) -> tuple[ReaderView, tuple[EventRecord, ...]]:
    """The view with events that came since, in the order of storing; and those on items that have no row yet.

    ``seen`` stands in the order in which its items were met last, so that the oldest leave first.
    """
    if not view.personalized:
        return view, ()
    reader, waiting = view.reader, list[EventRecord]()
    seen: dict[int, int] = dict(reader.seen.tolist())
    entries: list[int] = []
    for event in events:
        if not event.consented:
            continue
        row = catalogue.row_of(event.item)
        if row < 0:
            waiting.append(event)
            continue
        kind = event.kind
        earlier = seen.pop(row, 0)
        if kind == EventKind.IMPRESSION:
            seen[row] = earlier if earlier == CONSUMED else earlier + 1
            continue
        entries += (row, event.occurred_at, kind)
        if kind in _CONSUMING:
            seen[row] = CONSUMED
        elif earlier:
            seen[row] = earlier
    made = Reader(_history(reader.history, entries), _seen(seen), reader.settings)
    return ReaderView(made, view.record, view.audience, view.break_minutes), tuple(waiting[-SEEN_LIMIT:])


def _history(before: NDArray[np.int64], entries: list[int]) -> NDArray[np.int64]:
    if not entries:
        return before
    history = np.concatenate([before, np.array(entries, dtype=np.int64).reshape(-1, 3)])
    history = history[np.argsort(history[:, 1], kind="stable")[-HISTORY_LIMIT:]]
    history.setflags(write=False)
    return history


def _seen(counts: dict[int, int]) -> NDArray[np.int32]:
    if not counts:
        return NO_SEEN
    first = max(len(counts) - SEEN_LIMIT, 0)
    seen = np.empty((len(counts) - first, 2), dtype=np.int32)
    seen[:, 0] = list(islice(counts, first, None))
    seen[:, 1] = list(islice(counts.values(), first, None))
    seen.setflags(write=False)
    return seen
