"""A store in memory with a process over it that derives Restrictions, by a clock that stands; it can be restarted."""

from __future__ import annotations

from itertools import count
from typing import Any

import orjson

from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.policy import canonical, content_hash
from controls.stating import Desk
from feed.clock import ManualClock
from feed.control.follow import catch_up
from feed.control.restricting import Restricting
from feed.models.library import PolicyDocuments
from feed.storage.memory import MemoryStore
from feed.storage.records import AuthorRecord, ItemRecord, LabelRecord
from feed.storage.register import Entry
from feed.transparency.statement_papers import Statement, every, restrictions_of, statement_of, statements_of
from feed.transparency.stating import Stater
from ranking.fold import Fold
from tests.unit.controls.building import policy, rule

QUIET = 60
NOW = 1_800_000_000
RUMOURS = policy(
    rule(
        {"signal": "label.rumour", "min": 0.8},
        id="rumours",
        basis={"kind": "terms", "clause": "4.2", "category": "rumour"},
    )
)


class Place:
    """A store with a process over it that can be restarted."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.store = MemoryStore()
        self.numbers = count(1)
        self.restart()

    def restart(self) -> None:
        """Forget all that was not written."""
        self.policies = PolicyDocuments(self.store.policies)
        self.fold = Fold(self.policies, lambda _: (_ for _ in ()).throw(KeyError()))
        desk = Desk({"rumour": "NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS"})
        stater = Stater(self.store, self.policies, lambda: self.fold.snapshot().governance, desk)
        self.restricting = Restricting(self.store, stater, quiet=QUIET)

    def put(self, *ids: str, author: str = "ann") -> None:
        items = [ItemRecord(id, author, title=id, published_at=NOW - 86_400, language="de") for id in ids]
        self.store.items.put_items(items).result()
        self.store.items.put_author(AuthorRecord(author, name="Ann Author", kind="person")).result()

    def label(self, item: str, score: float) -> None:
        given = LabelRecord(item, "rumour", score, "model", self.clock.now() + next(self.numbers))
        self.store.items.give_labels([given]).result()

    def decide(self, kind: str, about: str = "platform:", **fields: Any) -> str:
        subject_kind, _, name = about.partition(":")
        made: dict[str, Any] = {
            "id": f"d{next(self.numbers)}",
            "type": DecisionType(kind),
            "subject": Subject(SubjectKind(subject_kind), name),
            "actor": "mo",
            "role": "moderator",
            "reason": "mo found it wrong, and so did ann",
            "basis": Basis("terms", "4.2"),
            "decided_at": self.clock.now(),
            "starts_at": self.clock.now(),
        }
        decision = Decision(**{**made, **fields})
        self.store.ledger.append(decision).result()
        return decision.id

    def publish(self) -> None:
        document = canonical(RUMOURS).decode()
        self.store.policies.put(content_hash(RUMOURS), document, self.clock.now()).result()
        self.decide("publish_policy", parameters={"policy": content_hash(RUMOURS)})

    def swap(self) -> None:
        """Publish an edition, fold all there is and show the Snapshot."""
        self.store.journal.publish(extra=b"", at=self.clock.now()).result()
        catch_up(self.fold, self.store)
        self.fold.advance(self.clock.now())
        self.restricting.swapped(self.fold.snapshot())

    def turn(self, seconds: int = 0) -> None:
        """Let time pass, then do all that is due."""
        self.clock.advance(seconds)
        self.swap()
        while self.restricting.derive():
            pass

    def statements(self) -> list[Statement]:
        return sorted(map(statement_of, every(statements_of(self.store))), key=lambda one: (one.from_at, one.item))

    def restrictions(self) -> dict[str, Entry]:
        return {entry.id: entry for entry in every(restrictions_of(self.store))}

    def spans(self) -> list[tuple[str, int, int | None]]:
        """Item, beginning and end of each statement, in seconds from the start."""
        told = [(s.item, s.from_at - NOW, None if s.until is None else s.until - NOW) for s in self.statements()]
        kept = [orjson.loads(entry.content) for entry in self.restrictions().values() if entry.subject]
        spans = {(one["item"], one["from_at"] - NOW, one["until"] and one["until"] - NOW) for one in kept}
        assert spans >= {span for span in told if span[0]}
        assert {entry.state for entry in self.restrictions().values()} <= {"open", "ended"}
        return told
