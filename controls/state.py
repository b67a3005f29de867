"""State: the fold of decisions, columns and time into governance (laws 1, 2, 5 and 6).

The same decisions, columns and second give the same governance, whatever the steps in which they arrived. Each step
costs what it changes: a decision its own rows, an edition its rows, a second the rows whose age crosses a bound.
Acts that replace (policy, model), ``restore`` and ``revoke`` speak of what stands before them in the ledger; all others
join. Labels, strikes and attestations act as signals (:mod:`controls.overlay`): the rules judge their rows anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from controls.acting import SIGNAL, Acting
from controls.acts import Restricted, cause_of, contribution_of, held_since, verb_of
from controls.authors import Authors
from controls.causes import Cause, Classes, Contribution, Handles, renewed
from controls.decisions import Decision, DecisionType, SubjectKind
from controls.errors import StateError
from controls.experiments import Running
from controls.governance import Governance, Tables
from controls.grants import Grants
from controls.overlay import Labels, overlaid
from controls.placements import Placements
from controls.policy import Policy
from controls.proposals import PLATFORM_ACTS
from controls.published import Published
from controls.rows import NEVER, RowClasses, with_cause
from controls.signals import Columns, Rows
from controls.timetable import Timetable

__all__ = ["Governance", "State"]

ONE_BY_ONE = 64
"""Up to so many changed rows are worked out one by one, more as arrays."""

CLASSES_KEPT = 8_192
"""Up to so many verdict classes, or twice as many as rows have, are kept; beyond, those that no row has are let go."""

_PLACEMENTS = (DecisionType.PIN, DecisionType.FEATURE)
_OF_AUTHORS = (DecisionType.STRIKE, DecisionType.RESTRICT_AUTHOR, DecisionType.VERIFY_IDENTITY)
_WITHDRAWN = (Cause("withdrawn", "", "withdrawn by its owner"), Contribution(ineligible=True))


class State:
    """A replica's accumulator. ``policies`` gives a policy by content hash; it was stored before the decision that
    publishes it, so that the fold never waits (law 4). ``instead``: the content hash of a policy to look at what would
    be under it, in place of all that were published for the platform; empty for none."""

    def __init__(self, policies: Callable[[str], Policy], instead: str | None = None) -> None:
        self._revision = 0
        self._timetable = Timetable()
        self._classes = Classes()
        self._tables = Tables(self._classes)
        self._rows = RowClasses(self._classes)
        self._columns: Columns | None = None
        self._withdrawn = self._classes.cause(*_WITHDRAWN)
        self._most_classes = CLASSES_KEPT
        self._acting = Acting()
        self._platform: dict[str, Decision] = {}
        self._placements = Placements()
        self._running = Running()
        self._published = Published(policies, self._classes, instead)
        self._labels = Labels()
        self._authors = Authors()
        self._grants = Grants()
        self._told: list[Rows] = []
        self._governance: Governance | None = None

    def decide(self, decisions: Sequence[Decision]) -> None:
        """Fold the next decisions of the ledger, in revision order without gaps; raises :class:`StateError`, and then
        has folded the decisions before the one it names."""
        try:
            for decision in decisions:
                self._decide(decision)
        finally:
            self._enforce_policy()

    def columns_changed(self, columns: Columns, rows: Rows) -> None:
        """Take a new view of the columns. ``rows`` int32[n]: rows that are new or changed; new ones may be left out."""
        changed = np.asarray(rows, dtype=np.int32)
        added = np.arange(self._rows.count, columns.rows, dtype=np.int32)
        if changed.size != 1 or added.size:
            changed = np.union1d(changed, added).astype(np.int32)
        self._columns = columns
        self._rows.grow(columns.rows)
        self._governance = None
        self._labels.rows_added(columns)
        self._derive(changed)
        waiting = self._acting.waiting
        for item in [item for item in waiting if columns.row_of(item) >= 0]:
            row = np.array([columns.row_of(item)], dtype=np.int32)
            for cause in waiting.pop(item):
                self._rows.add(row, cause)
        if added.size:
            self._placements.rows_added()

    def advance(self, as_of: int) -> None:
        """Move time to a second; raises :class:`StateError` for a step backwards."""
        if as_of < self._timetable.as_of:
            raise StateError(f"as_of {as_of} lies before {self._timetable.as_of}; time only moves forward")
        if as_of > self._timetable.as_of:
            self._governance = None
            self._turn(*self._timetable.advance(as_of))
            self._enforce_policy()
            self._derive(self._rows.take_due(as_of))
            if self._classes.size > self._most_classes:
                self._renew()

    def _renew(self) -> None:
        """Intern the classes that rows have anew, and no others: decisions that ended leave nothing behind. What was
        handed out keeps the old ones."""
        kept, again, causes = renewed(self._classes, self._rows.view())
        self._acting.renew(again, causes)
        self._withdrawn = kept.cause(*_WITHDRAWN)
        self._rows.renew(kept, again)
        self._published.renew(kept, again)
        self._tables = self._tables.renewed(kept)
        self._classes = kept
        self._most_classes = max(CLASSES_KEPT, 2 * kept.size)

    def governance(self) -> Governance:
        """The present state, immutable. Arrays that did not change since the last call are the same arrays."""
        if self._governance is None:
            turn = self._timetable.next_turn()
            upcoming = min(self._rows.next_due, NEVER if turn is None else turn)
            self._governance = Governance(
                revision=self._revision,
                as_of=self._timetable.as_of,
                class_of=self._rows.view(),
                policy=self._published.policy,
                model=self._latest(DecisionType.ACTIVATE_MODEL, "model"),
                frozen=any(d.type is DecisionType.FREEZE for d in self._platform.values()),
                next_change=None if upcoming == NEVER else upcoming,
                placements=self._placements.current(self._columns),
                tier_shares=self._published.shares,
                classes=self._classes.size,
                pinned=tuple(self._timetable.pins.values()),
                community_policies=self._published.communities,
                experiments=self._running.among(self._platform.values()),
                planned=tuple(self._timetable.experiments.values()),
                _interned=self._classes,
                _tables=self._tables,
                _authors=self._authors.view(),
                _grants=self._grants.view(),
            )
        return self._governance

    def _latest(self, kind: DecisionType, parameter: str) -> str:
        found = [d for d in self._platform.values() if d.type is kind]
        return str(max(found, key=lambda d: d.revision).parameters[parameter]) if found else ""

    def _decide(self, decision: Decision) -> None:
        if decision.revision != self._revision + 1:
            raise StateError(
                f"revision {decision.revision} cannot follow {self._revision}; "
                "read the ledger by revision, without gaps"
            )
        if decision.type is DecisionType.PUBLISH_POLICY:
            self._published.fetch(decision)
        self._revision = decision.revision
        self._governance = None
        self._turn(*self._timetable.arrive(decision))

    def _enforce_policy(self) -> None:
        """Compile the policies that are now in force, where they are others than before, over the rows they judge; and
        judge the rows of which decisions told something new."""
        restricted = self._published.restricted
        changed = self._published.enforce(self._platform.values(), self._columns)
        told, self._told = self._told, []
        if changed is None:
            self._rows.clear_due()
            changed = np.arange(self._rows.count, dtype=np.int32)
        elif told:
            changed = self._rows.union((changed, *told))
        if restricted != self._published.restricted:
            self._restate(restricted)
        self._derive(changed)

    def _turn(self, started: Iterable[Decision], ended: Iterable[Decision]) -> None:
        for decision in started:
            self._act(decision, begins=True)
        for decision in ended:
            self._act(decision, begins=False)

    def _act(self, decision: Decision, *, begins: bool) -> None:
        if decision.type in PLATFORM_ACTS:
            if begins:
                self._platform[decision.id] = decision
            else:
                del self._platform[decision.id]
        elif decision.type in _PLACEMENTS:
            self._placements.turn(decision, begins=begins)
        elif decision.type is DecisionType.GRANT:
            self._grants.turn(decision, begins=begins)
        elif decision.type is DecisionType.LABEL:
            row = self._labels.turn(decision, self._columns, begins=begins)
            self._told.append(np.array([row] if row >= 0 else [], dtype=np.int32))
        elif decision.type in _OF_AUTHORS and self._authors.turn(decision, begins=begins) and self._columns is not None:
            self._told.append(self._columns.rows_of("author", decision.subject.id))
        if verb_of(decision) and decision.subject.kind is SubjectKind.ITEM:
            self._act_on_item(decision, begins)
        elif verb_of(decision) and decision.subject.kind in SIGNAL:
            self._act_on_group(decision, begins)

    def _act_on_item(self, decision: Decision, begins: bool) -> None:
        cause = self._cause(decision)
        item = decision.subject.id
        row = self._columns.row_of(item) if self._columns is not None else -1
        if begins:
            self._acting.of_items.add(cause)
        if row >= 0:
            (self._rows.add if begins else self._rows.remove)(np.array([row], dtype=np.int32), cause)
        else:
            self._acting.wait(item, cause, begins=begins)

    def _act_on_group(self, decision: Decision, begins: bool) -> None:
        cause = self._cause(decision)
        kind, group = decision.subject.kind, decision.subject.id
        self._acting.turn_group(kind, group, cause, begins=begins)
        if self._columns is not None:
            rows = self._acting.reached(self._columns, self._columns.rows_of(kind.value, group), cause)
            (self._rows.add if begins else self._rows.remove)(rows, cause)

    def _cause(self, decision: Decision) -> int:
        asked = contribution_of(decision, self._published.restricted)
        cause = self._classes.cause(cause_of(decision), asked)
        since = held_since(decision)
        if since is not None:
            self._acting.since[cause] = since
        return cause

    def _restate(self, before: Restricted) -> None:
        """Let the restrictions in force ask for what another policy makes of their tier."""
        renamed: dict[int, int] = {}
        for decision in self._timetable.in_force.values():
            if decision.type is DecisionType.RESTRICT:
                old = self._classes.cause(cause_of(decision), contribution_of(decision, before))
                renamed[old] = self._cause(decision)
        if renamed:
            self._acting.rename(renamed)
            self._rows.rename(renamed)

    def _derive(self, rows: Rows) -> None:
        """Work out the causes of rows (ascending) anew, but for those of decisions on single items, which stay."""
        if self._columns is None or not rows.size:
            return
        columns = overlaid(self._columns, self._labels, self._authors)
        if rows.size <= ONE_BY_ONE:
            for row in rows.tolist():
                self._derive_one(columns, row)
            return
        handles = self._classes.remapped(
            self._rows.handles(rows), lambda causes: tuple(c for c in causes if c in self._acting.of_items)
        )
        handles = with_cause(self._classes, handles, columns.withdrawn(rows), self._withdrawn)
        for kind, signal in SIGNAL.items():
            handles = self._with_groups(columns, rows, handles, self._acting.of_groups[kind], signal)
        handles, due = self._published.apply(columns, rows, self._timetable.as_of, handles)
        self._rows.set_due(rows, due)
        self._rows.put(rows, handles)

    def _derive_one(self, columns: Columns, row: int) -> None:
        """The same for one row, without the cost of arrays."""
        kept = [cause for cause in self._classes.causes_of(self._rows.handle(row)) if cause in self._acting.of_items]
        if columns.withdrawn_at(row):
            kept.append(self._withdrawn)
        for kind, groups in self._acting.of_groups.items():
            if groups:
                for group in columns.words_at(SIGNAL[kind], row):
                    kept += (
                        c
                        for c in groups.get(group, ())
                        if c not in self._acting.since or self._acting.reached_at(columns, row, c)
                    )
        handle = self._classes.intern(tuple(kept))
        handle, due = self._published.apply_to(columns, row, self._timetable.as_of, handle)
        self._rows.put_one(row, handle, due)

    def _with_groups(
        self, columns: Columns, rows: Rows, handles: Handles, groups: dict[str, set[int]], signal: str
    ) -> Handles:
        """Add the causes of decisions on authors, topics or communities to the rows that belong to them."""
        reached = np.flatnonzero(columns.member(signal, frozenset(groups), rows)) if groups else rows[:0]
        if not reached.size:
            return handles
        part = handles[reached]
        for group, causes in groups.items():
            mask = columns.member(signal, frozenset((group,)), rows[reached])
            for cause in causes:
                here = mask & np.isin(rows[reached], self._acting.reached(columns, rows[reached], cause))
                part = with_cause(self._classes, part, here if cause in self._acting.since else mask, cause)
        handles[reached] = part
        return handles
