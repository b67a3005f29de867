"""Timetable: which decisions are in force at a second (laws 1, 2 and 9).

A decision is in force from ``starts_at`` until ``expires_at`` or until a later decision ends it. One that was made to
act at once does so as soon as it is folded, whatever the clock of whoever folds it shows: who answers that it is obeyed
obeys it (law 11). Ending needs no memory of order: a reversal that is folded before its target ends it all the same.
"""

from __future__ import annotations

import heapq

from controls.decisions import Decision, DecisionType
from controls.undoing import SWEEPING, undone_together


class Timetable:
    """Decisions that are in force or will be. ``as_of`` never moves backwards."""

    def __init__(self) -> None:
        self.as_of = 0
        self.in_force: dict[str, Decision] = {}
        self.pins: dict[str, Decision] = {}
        """Pins that are in force or will be, by id."""
        self.experiments: dict[str, Decision] = {}
        """Experiments that run or will, by id."""
        self._scheduled: dict[str, Decision] = {}
        self._reversed: set[str] = set()
        self._together: dict[tuple[object, ...], set[str]] = {}
        self._turns: list[tuple[int, str]] = []

    def arrive(self, decision: Decision) -> tuple[list[Decision], list[Decision]]:
        """Take in the ledger's next decision; returns the decisions that it made start and end."""
        if decision.type is DecisionType.REVERSE:
            return [], self._end({decision.reverses} if decision.reverses else set())
        together = undone_together(decision)
        if decision.type in SWEEPING:
            return [], self._end(self._together.get(together, set()))
        if decision.id in self._reversed:
            self._reversed.discard(decision.id)
            return [], []
        if decision.expires_at is not None and decision.expires_at <= self.as_of:
            return [], []
        self._scheduled[decision.id] = decision
        heapq.heappush(self._turns, (self.as_of if decision.begun(self.as_of) else decision.starts_at, decision.id))
        if decision.expires_at is not None:
            heapq.heappush(self._turns, (decision.expires_at, decision.id))
        if together:
            self._together.setdefault(together, set()).add(decision.id)
        if decision.type is DecisionType.PIN:
            self.pins[decision.id] = decision
        elif decision.type is DecisionType.START_EXPERIMENT:
            self.experiments[decision.id] = decision
        return self.advance(self.as_of)

    def advance(self, as_of: int) -> tuple[list[Decision], list[Decision]]:
        """Move to a second; returns the decisions that started and those that ended, as seen from before."""
        self.as_of = as_of
        started: dict[str, Decision] = {}
        ended: list[Decision] = []
        while self._turns and self._turns[0][0] <= as_of:
            _, name = heapq.heappop(self._turns)
            decision = self._scheduled.pop(name, None)
            if decision is not None:
                started[name] = self.in_force[name] = decision
                continue
            decision = self.in_force.get(name)
            if decision is not None and decision.expires_at is not None and decision.expires_at <= as_of:
                self._leave(decision)
                if started.pop(name, None) is None:
                    ended.append(decision)
        return list(started.values()), ended

    def next_turn(self) -> int | None:
        """The next second at which a decision starts or expires, or None."""
        while self._turns and not self._alive(self._turns[0][1]):
            heapq.heappop(self._turns)
        return self._turns[0][0] if self._turns else None

    def _alive(self, name: str) -> bool:
        return name in self._scheduled or name in self.in_force

    def _end(self, names: set[str]) -> list[Decision]:
        ended = []
        for name in sorted(names):
            decision = self.in_force.get(name) or self._scheduled.get(name)
            if decision is None:
                self._reversed.add(name)
                continue
            if name in self.in_force:
                ended.append(decision)
            self._leave(decision)
        return ended

    def _leave(self, decision: Decision) -> None:
        self.in_force.pop(decision.id, None)
        self._scheduled.pop(decision.id, None)
        self.pins.pop(decision.id, None)
        self.experiments.pop(decision.id, None)
        together = undone_together(decision)
        if together:
            others = self._together[together]
            others.discard(decision.id)
            if not others:
                del self._together[together]
