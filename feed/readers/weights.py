"""Weights: the bytes that a reader's state takes of memory, worked out from what it holds.

Held to what the interpreter says of whole states by a test; objects that readers share weigh nothing.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from feed.readers.choices import LONGEST_SHARED
from feed.readers.views import ReaderView
from feed.storage.records import EventRecord
from ranking.reader import Settings

_STATE = 600
"""State, view, reader and record, and their place among the states."""
_ARRAY = 144
"""An array beside its numbers."""
_TEXT = 64
"""A text or a small tuple beside its characters."""
_CHOICES = 600
"""Settings and audience of a reader's own."""
_EVENT = 380
"""An event beside the characters of its ids."""


def view_bytes(view: ReaderView) -> int:
    """Bytes of a state that holds this view, and nothing that waits."""
    reader, record = view.reader, view.record
    taken = _STATE + len(record.reader) + _array(reader.history) + _array(reader.seen)
    length = len(record.settings)
    if length <= LONGEST_SHARED:
        return taken + length
    # The text, and the same again as names.
    return taken + _CHOICES + 2 * length + _TEXT * _named(reader.settings)


def event_bytes(event: EventRecord) -> int:
    """Bytes of an event that waits."""
    return _EVENT + len(event.reader) + len(event.client_id) + len(event.item) + len(event.request_id)


def _array(array: NDArray[Any]) -> int:
    return array.nbytes + _ARRAY if array.size else 0


def _named(settings: Settings) -> int:
    lists = (settings.hidden, settings.muted_authors, settings.muted_topics, settings.more_topics)
    return sum(map(len, lists)) + len(settings.less_topics) + 3 * len(settings.mutes)
