"""Proofs about the ledger, as the API answers them and ``weir log prove`` prints them (law 1)."""

from __future__ import annotations

from feed.errors import Fault, InputInvalid
from feed.ledger.keys import LogKeys
from feed.schemas.log import ConsistencyOut, InclusionOut, LogEntriesOut, LogEntryOut
from feed.storage.ports.store import Store

MOST_ENTRIES = 1000
"""Entries in one answer."""


def entries(store: Store, start: int, end: int | None) -> LogEntriesOut:
    """Entries from revision ``start`` to ``end`` (the head, if there is none), at most :data:`MOST_ENTRIES`.

    Raises ``InputInvalid`` for a range that the ledger does not have.
    """
    head = store.ledger.head()
    if end is not None and end < start:
        raise _out_of_range("end", f"is before start, {start}")
    if start > head + 1:
        raise _out_of_range("start", f"is beyond the ledger, which ends at revision {head}")
    last = min(head if end is None else end, start + MOST_ENTRIES - 1, head)
    found = store.log.entries(start - 1, last - start + 1) if last >= start else []
    shown = [LogEntryOut(entry.revision, entry.leaf.decode(), entry.leaf_hash.hex()) for entry in found]
    return LogEntriesOut(shown, head, last + 1 if last < head else None)


def inclusion(store: Store, keys: LogKeys, revision: int, size: int | None = None) -> InclusionOut:
    """That a revision is in the tree of ``size`` entries (all, if not said). Raises ``InputInvalid``."""
    size = _size(store, size, "size")
    if not 1 <= revision <= size:
        raise _out_of_range("revision", f"is not among the first {size}")
    (entry,) = store.log.entries(revision - 1, 1)
    path = [part.hex() for part in store.log.inclusion(revision, size)]
    root = store.log.root(size)
    return InclusionOut(revision, size, entry.leaf_hash.hex(), path, root.hex(), keys.checkpoint(size, root))


def consistency(store: Store, first: int, second: int | None = None) -> ConsistencyOut:
    """That the first entries are the beginning of ``second`` (all, if not said). Raises ``InputInvalid``."""
    second = _size(store, second, "second")
    if not 1 <= first <= second:
        raise _out_of_range("first", f"is not among the sizes 1 to {second}")
    path = [part.hex() for part in store.log.consistency(first, second)]
    return ConsistencyOut(first, second, path, store.log.root(first).hex(), store.log.root(second).hex())


def checkpoint(store: Store, keys: LogKeys) -> str:
    """The ledger as it is now, signed."""
    head = store.ledger.head()
    return keys.checkpoint(head, store.log.root(head))


def _size(store: Store, size: int | None, field: str) -> int:
    head = store.ledger.head()
    if size is not None and size > head:
        raise _out_of_range(field, f"is beyond the ledger, which ends at revision {head}")
    return head if size is None else size


def _out_of_range(field: str, message: str) -> InputInvalid:
    return InputInvalid(f"{field} {message}", faults=(Fault(field, message),))
