"""Records: what the store keeps, as plain tuples and frozen dataclasses. Times are integer seconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class EventRecord(NamedTuple):
    """One event as stored. ``client_id`` is unique with ``reader``; ``kind`` is an ``EventKind`` value.

    ``consented`` is 0 when personalization was off at receipt: the event then counts as an exposure only,
    neither for ranking nor for training (law 7).
    """

    reader: str
    client_id: str
    item: str
    kind: int
    occurred_at: int
    received_at: int
    dwell_ms: int
    request_id: str
    consented: int


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """An item as its client gave it. ``withdrawn`` once deleted; ``text`` is for evidence and for finding copies."""

    id: str
    author: str = ""
    title: str = ""
    topics: tuple[str, ...] = ()
    published_at: int = 0
    language: str = ""
    region: str = ""
    community: str = ""
    withdrawn: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class AuthorRecord:
    """An author: standing in points (0 to 100), kind (person, business, public_service), identity state."""

    id: str
    name: str = ""
    standing: int = 100
    kind: str = ""
    identity: str = ""


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """A label of an item: score in [0, 1], given by a model or person at a second."""

    item: str
    name: str
    score: float
    given_by: str
    given_at: int


@dataclass(frozen=True, slots=True)
class ReaderRecord:
    """A reader's explicit settings as JSON text, with an optimistic version, 0 if never saved."""

    reader: str
    settings: str = "{}"
    version: int = 0
    updated_at: int = 0


Past = tuple[ReaderRecord, list[EventRecord]]
"""A reader's settings and newest events, in the order of storing."""


@dataclass(frozen=True, slots=True)
class ServingRecord:
    """One answered request: enough to replay it. ``inputs`` and ``items`` are bytes (see ``feed.pages.servings``);
    ``arms`` those of experiments that it was served with, as JSON, or empty.

    Erasure empties ``inputs``, ``items`` and ``arms`` and clears ``reader``; ``erased`` is
    then True and replay answers so.
    """

    request_id: str
    reader: str
    served_at: int
    revision: int
    edition: int
    as_of: int
    model: str
    inputs: bytes
    items: bytes
    erased: bool = False
    arms: str = ""


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A trained model: version (content hash), trainer, file in the models folder, hold-out metrics (JSON)."""

    version: str
    trainer: str
    file: str
    metrics: str
    created_at: int


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A hashed API key: ``digest`` is SHA-256 of the key; the key itself is shown once and never stored."""

    digest: str
    name: str
    scopes: tuple[str, ...]
    subject: str
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A decision as the ledger keeps it: by what it is looked up, its leaf, the leaf's hash, and salt and content of
    each attachment that was not erased, by name (``controls.ledger``)."""

    revision: int
    id: str
    subject: str
    reverses: str | None
    leaf: bytes
    leaf_hash: bytes
    attachments: Mapping[str, tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A signed checkpoint as a note (``controls.checkpoints``), by the size of its tree."""

    size: int
    note: str


@dataclass(frozen=True, slots=True)
class Edition:
    """One journal edition: number, second at which it was published, entries as bytes (``feed.storage.entries``)."""

    edition: int
    published_at: int
    entries: bytes


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events as columns for training and lists: ``readers`` and ``items`` int32 codes into the id tuples,
    ``times`` int64 seconds, ``kinds`` uint8, ``received`` int64 seconds. Only consented events of readers whose
    personalization is on, oldest first, within a second in the order of storing. Read-only."""

    reader_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    readers: NDArray[np.int32]
    items: NDArray[np.int32]
    times: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    received: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Erasure:
    """What erasing a reader removed, for the receipt: rows per table, decisions that no longer name them, and theirs
    among the entries of registers."""

    events: int
    settings: int
    servings: int
    decisions: int = 0
    entries: int = 0
