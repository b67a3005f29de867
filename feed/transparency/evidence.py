"""Evidence: what an act was about, as it was when it was decided, kept under legal hold in the register "evidence".

What is preserved is a copy, sealed with the ledger's key: no later edit of the item, erasure or retention reaches it
before its hold ends, and then it is deleted. It tells reach in numbers and names no reader (law 8). Entries of the
state ``author`` name the authors of what is held, for receipts of erasure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from controls.decisions import Decision, DecisionType, SubjectKind
from controls.evidence import Preserved, seal
from controls.notes import SignerKey
from controls.scopes import Audience, SurfaceKind
from feed.errors import NotFound, UnknownItem
from feed.pages.visibility import verdict
from feed.schemas.evidence import HoldOut
from feed.storage.ports.store import Store
from feed.storage.records import ItemRecord
from feed.storage.register import Entry, Order
from ranking.snapshot import Snapshot

PRESERVED_AT = frozenset((DecisionType.TAKEDOWN, DecisionType.RESTRICT, DecisionType.STRIKE, DecisionType.CORRECT))
"""The acts at which evidence is preserved."""

MOST_ITEMS = 1_000
"""Items of one author, topic or community that are preserved at an act on it, those that came last."""

MOST_BYTES = 16 << 20
"""Bytes of the texts of one act's items; those beyond are counted only."""

MOST_EARLIER = 100
"""Decisions about an item before the act that are named, newest first."""

HELD = "held"
_REGISTER = "evidence"
_AUTHOR = "author"
_DAY = 86_400
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """Preserved evidence with its holds, oldest first; it is kept until ``held_until``."""

    preserved: Preserved
    holds: tuple[HoldOut, ...]
    held_until: int


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of one author: acts, and the second until which the last of them is."""

    acts: int
    until: int | None


class Evidence:
    """The evidence of one store. Everything blocks."""

    def __init__(self, store: Store, signer: SignerKey, family: Callable[[str], Sequence[str]], *, days: int) -> None:
        """``family`` gives an item and its near-duplicates; a hold lasts for ``days`` if nobody says otherwise."""
        self._store = store
        self._register = store.register(_REGISTER)
        self._signer = signer
        self._family = family
        self._days = days

    def preserve(self, decision: Decision, before: Snapshot | None, now: Snapshot) -> Future[list[Entry]] | None:
        """Preserve what a decision is about. ``before``: the Snapshot that did not know of it; None when there is none
        any more, and what is preserved is what there is ``now``. Done once a decision, whoever comes first: None when
        it was done before."""
        if self._register.get(decision.id) is not None:
            return None
        items, left_out = self._items(decision, before or now)
        authors = {record.author for record in items if record.author}
        if decision.subject.kind is SubjectKind.AUTHOR:
            authors.add(decision.subject.id)
        content = {
            "authors": [asdict(author) for id in sorted(authors) if (author := self._store.items.author(id))],
            "decided_at": decision.decided_at,
            "decision": decision.id,
            "items": [self._item(record, before, decision.revision) for record in items],
            "late": before is None,
            "left_out": left_out,
            "preserved_at": max(now.as_of, decision.decided_at),
            "revision": decision.revision,
            "subject": {"kind": decision.subject.kind.value, "id": decision.subject.id},
            "type": decision.type.value,
        }
        text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2).decode()
        until = decision.decided_at + self._days * _DAY
        hold = HoldOut("weir", decision.decided_at, until, f"preserved at the decision, for {self._days} days")
        entry = _entry(decision.id, decision.subject.id, Kept(seal(decision.id, text, self._signer), (hold,), until))
        named = [
            Entry(f"{decision.id}/{number}", "{}", _AUTHOR, author, at=decision.decided_at, due_at=until)
            for number, author in enumerate(sorted(authors))
        ]
        made = [entry, *named]

        def first(stored: Mapping[str, Entry]) -> Sequence[Entry]:
            return [] if decision.id in stored else made

        return self._register.edit([one.id for one in made], first)

    def _items(self, decision: Decision, snapshot: Snapshot) -> tuple[list[ItemRecord], int]:
        subject, catalogue = decision.subject, snapshot.catalogue
        if subject.kind is SubjectKind.ITEM:
            found = self._store.items.item(subject.id)
            return ([found] if found is not None else []), 0
        if decision.type is not DecisionType.TAKEDOWN:
            return [], 0
        rows = catalogue.rows_of(subject.kind.value, subject.id)
        ids = [catalogue.ids[row] for row in rows[::-1][:MOST_ITEMS].tolist()]
        kept: list[ItemRecord] = []
        size = 0
        for start in range(0, len(ids), _PAGE):
            records = self._store.items.items(ids[start : start + _PAGE])
            for record in (records[id] for id in ids[start : start + _PAGE] if id in records):
                size += len(record.text.encode()) + len(record.title.encode())
                if size <= MOST_BYTES:
                    kept.append(record)
        return kept, len(rows) - len(kept)

    def _item(self, record: ItemRecord, before: Snapshot | None, revision: int) -> dict[str, Any]:
        earlier = self._store.ledger.listing(before=revision, limit=MOST_EARLIER, subject=record.id)
        return {
            "earlier": [
                {"decided_at": one.decided_at, "decision": one.id, "revision": one.revision, "type": one.type.value}
                for one in earlier
            ],
            "exposures": self._store.events.exposures(record.id),
            "family": list(self._family(record.id)),
            "item": asdict(record),
            "labels": [asdict(label) for label in self._store.items.labels(record.id)],
            "verdict_before": _verdict(before, record.id),
        }

    def hold(self, decision: str, hold: HoldOut) -> Kept:
        """Keep evidence until another second, sooner or later; raises ``NotFound``."""

        def held(kept: Kept) -> Kept:
            return replace(kept, holds=(*kept.holds, hold), held_until=hold.until)

        named = self._ids(decision)

        def changed(stored: Mapping[str, Entry]) -> Sequence[Entry]:
            entry = stored.get(decision)
            if entry is None:
                return []
            authors = [replace(one, due_at=hold.until) for one in stored.values() if one.state == _AUTHOR]
            return [_entry(decision, entry.subject, held(_read(entry))), *authors]

        self._register.edit(named, changed).result()
        return evidence_of(self._store, decision)

    def let_go(self, now: int) -> int:
        """Delete the evidence whose hold is over; returns of how many decisions."""
        gone = 0
        while over := self._register.find(state=HELD, due_before=now + 1, order=Order.DUE, limit=_PAGE):
            for entry in over:
                self._register.remove(self._ids(entry.id)).result()
            gone += len(over)
        return gone

    def held_of(self, author: str) -> Held:
        """What is held of an author."""
        entries = self._register.find(subject=author, state=_AUTHOR, limit=_PAGE)
        acts = self._register.count(subject=author, state=_AUTHOR)
        return Held(acts, max((entry.due_at for entry in entries), default=None))

    def _ids(self, decision: str) -> list[str]:
        """The entries of a decision: its own, and one an author."""
        entry = self._register.get(decision)
        content = orjson.loads(_read(entry).preserved.text) if entry is not None else {"items": (), "subject": {}}
        authors = {one["item"]["author"] for one in content["items"]} - {""}
        if content["subject"].get("kind") == SubjectKind.AUTHOR:
            authors.add(content["subject"]["id"])
        return [decision, *(f"{decision}/{number}" for number in range(len(authors)))]


def evidence_of(store: Store, decision: str) -> Kept:
    """What was preserved at a decision; raises ``NotFound``. Blocks."""
    entry = store.register(_REGISTER).get(decision)
    if entry is None or entry.state != HELD:
        raise NotFound(f"no evidence is held of decision {decision!r}; check the id, or whether its hold is over")
    return _read(entry)


def listed(store: Store, after: tuple[int, str] | None, limit: int) -> list[Entry]:
    """Entries of held evidence, by the second until which each is held; ``after`` that and the id of one. Blocks."""
    return store.register(_REGISTER).find(state=HELD, order=Order.DUE, after=after, limit=limit)


def _verdict(before: Snapshot | None, item: str) -> dict[str, Any] | None:
    """What governance said of an item to those of whom nothing is known, and its causes everywhere."""
    if before is None:
        return None
    try:
        return asdict(verdict(before, item, Audience(), SurfaceKind.HOME))
    except UnknownItem:
        return None


def _entry(decision: str, subject: str, kept: Kept) -> Entry:
    content = {"holds": [asdict(hold) for hold in kept.holds], **asdict(kept.preserved)}
    began = kept.holds[0].at
    return Entry(decision, orjson.dumps(content).decode(), HELD, subject, at=began, due_at=kept.held_until)


def _read(entry: Entry) -> Kept:
    content = orjson.loads(entry.content)
    holds: Iterable[Mapping[str, Any]] = content["holds"]
    return Kept(Preserved(content["text"], content["seal"]), tuple(HoldOut(**hold) for hold in holds), entry.due_at)
