"""Restricting: Restrictions and their statements, derived from verdict classes as they change (laws 2 and 9).

A step of the publisher's thread. Every Snapshot that the replica swaps in is compared with the one before, so nothing
that was in force is missed; what changed is written here, as much in a turn as leaves time for editions. A Restriction
is written before its statement and marked when that is there, and both have names that follow from what they say: so
whatever a crash cuts off is done by the next process, once.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby

import numpy as np
import orjson
from numpy.typing import NDArray

from controls.acts import Restricted, cause_of, contribution_of
from controls.decisions import Decision, DecisionType
from controls.governance import Governance
from controls.holdings import Holdings, Moved
from controls.restrictions import Holding, Restriction, Restrictions, holding
from controls.stating import ACCOUNT_ACTS
from controls.undoing import undone_by
from feed.storage.ports.store import Store
from feed.storage.register import Entry, Order
from feed.transparency.statement_papers import (
    BEGUN,
    OPEN,
    ending,
    every,
    in_state,
    restriction_of,
    restriction_paper,
    restrictions_of,
    statement_paper,
    statements_of,
    unless_open,
    unless_there,
)
from feed.transparency.stating import Stater, puid_of_act
from ranking.catalogue import Catalogue
from ranking.snapshot import Snapshot

CHUNK = 200
"""Restrictions of one write: decisions that come meanwhile wait no longer than it takes."""

TURN = 2_000
"""Restrictions, and decisions, that one turn writes or reads at most."""

SLICE = 5_000
"""Changed rows that are looked at together; no more are while five turns wait to be written."""

_CURSOR = "restrictions"
_ABOUT = 1_000
_ON_ITEMS = frozenset(
    (DecisionType.TAKEDOWN, DecisionType.SUPPRESS, DecisionType.RESTRICT, DecisionType.BOOST, DecisionType.CORRECT)
)


@dataclass(slots=True)
class _Change:
    moved: Moved
    ids: Sequence[str]
    published: NDArray[np.int64]
    at: int
    first: bool
    done: int = 0
    held: set[tuple[str, Holding]] = field(default_factory=set)
    """Of the first change: all that holds now, so that what is open and not among it can be ended."""
    starts: dict[str, int] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """Rows that were not looked at yet."""
        return int(self.moved.rows.size) - self.done


class Restricting:
    """One for a replica. :meth:`swapped` is for the replica's thread, :meth:`derive` for any other."""

    def __init__(self, store: Store, stater: Stater, *, quiet: int) -> None:
        self._store = store
        self._stater = stater
        self._quiet = quiet
        self._holdings = Holdings()
        self._before: Governance | None = None
        self._changes: deque[_Change] = deque()
        self._position = (0, 0)
        self._catalogue: Catalogue | None = None
        self._lock = threading.Lock()
        self._restrictions: Restrictions | None = None
        self._waiting: deque[Restriction] = deque()
        self._cursor = 0
        self._over: dict[str, int | None] = {}

    def swapped(self, snapshot: Snapshot) -> None:
        """Note what a new Snapshot holds that the one before did not, and the other way round."""
        before, after = self._before, snapshot.governance
        if before is None or before.class_of is not after.class_of:
            first = before is None
            moved = self._holdings.moved(after, before)
            if first or moved.rows.size:
                catalogue = snapshot.catalogue
                self._changes.append(_Change(moved, catalogue.ids, catalogue.published, snapshot.as_of, first))
            self._before = after
        self._catalogue = snapshot.catalogue
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
            while self._changes and len(self._waiting) < 5 * TURN:
                change = self._changes[0]
                self._take(restrictions, change)
                self._waiting.extend(restrictions.settled(change.at))
                if not change.left:
                    self._changes.popleft()
            if not self._changes:
                self._waiting.extend(restrictions.settled(as_of))
            self._write()
            if not self._waiting and not self._changes:
                self._read_acts(revision, as_of)
            self._end_due(as_of)
            return len(self._waiting) + sum(change.left for change in self._changes)

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
        """Tell what the next rows of a change took and let go."""
        rows = change.moved.rows[change.done : change.done + SLICE].tolist()
        for place, row in enumerate(rows, change.done):
            item = change.ids[row]
            took, left = change.moved.change(place)
            for cause in took:
                restrictions.takes_hold(item, cause, self._began(item, cause, row, change))
            for cause in left:
                self._let_go(restrictions, item, cause, change.at)
        if change.first and len(rows) == change.left:
            for item, cause in restrictions.open_keys():
                if (item, cause) not in change.held:
                    self._let_go(restrictions, item, cause, change.at)
        change.done += len(rows)

    def _began(self, item: str, cause: Holding, row: int, change: _Change) -> int:
        """The second at which a cause took hold: now, but for a decision that was found in force at the start."""
        if not change.first:
            return change.at
        change.held.add((item, cause))
        if cause.kind != "decision":
            return change.at
        if cause.id not in change.starts:
            change.starts[cause.id] = self._starts_at(cause.id, change.at)
        return min(change.at, max(change.starts[cause.id], int(change.published[row])))

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
        register.edit(list(papers), partial(unless_open, papers)).result()
        statements_of(self._store).edit(list(statements), partial(unless_open, statements)).result()
        register.edit(list(papers), partial(in_state, BEGUN, OPEN)).result()

    def _write_ended(self, ended: Sequence[Restriction]) -> None:
        ends = {one.id: one.until for one in ended}
        # Where the statement is that of an act on the author, none has the Restriction's name, and none ends with it.
        for register in (statements_of(self._store), restrictions_of(self._store)):
            register.edit(list(ends), partial(ending, ends)).result()

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
            statements_of(self._store).edit([paper.id], partial(unless_there, paper)).result()
        elif decision.reverses is not None:
            target = self._store.ledger.by_id(decision.reverses)
            if target is not None and target.type in ACCOUNT_ACTS:
                ends = {puid_of_act(target): max(decision.decided_at, target.starts_at)}
                statements_of(self._store).edit(list(ends), partial(ending, ends)).result()
        elif decision.type in _ON_ITEMS:
            self._state_missed(decision, as_of)

    def _state_missed(self, decision: Decision, as_of: int) -> None:
        """An act on items that was undone at once, or before all of it was written, is stated all the same."""
        over, catalogue, subject = self._over_at(decision.id, as_of), self._catalogue, decision.subject
        held = holding(cause_of(decision), contribution_of(decision, Restricted()))
        if over is None or held is None or held.waits or decision.starts_at > over or catalogue is None:
            return
        missed = []
        for row in catalogue.rows_of(subject.kind.value, subject.id).tolist():
            began, item = max(decision.starts_at, int(catalogue.published[row])), catalogue.ids[row]
            known = (restriction_of(entry) for entry in every(restrictions_of(self._store), subject=item))
            if began <= over and not any(one.holding.id == decision.id for one in known):
                missed.append(Restriction(item, held, began))
        for start in range(0, len(missed), CHUNK):
            some = missed[start : start + CHUNK]
            self._write_begun(some)
            self._write_ended([replace(one, until=over) for one in some])

    def _end_due(self, as_of: int) -> None:
        register = statements_of(self._store)
        due = register.find(state=OPEN, due_before=as_of + 1, order=Order.DUE, limit=CHUNK)
        if due:
            ends = {entry.id: entry.due_at for entry in due}
            register.edit(list(ends), partial(ending, ends)).result()
