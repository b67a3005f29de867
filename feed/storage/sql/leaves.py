"""Leaves in SQL: a decision as rows, made ready by its caller before the writer has it, and read back.

Keeps law 1's hashes: what is read is refused unless its leaf has its hash.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from controls.decisions import Decision
from controls.errors import LeafError
from controls.ledger import SALT_BYTES, attachments, decision_from, leaf, leaf_hash
from feed.storage.errors import StoreCorrupt

Row = tuple[str, str, str | None, bytes, bytes]
"""id, subject, reverses, leaf, leaf hash."""

Parts = Sequence[tuple[str, bytes, bytes]]
"""Name, salt and content of each attachment."""


MOST_PARTS = 5
"""Attachments that a decision may have."""


def prepared(decision: Decision, random: bytes) -> tuple[Row, Parts]:
    """A decision as rows; ``random`` is as many fresh bytes as the salts of all attachments may take."""
    contents = attachments(decision)
    salts: dict[str, bytes] = {}
    parts: list[tuple[str, bytes, bytes]] = []
    at = 0
    for name, content in contents.items():
        salts[name] = salt = random[at : at + SALT_BYTES]
        parts.append((name, salt, content))
        at += SALT_BYTES
    entry = leaf(decision, salts, contents)
    return (decision.id, decision.subject.id, decision.reverses, entry, leaf_hash(entry)), parts


def all_prepared(decisions: Sequence[Decision]) -> tuple[list[Row], list[Parts]]:
    """The same of many decisions."""
    rows: list[Row] = []
    parts: list[Parts] = []
    width = SALT_BYTES * MOST_PARTS
    random = os.urandom(width * len(decisions))
    for at, decision in enumerate(decisions):
        row, of = prepared(decision, random[at * width : (at + 1) * width])
        rows.append(row)
        parts.append(of)
    return rows, parts


def size_of(rows: Sequence[Row], parts: Sequence[Parts]) -> int:
    """Bytes that entries take, approximately."""
    return sum(len(row[3]) + 512 for row in rows) + sum(len(content) for of in parts for _, _, content in of)


def decision_of(row: Any, contents: dict[str, bytes]) -> Decision:
    """The decision of (revision, leaf, leaf hash) and its attachments; raises ``StoreCorrupt``."""
    revision, content, digest = row
    if leaf_hash(content) != digest:
        raise StoreCorrupt(f"the leaf of revision {revision} does not have its hash; restore the store from a backup")
    try:
        return decision_from(content, contents, revision)
    except LeafError as cause:
        raise StoreCorrupt(str(cause)) from cause
