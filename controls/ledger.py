"""Ledger leaves: a decision as canonical bytes, with what may have to be erased kept beside it (law 1).

A leaf is the canonical JSON (RFC 8785) of a decision's effects. Reason, evidence and persons are *attachments*: the
leaf holds only a salted commitment to each, so that deleting attachment and salt erases them for good while the leaf,
the tree over it and the fold stay as they were. A leaf does not hold its revision: its place in the tree does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import rfc8785

from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.errors import LeafError
from controls.merkle import leaf_hash
from controls.scopes import Scope

__all__ = ["SALT_BYTES", "attachments", "commitment", "decision_from", "leaf", "leaf_hash", "opens"]

SALT_BYTES = 32
"""Length of each attachment's random salt."""

VERSION = 1


def attachments(decision: Decision) -> dict[str, bytes]:
    """The erasable parts of a decision by name: ``reason``, ``persons``, and ``evidence`` if there is any."""
    parts: dict[str, object] = {
        "reason": decision.reason,
        "persons": {
            "actor": decision.actor,
            "role": decision.role,
            "approved_by": decision.approved_by,
            "idempotency_key": decision.idempotency_key,
        },
    }
    if decision.evidence:
        parts["evidence"] = list(decision.evidence)
    return {name: _plain(part) for name, part in parts.items()}


def leaf(decision: Decision, salts: Mapping[str, bytes], contents: Mapping[str, bytes] | None = None) -> bytes:
    """The leaf of a decision. ``salts`` holds fresh random bytes (:data:`SALT_BYTES` each) for every attachment.

    ``contents`` spares making the :func:`attachments` of this decision once more.
    """
    if contents is None:
        contents = attachments(decision)
    body: dict[str, object] = {
        "version": VERSION,
        "id": decision.id,
        "type": decision.type.value,
        "subject": {"kind": decision.subject.kind.value, "id": decision.subject.id},
        "basis": {
            "kind": decision.basis.kind,
            "clause": decision.basis.clause,
            "url": decision.basis.url,
            "category": decision.basis.category,
        },
        "scope": {
            "surfaces": list(decision.scope.surfaces),
            "regions": list(decision.scope.regions),
            "audience": decision.scope.audience,
        },
        "parameters": dict(decision.parameters),
        "decided_at": decision.decided_at,
        "starts_at": decision.starts_at,
        "expires_at": decision.expires_at,
        "review_by": decision.review_by,
        "reverses": decision.reverses,
        "commitments": {
            name: commitment(name, salts.get(name, b""), content).hex() for name, content in contents.items()
        },
    }
    return rfc8785.dumps(body) if _has_float(body["parameters"]) else _plain(body)  # type: ignore[arg-type]


def commitment(name: str, salt: bytes, content: bytes) -> bytes:
    """SHA-256(salt || name || 0x00 || content): binds to an attachment and, without the salt, tells nothing of it.

    Raises :class:`LeafError` for a salt of another length.
    """
    if len(salt) != SALT_BYTES:
        raise LeafError(f"the salt of {name!r} has {len(salt)} bytes; give {SALT_BYTES} fresh random ones", name)
    return sha256(salt + name.encode() + b"\x00" + content).digest()


def opens(leaf: bytes, name: str, salt: bytes, content: bytes) -> bool:
    """Whether an attachment and its salt are those that the leaf commits to."""
    promised = _body(leaf)["commitments"].get(name)
    return len(salt) == SALT_BYTES and promised == commitment(name, salt, content).hex()


def decision_from(leaf: bytes, attachments: Mapping[str, bytes], revision: int) -> Decision:
    """The decision of a leaf and its attachments; erased attachments give empty text. Commitments are not checked
    here, see :func:`opens`. Raises :class:`LeafError` for bytes that are no leaf of this version."""
    body = _body(leaf)
    try:
        persons = json.loads(attachments["persons"]) if "persons" in attachments else {}
        return Decision(
            id=body["id"],
            type=DecisionType(body["type"]),
            subject=Subject(SubjectKind(body["subject"]["kind"]), body["subject"]["id"]),
            actor=persons.get("actor", ""),
            role=persons.get("role", ""),
            reason=json.loads(attachments["reason"]) if "reason" in attachments else "",
            basis=Basis(**body["basis"]),
            decided_at=body["decided_at"],
            starts_at=body["starts_at"],
            expires_at=body["expires_at"],
            review_by=body["review_by"],
            scope=Scope(tuple(body["scope"]["surfaces"]), tuple(body["scope"]["regions"]), body["scope"]["audience"]),
            parameters=MappingProxyType(body["parameters"]),
            evidence=tuple(json.loads(attachments["evidence"])) if "evidence" in attachments else (),
            reverses=body["reverses"],
            approved_by=persons.get("approved_by"),
            idempotency_key=persons.get("idempotency_key", ""),
            revision=revision,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LeafError(
            f"the leaf or an attachment of revision {revision} is malformed ({error!r}); {_RESTORE}"
        ) from error


_RESTORE = "restore the ledger from a backup that verifies"


def _body(leaf: bytes) -> dict[str, Any]:
    try:
        body = json.loads(leaf)
    except ValueError as error:
        raise LeafError(f"not a ledger leaf ({error}); {_RESTORE}") from error
    if not isinstance(body, dict) or body.get("version") != VERSION:
        raise LeafError(f"not a ledger leaf of version {VERSION}; {_RESTORE}")
    return body


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def _plain(value: object) -> bytes:
    """Canonical JSON (RFC 8785) of a value without fractions: the standard library writes it several times faster."""
    try:
        return _encode(value).encode()
    except UnicodeEncodeError as error:
        raise LeafError("a text of the decision is not valid Unicode; send UTF-8") from error


def _has_float(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_float(part) for part in value.values())
    if isinstance(value, list):
        return any(_has_float(part) for part in value)
    return isinstance(value, float)
