"""Capacity: hours of review needed against hours there, so that a platform sees whether its people match its scale.

Needed a day = cases opened a day × minutes that one takes. Minutes are the mean from claim to answer of the cases that
were resolved, once there are enough of a kind; before that, the table below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from controls.cases import Case, CaseKind, CaseState, overdue

ENOUGH = 10
"""Resolved cases of a kind from which on their own mean counts."""

MINUTES: Mapping[CaseKind, float] = MappingProxyType(
    {
        CaseKind.REPORT: 5.0,
        CaseKind.REVIEW: 15.0,
        CaseKind.INSPECTION: 5.0,
        CaseKind.APPEAL: 20.0,
        CaseKind.ORDER: 30.0,
    }
)
"""Minutes that a case takes until its kind was measured."""

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Load:
    """What one kind of case asks for. ``minutes``: of one case, ``measured`` from resolved ones or the table's."""

    kind: CaseKind
    per_day: float
    minutes: float
    measured: bool
    waiting: int
    overdue: int
    hours_per_day: float
    hours_waiting: float


@dataclass(frozen=True, slots=True)
class Capacity:
    """Hours needed and there. ``days``: that were looked at. ``there``: hours of review a day, 0 when uncounted.

    ``share``: needed a day of those there, None without them. ``clears_in``: days until what waits is done, None when
    that never comes.
    """

    days: float
    loads: tuple[Load, ...]
    needed: float
    waiting: float
    there: float
    share: float | None
    clears_in: float | None


def capacity(opened: Iterable[Case], waiting: Iterable[Case], now: int, days: float, there: float) -> Capacity:
    """Work out the capacity at second ``now``. ``opened``: the cases opened within the last ``days``; ``waiting``: the
    unresolved ones, however old; ``there``: hours of review that people give in a day."""
    by_kind: dict[CaseKind, list[Case]] = {kind: [] for kind in CaseKind}
    queued: dict[CaseKind, list[Case]] = {kind: [] for kind in CaseKind}
    for case in opened:
        by_kind[case.kind].append(case)
    for case in waiting:
        queued[case.kind].append(case)
    loads = tuple(_load(kind, by_kind[kind], queued[kind], now, days) for kind in CaseKind)
    needed = sum(load.hours_per_day for load in loads)
    left = sum(load.hours_waiting for load in loads)
    spare = there - needed
    clears_in = 0.0 if not left else left / spare if spare > 0 else None
    return Capacity(days, loads, needed, left, there, needed / there if there else None, clears_in)


def _load(kind: CaseKind, opened: list[Case], waiting: list[Case], now: int, days: float) -> Load:
    # What ended by itself was held by nobody, and took nobody's time.
    taken = [case.resolved_at - case.held_at for case in opened if case.state is CaseState.RESOLVED and case.holder]
    measured = len(taken) >= ENOUGH
    minutes = sum(taken) / len(taken) / 60 if measured else MINUTES[kind]
    per_day = len(opened) / days
    late = sum(overdue(case, now) for case in waiting)
    hours = minutes / 60
    return Load(kind, per_day, minutes, measured, len(waiting), late, per_day * hours, len(waiting) * hours)


def observed(oldest: int | None, now: int, days: int) -> float:
    """Days that can be looked at: all of ``days``, or as many as there were since the oldest case, at least one."""
    since = now - oldest if oldest is not None else 0
    return min(float(days), max(1.0, since / _DAY))
