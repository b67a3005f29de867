"""Weights: the bytes that a reader's state takes of memory, worked out from what it holds.

Held to what the interpreter says of whole states by a test; objects that readers share weigh nothing. Characters take
one to four bytes each, and what was handed to another library is kept once more as UTF-8: the interpreter knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from sys import getsizeof
from typing import Any

from numpy.typing import NDArray

from feed.readers.choices import LONGEST_SHARED
from feed.readers.views import ReaderView
from feed.storage.records import EventRecord
from ranking.reader import Settings

_STATE = 530
"""State, view, reader and record, and their place among the states."""
_ARRAY = 144
"""An array beside its numbers."""
_NAME = 15
"""A name's place in a list of settings."""
_MUTE = 128
"""A mute and its kind and second."""
_CHOICES = 600
"""Settings and audience of a reader's own."""
_EVENT = 380
"""An event beside the characters of its ids."""
_EMPTY = getsizeof("")


def view_bytes(view: ReaderView) -> int:
    """Bytes of a state that holds this view, and nothing that waits."""
    reader, record = view.reader, view.record
    taken = _STATE + _array(reader.history) + _array(reader.seen) + _beyond((record.reader, record.settings))
    return taken if len(record.settings) <= LONGEST_SHARED else taken + _CHOICES + _named(reader.settings)


def event_bytes(event: EventRecord) -> int:
    """Bytes of an event that waits."""
    return _EVENT + _beyond((event.reader, event.client_id, event.item, event.request_id))


def _beyond(texts: Iterable[str]) -> int:
    """Bytes of texts beyond those of empty ones."""
    return sum(getsizeof(text) - _EMPTY for text in texts)


def _array(array: NDArray[Any]) -> int:
    return array.nbytes + _ARRAY if array.size else 0


def _named(settings: Settings) -> int:
    names = chain(
        settings.hidden,
        settings.muted_authors,
        settings.muted_topics,
        settings.more_topics,
        settings.less_topics,
        (mute.name for mute in settings.mutes),
    )
    return sum(getsizeof(name) + _NAME for name in names) + _MUTE * len(settings.mutes)
