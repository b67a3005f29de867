"""Entrance: how an item enters, as published, held or withheld, told before any edition has published it.

Where the fold already knows the item as it now is, the fold answers. For a new one, or one whose signals changed, the
policy is asked beforehand, and the decisions on the item, its author, topics and community are read from the ledger.
What the fold then makes of it decides; this is what the publisher is told.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Sequence
from hashlib import sha256
from math import nan

from controls.acts import Restricted, cause_of, contribution_of, held_since, verb_of
from controls.decisions import Decision, DecisionType, Subject, SubjectKind
from controls.foresight import Asked, Coming, Foresight
from controls.policy import Policy
from controls.tiers import Tier
from controls.undoing import takedowns_left
from feed.storage.ports.store import Ledger, Store
from feed.storage.records import AuthorRecord, ItemRecord
from ranking.snapshot import Snapshot

_NO_POLICY = Policy(name="none")
_SHARES = 1 << 64
_LISTED = 1000
_COPIED = (DecisionType.TAKEDOWN, DecisionType.CORRECT)


class Entrance:
    """What is asked about items that come; from any thread. ``policies`` gives a policy by content hash. A ``share`` of
    what is published is drawn for inspection; ``secret`` keeps authors from knowing which."""

    def __init__(self, policies: Callable[[str], Policy], secret: bytes, share: float) -> None:
        self._policies = policies
        self._key = sha256(b"inspection\0" + secret).digest()
        self._drawn_below = int(share * _SHARES)
        self._lock = threading.Lock()
        self._foresight = "", Foresight(_NO_POLICY)
        self._read = 0
        self._copies_matter = False

    def foreseen(self, digest: str, coming: Coming, now: int) -> tuple[Asked, ...]:
        """What the rules of a policy, by its content hash or empty, ask of an item that is to come."""
        with self._lock:
            if self._foresight[0] != digest:
                self._foresight = digest, Foresight(self._policies(digest) if digest else _NO_POLICY)
            return self._foresight[1].asked(coming, now)

    def copies_matter(self, ledger: Ledger) -> bool:
        """Whether anything was ever taken down or corrected here: if not, no copies need to be looked for. Blocks."""
        with self._lock:
            while not self._copies_matter and (page := ledger.since(self._read)):
                self._copies_matter = any(decision.type in _COPIED for decision in page)
                self._read = page[-1].revision
            return self._copies_matter

    def drawn(self, item: str, content: str) -> bool:
        """Whether an item with this content is drawn for inspection: always the same answer for the same content."""
        drawn = hmac.digest(self._key, f"{item}\0{content}".encode(), "sha256")
        return int.from_bytes(drawn[:8], "big") < self._drawn_below


class Look:
    """One look at what holds at a second, for many items: what it read of the ledger it does not read again."""

    def __init__(self, entrance: Entrance, store: Store, snapshot: Snapshot, now: int) -> None:
        self._entrance = entrance
        self._store = store
        self._now = now
        self._decided: dict[Subject, list[Decision]] = {}
        self._authors: dict[str, AuthorRecord | None] = {}
        self._quiet: set[str] = set()
        self.snapshot = snapshot

    def prepare(self, records: Sequence[ItemRecord]) -> None:
        """Find out at once about which of the items, authors, topics and communities nothing was decided. Blocks."""
        ids = {subject.id for record in records for subject in _subjects(record)} - self._quiet
        self._quiet |= ids - self._store.log.decided_about(list(ids))

    def asked(self, record: ItemRecord, *, labelled: bool = True) -> tuple[Asked, ...]:
        """What rules and decisions ask of an item, as it is to be stored; ``labelled``: it may have labels. Blocks."""
        row = self.snapshot.catalogue.row_of(record.id)
        if row >= 0 and _signals(self.snapshot, row, record):
            return self.of_row(row)
        decided = [
            (cause_of(decision), contribution_of(decision, Restricted()))
            for subject in _subjects(record)
            for decision in self.in_force(subject)
            if verb_of(decision) and record.published_at >= (held_since(decision) or 0)
        ]
        return (*self._foreseen(record, labelled), *decided)

    def of_row(self, row: int) -> tuple[Asked, ...]:
        """What rules and decisions ask of an item of the catalogue."""
        governance = self.snapshot.governance
        return governance.asked(int(governance.class_of[row]))

    def in_force(self, subject: Subject) -> list[Decision]:
        """The decisions about a subject that hold, oldest first. Blocks."""
        if subject.id in self._quiet:
            return []
        if subject not in self._decided:
            about = self._about(subject)
            undone = {decision.reverses for decision in about}
            left = {decision.id for decision in takedowns_left(about, self._now)}
            self._decided[subject] = [
                decision
                for decision in about
                if decision.id not in undone
                and decision.begun(self._now)
                and (decision.expires_at is None or decision.expires_at > self._now)
                and (decision.type is not DecisionType.TAKEDOWN or decision.id in left)
            ]
        return self._decided[subject]

    def _about(self, subject: Subject) -> list[Decision]:
        """Every decision about a subject, oldest first: what is in force may be as old as the ledger."""
        found: list[Decision] = []
        while page := self._store.ledger.listing(
            before=found[-1].revision if found else None, limit=_LISTED, subject=subject.id
        ):
            found += page
            if len(page) < _LISTED:
                break
        return [decision for decision in reversed(found) if decision.subject == subject]

    def takedown_of(self, item: str) -> Decision | None:
        """A takedown of an item itself that is in force, or None. Blocks."""
        row = self.snapshot.catalogue.row_of(item)
        if row >= 0 and not any(asks.tier is Tier.BLOCKED for _, asks in self.of_row(row)):
            return None
        found = self.in_force(Subject(SubjectKind.ITEM, item))
        return next((one for one in found if one.type is DecisionType.TAKEDOWN), None)

    def correction_of(self, item: str) -> Decision | None:
        """A correction of an item that is in force, or None. Blocks."""
        row = self.snapshot.catalogue.row_of(item)
        if row >= 0 and not any(asks.notices for _, asks in self.of_row(row)):
            return None
        found = self.in_force(Subject(SubjectKind.ITEM, item))
        return next((one for one in found if one.type is DecisionType.CORRECT), None)

    def _foreseen(self, record: ItemRecord, labelled: bool) -> tuple[Asked, ...]:
        if not self.snapshot.governance.policy:
            return ()
        if record.author not in self._authors:
            self._authors[record.author] = self._store.items.author(record.author)
        author, view = self._authors[record.author], self.snapshot.governance.author(record.author)
        standing = view.standing(None if author is None else author.standing)
        labels = self._store.items.labels(record.id) if labelled else []
        coming = Coming(
            item=record.id,
            author=record.author,
            topics=record.topics,
            community=record.community,
            language=record.language,
            region=record.region,
            published_at=record.published_at,
            kind="" if author is None else author.kind,
            identity=view.identity or ("" if author is None else author.identity),
            standing=nan if standing is None else standing,
            labels={label.name: (label.score, label.given_at) for label in labels},
        )
        return self._entrance.foreseen(self.snapshot.governance.policy, coming, self._now)


def content_of(record: ItemRecord) -> str:
    """A digest of what an item says: its title and text."""
    return sha256(f"{record.title}\0{record.text}".encode()).hexdigest()[:32]


def _subjects(record: ItemRecord) -> list[Subject]:
    named = [(SubjectKind.ITEM, record.id), (SubjectKind.AUTHOR, record.author)]
    named += [(SubjectKind.TOPIC, topic) for topic in record.topics]
    named += [(SubjectKind.COMMUNITY, record.community)]
    return [Subject(kind, id) for kind, id in named if id]


def _signals(snapshot: Snapshot, row: int, record: ItemRecord) -> bool:
    """Whether the catalogue has the item's signals as they are to be stored; title and text are none."""
    catalogue = snapshot.catalogue
    if catalogue.withdrawn_at(row) or int(catalogue.published.item(row)) != record.published_at:
        return False
    words = {
        "author.id": record.author,
        "community": record.community,
        "language": record.language,
        "region": record.region,
    }
    same = all(catalogue.words_at(signal, row) == ((word,) if word else ()) for signal, word in words.items())
    return same and set(catalogue.words_at("topic", row)) == set(record.topics)
