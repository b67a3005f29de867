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
from pydantic_core import PydanticSerializationError, to_json

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
            "approved_by": decision.approved_by,
            "idempotency_key": decision.idempotency_key,
            "role": decision.role,
        },
    }
    if decision.evidence:
        parts["evidence"] = decision.evidence
    return {name: _ordered(part) for name, part in parts.items()}


def leaf(decision: Decision, salts: Mapping[str, bytes], contents: Mapping[str, bytes] | None = None) -> bytes:
    """The leaf of a decision. ``salts`` holds fresh random bytes (:data:`SALT_BYTES` each) for every attachment.

    ``contents`` spares making the :func:`attachments` of this decision once more.
    """
    if contents is None:
        contents = attachments(decision)
    basis, scope, parameters = decision.basis, decision.scope, decision.parameters
    body: dict[str, object] = {  # names in canonical order
        "basis": {"category": basis.category, "clause": basis.clause, "kind": basis.kind, "url": basis.url},
        "commitments": {
            name: commitment(name, salts.get(name, b""), contents[name]).hex() for name in sorted(contents)
        },
        "decided_at": decision.decided_at,
        "expires_at": decision.expires_at,
        "id": decision.id,
        "parameters": {name: parameters[name] for name in sorted(parameters)},
        "reverses": decision.reverses,
        "review_by": decision.review_by,
        "scope": {"audience": scope.audience, "regions": scope.regions, "surfaces": scope.surfaces},
        "starts_at": decision.starts_at,
        "subject": {"id": decision.subject.id, "kind": decision.subject.kind.value},
        "type": decision.type.value,
        "version": VERSION,
    }
    if all(name.isascii() and isinstance(value, str | int | None) for name, value in parameters.items()):
        return _ordered(body)
    return rfc8785.dumps(body)  # type: ignore[arg-type]


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


def _ordered(value: object) -> bytes:
    """Canonical JSON (RFC 8785) of a value without fractions whose names are in order: those need no care, and this
    serializer writes strings as the standard does, many times faster."""
    try:
        return to_json(value)
    except PydanticSerializationError as error:
        raise LeafError("a text of the decision is not valid Unicode; send UTF-8") from error
