"""Restricting: Restrictions and their statements, derived from verdict classes as they change (laws 2 and 9).

A step of the publisher's thread. Every Snapshot that the replica swaps in is compared with the one before, so nothing
that was in force is missed; what changed is written here, as much in a turn as leaves time for editions. A Restriction
is written before its statement and marked when that is there, and both have names that follow from what they say: so
whatever a crash cuts off is done by the next process, once.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

import numpy as np
import orjson
from numpy.typing import NDArray

from controls.acts import Restricted, cause_of, contribution_of
from controls.causes import Handles
from controls.decisions import Decision, DecisionType, SubjectKind
from controls.holdings import Holdings, Moved
from controls.restrictions import Holding, Restriction, Restrictions, holding
from controls.stating import ACCOUNT_ACTS
from controls.undoing import undone_by
from feed.clock import Clock
from feed.statement_papers import (
    BEGUN,
    ENDED,
    OPEN,
    every,
    restriction_of,
    restriction_paper,
    restrictions_of,
    statement_paper,
    statements_of,
    with_end,
)
from feed.stating import Stater, puid_of_act
from feed.storage.ports import Store
from feed.storage.register import Entry, Order
from ranking.snapshot import Snapshot

CHUNK = 200
"""Restrictions of one write: decisions that come meanwhile wait no longer than it takes."""

TURN = 2_000
"""Restrictions, and decisions, that one turn writes or reads at most."""

_CURSOR = "restrictions"
_ABOUT = 1_000
_NO_ROWS: Handles = np.empty(0, dtype=np.int32)
_ON_ITEMS = frozenset(
    (DecisionType.TAKEDOWN, DecisionType.SUPPRESS, DecisionType.RESTRICT, DecisionType.BOOST, DecisionType.CORRECT)
)


@dataclass(frozen=True, slots=True)
class _Change:
    moved: Moved
    ids: Sequence[str]
    published: NDArray[np.int64]
    at: int
    first: bool


class Restricting:
    """One for a replica. :meth:`swapped` is for the replica's thread, :meth:`derive` for any other."""

    def __init__(self, store: Store, clock: Clock, stater: Stater, *, quiet: int) -> None:
        self._store = store
        self._clock = clock
        self._stater = stater
        self._quiet = quiet
        self._holdings = Holdings()
        self._before: Handles | None = None
        self._changes: deque[_Change] = deque()
        self._position = (0, 0)
        self._lock = threading.Lock()
        self._restrictions: Restrictions | None = None
        self._waiting: deque[Restriction] = deque()
        self._cursor = 0
        self._over: dict[str, int | None] = {}

    def swapped(self, snapshot: Snapshot) -> None:
        """Note what a new Snapshot holds that the one before did not, and the other way round."""
        before, after = self._before, snapshot.governance.class_of
        if before is not after:
            first = before is None
            moved = self._holdings.moved(snapshot.governance, _NO_ROWS if before is None else before)
            if first or moved.rows.size:
                catalogue = snapshot.catalogue
                self._changes.append(_Change(moved, catalogue.ids, catalogue.published, snapshot.as_of, first))
            self._before = after
        self._position = (snapshot.revision, snapshot.as_of)

    def derive(self) -> int:
        """Write Restrictions and statements that began or ended; returns how many wait for the next turn. Raises
        ``StorageError``; what was not written is written by a later call."""
        with self._lock:
            revision, as_of = self._position
            if self._before is None:
                return 0
            self._over = {}
            restrictions = self._taken_up()
            while self._changes:
                self._take(restrictions, self._changes[0])
                self._changes.popleft()
            self._waiting.extend(restrictions.settled(as_of))
            self._write()
            if not self._waiting:
                self._read_acts(revision, as_of)
            self._end_due(as_of)
            return len(self._waiting)

    def _taken_up(self) -> Restrictions:
        if self._restrictions is None:
            register = restrictions_of(self._store)
            begun = [restriction_of(entry) for entry in every(register, state=BEGUN)]
            kept = [restriction_of(entry) for entry in every(register, state=OPEN)]
            cursor = self._store.register("derived").get(_CURSOR)
            self._cursor = int(orjson.loads(cursor.content)["revision"]) if cursor is not None else 0
            self._waiting.extend(begun)
            self._restrictions = Restrictions(self._quiet, [*begun, *kept])
        return self._restrictions

    def _take(self, restrictions: Restrictions, change: _Change) -> None:
        held: set[tuple[str, Holding]] = set()
        starts: dict[str, int] = {}
        for place, row in enumerate(change.moved.rows.tolist()):
            item = change.ids[row]
            took, left = change.moved.change(place)
            for cause in took:
                held.add((item, cause))
                at = change.at
                if change.first and cause.kind == "decision":
                    if cause.id not in starts:
                        starts[cause.id] = self._starts_at(cause.id, at)
                    at = min(at, max(starts[cause.id], int(change.published[row])))
                restrictions.takes_hold(item, cause, at)
            for cause in left:
                self._let_go(restrictions, item, cause, change.at)
        if change.first:
            for item, cause in restrictions.open_keys():
                if (item, cause) not in held:
                    self._let_go(restrictions, item, cause, change.at)

    def _starts_at(self, id: str, at: int) -> int:
        """The second at which a decision began that was found in force at the start."""
        decision = self._store.ledger.by_id(id)
        return at if decision is None else decision.starts_at

    def _let_go(self, restrictions: Restrictions, item: str, cause: Holding, at: int) -> None:
        over = self._over_at(cause.id, at) if cause.kind == "decision" else None
        restrictions.lets_go(item, cause, at if over is None else over, for_good=over is not None)

    def _over_at(self, id: str, at: int) -> int | None:
        """The second at which a decision expired or was undone; None while it is in force."""
        if id not in self._over:
            decision = self._store.ledger.by_id(id)
            self._over[id] = None if decision is None else self._ended_at(decision, at)
        return self._over[id]

    def _ended_at(self, decision: Decision, at: int) -> int | None:
        about = self._store.ledger.listing(before=None, limit=_ABOUT, subject=decision.subject.id)
        undone = undone_by(decision, list(reversed(about)))
        if undone is None:
            undone = self._store.ledger.reversal_of(decision.id)
        if undone is not None:
            return max(undone.decided_at, decision.starts_at)
        return decision.expires_at if decision.expires_at is not None and decision.expires_at <= at else None

    def _write(self) -> None:
        for _ in range(TURN // CHUNK):
            some = [self._waiting[place] for place in range(min(CHUNK, len(self._waiting)))]
            for ended, group in groupby(some, lambda one: one.until is not None):
                (self._write_ended if ended else self._write_begun)(list(group))
            for _ in some:
                self._waiting.popleft()

    def _write_begun(self, begun: Sequence[Restriction]) -> None:
        if not begun:
            return
        items = self._store.items.items([one.item for one in begun])
        authors = {id: self._store.items.author(id) for id in {item.author for item in items.values() if item.author}}
        causes = {held: self._stater.cause(held) for held in {one.holding for one in begun}}
        papers: dict[str, Entry] = {}
        statements: dict[str, Entry] = {}
        for one in begun:
            item = items.get(one.item)
            author = item.author if item is not None else ""
            fields, puid = self._stater.restriction(one, causes[one.holding], item, authors.get(author))
            papers[one.id] = restriction_paper(one, author, puid, BEGUN)
            if fields is not None:
                cause = one.holding
                statements[puid] = statement_paper(
                    fields, item=one.item, author=author, kind=cause.kind, cause=cause.id, from_at=one.from_at
                )
        register = restrictions_of(self._store)
        register.edit(list(papers), partial(_unless_open, papers)).result()
        statements_of(self._store).edit(list(statements), partial(_unless_open, statements)).result()
        register.edit(list(papers), partial(_in_state, BEGUN, OPEN)).result()

    def _write_ended(self, ended: Sequence[Restriction]) -> None:
        ends = {one.id: one.until for one in ended}
        # Where the statement is that of an act on the author, none has the Restriction's name, and none ends with it.
        for register in (statements_of(self._store), restrictions_of(self._store)):
            register.edit(list(ends), partial(_ending, ends)).result()

    def _read_acts(self, revision: int, as_of: int) -> None:
        """State the acts on authors up to a revision, and what was over before any Snapshot showed it."""
        read = 0
        while self._cursor < revision and read < TURN:
            decisions = [one for one in self._store.ledger.since(self._cursor) if one.revision <= revision]
            for decision in decisions:
                self._read_act(decision, as_of)
            read += len(decisions)
            self._cursor = decisions[-1].revision if decisions else revision
        if read:
            paper = Entry(_CURSOR, orjson.dumps({"revision": self._cursor}).decode())
            self._store.register("derived").edit([_CURSOR], lambda _: [paper]).result()

    def _read_act(self, decision: Decision, as_of: int) -> None:
        if decision.type in ACCOUNT_ACTS:
            fields = self._stater.act(decision)
            author, due_at = decision.subject.id, decision.expires_at or 0
            paper = statement_paper(
                fields,
                item="",
                author=author,
                kind="decision",
                cause=decision.id,
                from_at=decision.starts_at,
                due_at=due_at,
            )
            statements_of(self._store).edit([paper.id], partial(_unless_there, paper)).result()
        elif decision.reverses is not None:
            target = self._store.ledger.by_id(decision.reverses)
            if target is not None and target.type in ACCOUNT_ACTS:
                ends = {puid_of_act(target): max(decision.decided_at, target.starts_at)}
                statements_of(self._store).edit(list(ends), partial(_ending, ends)).result()
        elif decision.type in _ON_ITEMS and decision.subject.kind is SubjectKind.ITEM:
            self._state_missed(decision, as_of)

    def _state_missed(self, decision: Decision, as_of: int) -> None:
        """An act on an item that was undone at once, or while nobody looked, is stated all the same."""
        over, item = self._over_at(decision.id, as_of), decision.subject.id
        held = holding(cause_of(decision), contribution_of(decision, Restricted()))
        if (
            over is None
            or held is None
            or held.waits
            or decision.starts_at > over
            or self._store.items.item(item) is None
        ):
            return
        known = (restriction_of(entry) for entry in every(restrictions_of(self._store), subject=item))
        if any(one.holding.id == decision.id for one in known):
            return
        missed = Restriction(item, held, decision.starts_at)
        self._write_begun([missed])
        self._write_ended([replace(missed, until=over)])

    def _end_due(self, as_of: int) -> None:
        register = statements_of(self._store)
        due = register.find(state=OPEN, due_before=as_of + 1, order=Order.DUE, limit=CHUNK)
        if due:
            ends = {entry.id: entry.due_at for entry in due}
            register.edit(list(ends), partial(_ending, ends)).result()


def _unless_open(papers: Mapping[str, Entry], stored: Mapping[str, Entry]) -> list[Entry]:
    """New ones, and ended ones that begin again."""
    return [paper for id, paper in papers.items() if id not in stored or stored[id].state == ENDED]


def _unless_there(paper: Entry, stored: Mapping[str, Entry]) -> list[Entry]:
    return [] if paper.id in stored else [paper]


def _in_state(old: str, new: str, stored: Mapping[str, Entry]) -> list[Entry]:
    return [replace(entry, state=new) for entry in stored.values() if entry.state == old]


def _ending(ends: Mapping[str, int | None], stored: Mapping[str, Entry]) -> list[Entry]:
    return [with_end(entry, ends[id], ENDED) for id, entry in stored.items() if entry.state != ENDED]
