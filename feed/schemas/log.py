"""The ledger on the wire: what anybody may have of it. Hashes are hexadecimal, roots of trees as in RFC 9162."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogEntryOut:
    """One entry: ``leaf`` is the canonical JSON text (RFC 8785) whose bytes ``leaf_hash`` is over."""

    revision: int
    leaf: str
    leaf_hash: str


@dataclass(frozen=True, slots=True)
class LogEntriesOut:
    """Entries in order. Ask for more with ``start`` = ``next``; it is null at the ledger's end."""

    entries: list[LogEntryOut]
    size: int
    next: int | None


@dataclass(frozen=True, slots=True)
class InclusionOut:
    """That a revision is in the tree of ``size``: ``path`` leads from its leaf hash to the root that ``checkpoint``
    signs (RFC 9162 section 2.1.3; the leaf's index is revision - 1)."""

    revision: int
    size: int
    leaf_hash: str
    path: list[str]
    root: str
    checkpoint: str


@dataclass(frozen=True, slots=True)
class ConsistencyOut:
    """That the tree of ``first`` entries is the beginning of that of ``second`` (RFC 9162 section 2.1.4)."""

    first: int
    second: int
    path: list[str]
    first_root: str
    second_root: str


@dataclass(frozen=True, slots=True)
class LogKeyOut:
    """A public key in the form of C2SP signed-note; ``current`` is the one that signs now."""

    key: str
    current: bool


@dataclass(frozen=True, slots=True)
class LogKeysOut:
    """The ledger's name and every key that signs or signed its checkpoints, the present one first."""

    origin: str
    keys: list[LogKeyOut]
