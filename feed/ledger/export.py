"""Exports of the ledger: one file of NDJSON that can be checked anywhere, without the store and without the network.

The first line says whose ledger it is and with which keys; then come the entries in order, each policy before the
decision that publishes it, and each signed checkpoint behind the last entry it covers; the last line is a checkpoint
over everything. Every line is in the one form that its content has (names in order, no spaces), so that no byte can
change unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from controls.decisions import DecisionType
from controls.errors import ControlsError, LedgerAltered, NoteError
from controls.ledger import decision_from
from controls.notes import VerifierKey
from controls.policy import Policy, canonical, content_hash, load
from controls.verification import Checked, LedgerCheck
from feed.errors import ExportAltered
from feed.ledger.checking import checkpoints, entries
from feed.ledger.keys import LogKeys
from feed.storage.ports.store import Store
from feed.storage.records import LedgerEntry

FORMAT = "weir-ledger-export"
VERSION = 1

Progress = Callable[[str, int, int], None]
"""What is done, how much of it, of how much."""


def write_export(
    store: Store, keys: LogKeys, policies: Callable[[str], Policy], file: BinaryIO, *, attachments: bool, told: Progress
) -> int:
    """Write the ledger as it is now; returns how many entries. ``attachments`` adds reasons, persons and evidence
    that were not erased, with their salts: for those who may see them."""
    head = store.ledger.head()
    public = [str(key) for key in keys.public]
    _line(file, {"format": FORMAT, "keys": public, "origin": keys.origin, "version": VERSION})
    published: set[str] = set()
    notes = {record.size: record.note for record in checkpoints(store) if record.size < head}
    if 0 in notes:
        _line(file, {"checkpoint": notes[0]})
    for entry in entries(store, head):
        for digest in _published(entry) - published:
            published.add(digest)
            _line(file, {"document": canonical(policies(digest)).decode(), "policy": digest})
        parts = {name: {"content": content.decode(), "salt": salt.hex()} for name, (salt, content) in _kept(entry)}
        document: dict[str, Any] = {"hash": entry.leaf_hash.hex(), "leaf": entry.leaf.decode()}
        _line(file, document | {"revision": entry.revision} | ({"attachments": parts} if attachments else {}))
        if entry.revision in notes:
            _line(file, {"checkpoint": notes[entry.revision]})
        told("writing entries", entry.revision, head)
    _line(file, {"checkpoint": keys.checkpoint(head, store.log.root(head))})
    return head


def check_export(path: Path, trusted: tuple[VerifierKey, ...], told: Progress) -> Checked:
    """Check an export alone. Without ``trusted`` keys those that it names itself are taken.

    Raises ``ExportAltered`` with the line, and what was found there.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        done, number = 0, 1
        lines = _lines(file)
        try:
            check, policies = _begun(_document(next(lines, b"")), trusted)
            ends_signed = False
            for line in lines:
                number += 1
                done += len(line) + 1
                ends_signed = _take(check, policies, _document(line))
                told("checking entries", done, size)
            if not ends_signed:
                raise LedgerAltered(check.size + 1, "the export ends without a checkpoint over all its entries")
        except (LedgerAltered, NoteError, _Malformed) as error:
            revision = error.revision if isinstance(error, LedgerAltered) else 0
            raise ExportAltered(f"{path}, line {number}: {error}", revision) from error
    return check.result()


class _Malformed(Exception):
    """A line that no export has."""


class _Documents(dict[str, Policy]):
    """Policies of the export by content hash."""

    def __missing__(self, digest: str) -> Policy:
        raise KeyError(f"the policy {digest} is not in the export before the decision that publishes it")


def _begun(head: dict[str, Any], trusted: tuple[VerifierKey, ...]) -> tuple[LedgerCheck, _Documents]:
    match head:
        case {"format": "weir-ledger-export", "keys": list(keys), "origin": str(origin), "version": 1} if (
            len(head) == 4
        ):
            named = tuple(VerifierKey.parse(str(key)) for key in keys)
        case _:
            raise _Malformed("not an export of a ledger in this version's form; export it again")
    if any(key.name != origin for key in named):
        raise _Malformed(f"a key has another name than the ledger {origin!r}")
    policies = _Documents()
    return LedgerCheck(origin, trusted or named, policies.__getitem__), policies


def _take(check: LedgerCheck, policies: _Documents, line: dict[str, Any]) -> bool:
    """Check one line; whether it is a checkpoint."""
    match line:
        case {"checkpoint": str(note)} if len(line) == 1:
            check.checkpoint(note)
            return True
        case {"policy": str(digest), "document": str(document)} if len(line) == 2:
            policies[digest] = _policy(digest, document)
        case {"revision": int(revision), "leaf": str(leaf), "hash": str(digest)} if len(line) == 3:
            check.entry(revision, leaf.encode(), _bytes(digest), {})
        case {"revision": int(revision), "leaf": str(leaf), "hash": str(digest), "attachments": dict(parts)} if (
            len(line) == 4
        ):
            check.entry(revision, leaf.encode(), _bytes(digest), {name: _part(part) for name, part in parts.items()})
        case _:
            raise _Malformed(f"after revision {check.size}: neither an entry nor a policy nor a checkpoint")
    return False


def _policy(digest: str, document: str) -> Policy:
    try:
        policy = load(document)
    except ControlsError as error:
        raise _Malformed(f"the policy {digest} cannot be read ({error})") from error
    if content_hash(policy) != digest or canonical(policy).decode() != document:
        raise _Malformed(f"the policy {digest} does not have that hash: it was altered")
    return policy


def _part(part: object) -> tuple[bytes, bytes]:
    match part:
        case {"content": str(content), "salt": str(salt), **rest} if not rest:
            return _bytes(salt), content.encode()
    raise _Malformed("an attachment has a salt and a content, and nothing else")


def _bytes(text: str) -> bytes:
    try:
        content = bytes.fromhex(text)
    except ValueError:
        content = b""
    if content.hex() != text:
        raise _Malformed("a hash or salt is not in lower-case hexadecimal")
    return content


def _document(line: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _Malformed(f"not JSON ({error})") from error
    if not isinstance(document, dict) or orjson.dumps(document, option=orjson.OPT_SORT_KEYS) != line:
        raise _Malformed("not written as exports are: names in order, no spaces, nothing twice")
    # true and 1.0 would pass for 1.
    if any(isinstance(value, bool | float) for value in document.values()):
        raise _Malformed("not written as exports are: names in order, no spaces, nothing twice")
    return document


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines without their line feed. One that has none, which can only be the last, is made to be no JSON."""
    return (line[:-1] if line.endswith(b"\n") else line + b"\0" for line in file)


def _line(file: BinaryIO, document: dict[str, Any]) -> None:
    file.write(orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))


def _published(entry: LedgerEntry) -> set[str]:
    decision = decision_from(entry.leaf, {}, entry.revision)
    return {str(decision.parameters["policy"])} if decision.type is DecisionType.PUBLISH_POLICY else set()


def _kept(entry: LedgerEntry) -> list[tuple[str, tuple[bytes, bytes]]]:
    return sorted(entry.attachments.items())
