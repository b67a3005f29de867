"""Entries of the journal: what happened to items and lists, beside the ledger (law 2).

The publisher writes entries in numbered editions; :class:`ranking.fold.Fold` applies them in order. An entry is
immutable. How entries are laid down as bytes is the service's business.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ItemPublished:
    """An item was created or replaced. Times are integer seconds; absent text fields are empty strings."""

    id: str
    author: str = ""
    topics: tuple[str, ...] = ()
    published_at: int = 0
    language: str = ""
    region: str = ""
    community: str = ""


@dataclass(frozen=True, slots=True)
class ItemWithdrawn:
    """An item was deleted by its owner. Its row stays and is never reused."""

    id: str


@dataclass(frozen=True, slots=True)
class AuthorChanged:
    """An author's standing (points, 0 to 100), kind (person, business, public_service) or identity state."""

    id: str
    standing: int = 100
    kind: str = ""
    identity: str = ""


@dataclass(frozen=True, slots=True)
class LabelGiven:
    """A label of an item: score in [0, 1], the model or person who gave it, the second it was given."""

    item: str
    name: str
    score: float
    given_by: str
    given_at: int


@dataclass(frozen=True, slots=True)
class ListPublished:
    """A ranked list of item ids for a pool: ``name`` is ``popular`` or ``exploration``; ``pool`` is ``home`` or
    ``topic:<topic>``."""

    name: str
    pool: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowGrown:
    """The neighbours of an item that no model knows yet, strongest first, and their weights: whole numbers from 1 to
    1024, in 1024ths of the active model's usual first neighbour. Replaces the item's earlier row, by none if empty."""

    item: str
    neighbours: tuple[str, ...]
    weights: tuple[int, ...]


Entry = ItemPublished | ItemWithdrawn | AuthorChanged | LabelGiven | ListPublished | RowGrown
