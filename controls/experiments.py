"""Experiments: readers by lot in arms, each of which sets parameters of ranking, for a time (laws 2, 3 and 9).

An experiment is a decision ``start_experiment`` in force; it ends by itself, by ``stop_experiment`` or by a reversal.
What may be set is ranking's to say: verdicts, shares, freezes and all else that governs are no parameters, so that an
experiment can never loosen them. Experiments run side by side as long as no two set the same parameter for somebody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controls.decisions import Decision, DecisionType
from controls.errors import ExperimentClash, ExperimentOver, InvalidDecision, UnknownReference
from controls.scopes import Scope, SurfaceKind

WHOLE = 1000
"""All readers: shares are in thousandths of them."""

OUTCOMES = ("click", "dwell", "like", "share", "more", "less", "hide")
"""What can be measured: the kinds of events, but impressions, which follow from the pages themselves."""

MEASURES = ("per_reader", "readers")
"""How it is measured: events per reader, or the share of readers with any."""

MOST_ARMS = 10
MOST_AT_ONCE = 20
"""Experiments in force or to come, so that a page meets a bounded number."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_FIELDS = ("name", "share", "sets")
Settable = Callable[[str, object], str]
"""What is wrong with setting a parameter of ranking, by name, to a value; empty when nothing is."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way in which pages are made: its share of all readers in thousandths, and the parameters that it sets."""

    name: str
    share: int
    sets: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment by the id of the decision that started it. The first arm is what the others are compared with;
    readers in none of the arms have the parameters that everybody has. Seconds; it ends at ``expires_at``."""

    id: str
    name: str
    arms: tuple[Arm, ...]
    outcome: str
    measure: str
    scope: Scope
    starts_at: int
    expires_at: int

    @property
    def sets(self) -> frozenset[str]:
        """The parameters that any arm sets."""
        return frozenset(name for arm in self.arms for name, _ in arm.sets)


def experiment_of(decision: Decision) -> Experiment:
    """The experiment that a ``start_experiment`` starts; none is decided without an end."""
    given: Mapping[str, Any] = decision.parameters
    arms = tuple(Arm(arm["name"], arm["share"], tuple(sorted(arm.get("sets", {}).items()))) for arm in given["arms"])
    measure = str(given.get("measure", MEASURES[0]))
    ends = decision.expires_at or 0
    return Experiment(
        decision.id, given["name"], arms, given["outcome"], measure, decision.scope, decision.starts_at, ends
    )


class Running:
    """The experiments in force; the same tuple as before while they are the same."""

    def __init__(self) -> None:
        self._ids: tuple[str, ...] = ()
        self._experiments: tuple[Experiment, ...] = ()

    def among(self, in_force: Iterable[Decision]) -> tuple[Experiment, ...]:
        """Those among decisions in force, by name."""
        starts = [decision for decision in in_force if decision.type is DecisionType.START_EXPERIMENT]
        ids = tuple(sorted(decision.id for decision in starts))
        if ids != self._ids:
            experiments = map(experiment_of, starts)
            self._ids, self._experiments = ids, tuple(sorted(experiments, key=lambda one: (one.name, one.id)))
        return self._experiments


def check_arms(value: object, field: str) -> None:
    """Raise :class:`InvalidDecision`, naming the field, unless a parameter is a list of arms."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not 2 <= len(value) <= MOST_ARMS:
        raise InvalidDecision(f"an experiment has 2 to {MOST_ARMS} arms; list them, the usual one first", field)
    names = set[str]()
    for place, arm in enumerate(value):
        here = f"{field}.{place}"
        if not isinstance(arm, Mapping):
            raise InvalidDecision("an arm is a name, a share and what it sets", here)
        for name in arm:
            if name not in _FIELDS:
                raise InvalidDecision(f"an arm has no {name!r}; remove it", f"{here}.{name}")
        check_name(arm.get("name"), f"{here}.name")
        if arm["name"] in names:
            raise InvalidDecision(f"two arms are named {arm['name']!r}; rename one", f"{here}.name")
        names.add(arm["name"])
        share = arm.get("share")
        if not isinstance(share, int) or isinstance(share, bool) or not 1 <= share <= WHOLE:
            raise InvalidDecision("a share is in thousandths of all readers, from 1 to 1000", f"{here}.share")
        sets = arm.get("sets", {})
        if not isinstance(sets, Mapping) or not all(isinstance(name, str) for name in sets):
            raise InvalidDecision("what an arm sets are parameters of ranking by name", f"{here}.sets")
    total = sum(arm["share"] for arm in value)
    if total > WHOLE:
        raise InvalidDecision(f"the arms share {total} thousandths of all readers; give 1000 at most", field)


def check_name(value: object, field: str) -> None:
    """Raise :class:`InvalidDecision` unless a name can stand on pages."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidDecision("a name has up to 40 small letters, digits and - _", field)


def check_settings(arms: Iterable[Mapping[str, Any]], settable: Settable) -> None:
    """Raise :class:`InvalidDecision`, naming arm and parameter, for the first that ranking cannot be set to."""
    for place, arm in enumerate(arms):
        for name, value in arm.get("sets", {}).items():
            problem = settable(name, value)
            if problem:
                raise InvalidDecision(f"arm {arm['name']!r}: {problem}", f"parameters.arms.{place}.sets.{name}")


def check_reach(scope: Scope) -> None:
    """Raise :class:`InvalidDecision` for a scope of which no page is personalized."""
    if set(scope.surfaces) == {SurfaceKind.RELATED.value}:
        raise InvalidDecision(
            "pages of the surface related are not personalized, and so in no experiment; name another surface",
            "scope.surfaces",
        )


def check_running(started: Decision | None, undone: Decision | None, now: int) -> None:
    """Raise unless a decision started an experiment that has not ended by itself or by another decision."""
    field = "parameters.experiment"
    if started is None or started.type is not DecisionType.START_EXPERIMENT:
        raise UnknownReference("no experiment has this id; give that of the decision that started it", field)
    if undone is not None:
        raise ExperimentOver(f"experiment {started.id} was ended by {undone.id}", field)
    if started.expires_at is not None and started.expires_at <= now:
        raise ExperimentOver(f"experiment {started.id} ended at second {started.expires_at}", field)


def check_clashes(started: Decision, others: Sequence[Decision]) -> None:
    """Raise :class:`ExperimentClash` where an experiment cannot run beside others, in force or to come: two of one name
    at a time, or two that set the same parameter for the same pages."""
    mine = experiment_of(started)
    meeting = [other for other in map(experiment_of, others) if _meet_in_time(mine, other)]
    if len(meeting) >= MOST_AT_ONCE:
        raise ExperimentClash(f"{len(meeting)} experiments run at that time; stop one, or choose another time")
    for other in meeting:
        if other.name == mine.name:
            raise ExperimentClash(
                f"experiment {other.id} has the name {other.name!r} until second {other.expires_at}; stop it, or "
                "choose another name or time",
                "parameters.name",
            )
        both = sorted(mine.sets & other.sets)
        if both and mine.scope.meets(other.scope):
            raise ExperimentClash(
                f"experiment {other.id} ({other.name!r}) sets {', '.join(both)} for some of the same pages until "
                f"second {other.expires_at}; stop it, or choose other parameters, surfaces, audiences or time",
                "parameters.arms",
            )


def _meet_in_time(one: Experiment, other: Experiment) -> bool:
    return max(one.starts_at, other.starts_at) < min(one.expires_at, other.expires_at)
