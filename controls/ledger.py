"""Ledger leaves: a decision as canonical bytes, with what may have to be erased kept beside it (law 1).

A leaf is the canonical JSON (RFC 8785) of a decision's effects. Reason, evidence and persons are *attachments*: the
leaf holds only a salted commitment to each, so that deleting attachment and salt erases them for good while the leaf,
the tree over it and the fold stay as they were. An author is a person, too: where one is the subject, the commitment
stands for the id, a surrogate that is new in every leaf; so it does for the person to whom a power is granted. A leaf
does not hold its revision: its place in the tree does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring as _text  # writes texts as RFC 8785 does: the shortest escapes
from types import MappingProxyType
from typing import Any

import rfc8785

from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.errors import LeafError
from controls.merkle import leaf_hash
from controls.scopes import Scope

__all__ = [
    "ERASED",
    "SALT_BYTES",
    "attachments",
    "commitment",
    "committed",
    "decision_from",
    "granted",
    "leaf",
    "leaf_hash",
    "names",
    "opens",
]

SALT_BYTES = 32
"""Length of each attachment's random salt."""

VERSION = 1

ERASED = "erased:"
"""Begins the id of a subject whose name was erased; its commitment follows, so that it stays one of a kind."""

PERSON = "person"
"""The parameter that names a person, and the attachment that keeps it."""


def attachments(decision: Decision) -> dict[str, bytes]:
    """The erasable parts of a decision by name: ``reason``, ``persons``, ``evidence`` if there is any, ``subject`` if
    that is an author, and ``person`` if a parameter names one."""
    persons = (
        f'{{"actor":{_text(decision.actor)},"approved_by":{_optional(decision.approved_by)},'
        f'"idempotency_key":{_text(decision.idempotency_key)},"role":{_text(decision.role)}}}'
    )
    parts = {"reason": _utf8(_text(decision.reason)), "persons": _utf8(persons)}
    if decision.evidence:
        parts["evidence"] = _utf8(_texts(decision.evidence))
    if decision.subject.kind is SubjectKind.AUTHOR:
        parts["subject"] = _utf8(_text(decision.subject.id))
    if PERSON in decision.parameters:
        parts[PERSON] = granted(str(decision.parameters[PERSON]))
    return parts


def granted(person: str) -> bytes:
    """The ``person`` attachment of a decision whose parameters name this person."""
    return _utf8(_text(person))


def names(person: str) -> tuple[bytes, bytes]:
    """What the ``persons`` attachment of a decision by this person begins with, and what one that they approved
    contains; no other person's does either."""
    return _utf8(f'{{"actor":{_text(person)},'), _utf8(f',"approved_by":{_text(person)},"idempotency_key":')


def leaf(decision: Decision, salts: Mapping[str, bytes], contents: Mapping[str, bytes] | None = None) -> bytes:
    """The leaf of a decision. ``salts`` holds fresh random bytes (:data:`SALT_BYTES` each) for every attachment.

    ``contents`` spares making the :func:`attachments` of this decision once more. Raises :class:`LeafError` for salts
    of another length and texts that are not valid Unicode.
    """
    if contents is None:
        contents = attachments(decision)
    committed = ",".join(
        [f'"{name}":"{commitment(name, salts.get(name, b""), contents[name]).hex()}"' for name in sorted(contents)]
    )
    subject = decision.subject
    surrogate = "" if subject.kind is SubjectKind.AUTHOR else f'"id":{_text(subject.id)},'
    # Names are in canonical order, and the times are integers: their text is that of the standard.
    return _utf8(
        f'{{"basis":{_basis(decision.basis)},"commitments":{{{committed}}},"decided_at":{decision.decided_at:d},'
        f'"expires_at":{_whole(decision.expires_at)},"id":{_text(decision.id)},'
        f'"parameters":{_parameters(decision.parameters)},"reverses":{_optional(decision.reverses)},'
        f'"review_by":{_whole(decision.review_by)},"scope":{_scope(decision.scope)},'
        f'"starts_at":{decision.starts_at:d},"subject":{{{surrogate}"kind":{_text(subject.kind)}}},'
        f'"type":{_text(decision.type)},"version":{VERSION}}}'
    )


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


def committed(leaf: bytes) -> frozenset[str]:
    """Names of the attachments that a leaf commits to. Raises :class:`LeafError` for bytes that are no leaf."""
    commitments = _body(leaf).get("commitments")
    if not isinstance(commitments, dict):
        raise LeafError(f"a ledger leaf without commitments; {_RESTORE}")
    return frozenset(commitments)


def decision_from(leaf: bytes, attachments: Mapping[str, bytes], revision: int) -> Decision:
    """The decision of a leaf and its attachments; erased attachments give empty text. Commitments are not checked
    here, see :func:`opens`. Raises :class:`LeafError` for bytes that are no leaf of this version."""
    body = _body(leaf)
    try:
        persons = json.loads(attachments["persons"]) if "persons" in attachments else {}
        return Decision(
            id=body["id"],
            type=DecisionType(body["type"]),
            subject=Subject(SubjectKind(body["subject"]["kind"]), _subject(body, attachments)),
            actor=persons.get("actor", ""),
            role=persons.get("role", ""),
            reason=json.loads(attachments["reason"]) if "reason" in attachments else "",
            basis=Basis(**body["basis"]),
            decided_at=body["decided_at"],
            starts_at=body["starts_at"],
            expires_at=body["expires_at"],
            review_by=body["review_by"],
            scope=Scope(tuple(body["scope"]["surfaces"]), tuple(body["scope"]["regions"]), body["scope"]["audience"]),
            parameters=MappingProxyType(_named_parameters(body, attachments)),
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


def _subject(body: Mapping[str, Any], attachments: Mapping[str, bytes]) -> str:
    named = body["subject"].get("id")
    if named is None:
        given = attachments.get("subject")
        named = ERASED + body["commitments"]["subject"] if given is None else json.loads(given)
    return str(named)


def _named_parameters(body: Mapping[str, Any], attachments: Mapping[str, bytes]) -> dict[str, Any]:
    """The parameters with the person whom they name, or with what stands for one whose name was erased."""
    if PERSON not in body["commitments"]:
        return dict(body["parameters"])
    given = attachments.get(PERSON)
    named = ERASED + body["commitments"][PERSON] if given is None else str(json.loads(given))
    return {**body["parameters"], PERSON: named}


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise LeafError("a text of the decision is not valid Unicode; send UTF-8") from error


def _optional(text: str | None) -> str:
    return "null" if text is None else _text(text)


def _texts(texts: Iterable[str]) -> str:
    return f"[{','.join(map(_text, texts))}]"


def _whole(number: int | None) -> str:
    return "null" if number is None else f"{number:d}"


@lru_cache(maxsize=4096)
def _basis(basis: Basis) -> str:
    return (
        f'{{"category":{_text(basis.category)},"clause":{_text(basis.clause)},"kind":{_text(basis.kind)},'
        f'"url":{_text(basis.url)}}}'
    )


@lru_cache(maxsize=4096)
def _scope(scope: Scope) -> str:
    return (
        f'{{"audience":{_text(scope.audience)},"regions":{_texts(scope.regions)},"surfaces":{_texts(scope.surfaces)}}}'
    )


def _parameters(parameters: Mapping[str, object]) -> str:
    if not parameters:
        return "{}"
    open_ones: dict[str, Any] = {name: value for name, value in parameters.items() if name != PERSON}
    try:
        # Numbers with a fraction, and the order of names beyond ASCII, want the standard's care.
        return rfc8785.dumps(open_ones).decode()
    except rfc8785.CanonicalizationError as error:
        raise LeafError(f"a parameter of the decision cannot be written ({error}); send texts and numbers") from error
