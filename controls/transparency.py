"""Transparency: what was done in a period, counted (DSA art. 15, 24 and 42, law 9). Pure.

A day's counts are whole numbers that add up, so that the report of any period is the sum of its days.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from controls.dsa import AutomatedDecision, Visibility
from controls.experiments import Experiment
from controls.scopes import EVERYWHERE

DAY = 86_400

_TIERS = {
    Visibility.REMOVED.value: "blocked",
    Visibility.DISABLED.value: "blocked",
    Visibility.DEMOTED.value: "restricted",
}


@dataclass(slots=True)
class Day:
    """One day's counts. ``acts`` counts statements, by each way of looking at them; ``waits`` are the seconds from a
    report or order to the act that it led to; exposures are of ``followed`` acts, before and after them."""

    acts: int = 0
    automated: int = 0
    by_tier: Counter[str] = field(default_factory=Counter)
    by_visibility: Counter[str] = field(default_factory=Counter)
    by_rule: Counter[str] = field(default_factory=Counter)
    by_ground: Counter[str] = field(default_factory=Counter)
    by_category: Counter[str] = field(default_factory=Counter)
    by_source: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    decided_by_service: int = 0
    lapsed: Counter[str] = field(default_factory=Counter)
    reports: Counter[str] = field(default_factory=Counter)
    reports_by_category: Counter[str] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    resolved: Counter[str] = field(default_factory=Counter)
    late: int = 0
    waits: list[int] = field(default_factory=list)
    appeals: Counter[str] = field(default_factory=Counter)
    followed: int = 0
    exposed_before: int = 0
    exposed_after: int = 0
    personalized: int = 0
    other_feeds: int = 0

    def act(self, fields: Mapping[str, Any], *, kind: str, cause: str) -> None:
        """Count a statement by its fields, and by its cause: ``rule`` or ``decision``, and which."""
        self.acts += 1
        self.automated += fields["automated_decision"] == AutomatedDecision.FULLY.value
        visibility = fields.get("decision_visibility") or ()
        self.by_tier[tier_of(fields)] += 1
        self.by_visibility.update(word.removeprefix("DECISION_VISIBILITY_") for word in visibility)
        if kind == "rule":
            self.by_rule[cause] += 1
        self.by_ground[fields["decision_ground"].removeprefix("DECISION_GROUND_")] += 1
        self.by_category[fields["category"].removeprefix("STATEMENT_CATEGORY_")] += 1
        self.by_source[fields["source_type"].removeprefix("SOURCE_")] += 1

    def add(self, other: Day) -> None:
        """Add another day's counts."""
        for name in self.__slots__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            elif isinstance(mine, list):
                mine.extend(theirs)
            else:
                setattr(self, name, mine + theirs)


def tier_of(fields: Mapping[str, Any]) -> str:
    """Where a statement's act put the item: ``blocked``, ``restricted``, or ``standard`` for what only limits how it
    is shown; ``author`` for an act on the author."""
    if fields.get("decision_account") or fields.get("decision_provision"):
        return "author"
    visibility = fields.get("decision_visibility") or ()
    if Visibility.OTHER.value in visibility:
        return "author"
    tiers = {_TIERS.get(word, "standard") for word in visibility}
    return next(tier for tier in ("blocked", "restricted", "standard") if tier in tiers)


@dataclass(frozen=True, slots=True)
class Report:
    """What was done from ``since`` to ``until``, both days included (ISO 8601). Counts are by name, most first; shares
    and medians are null where there is nothing to take them of."""

    since: str
    until: str
    acts: Mapping[str, Any]
    decisions: Mapping[str, Any]
    reports: Mapping[str, Any]
    cases: Mapping[str, Any]
    appeals: Mapping[str, Any]
    exposure: Mapping[str, Any]
    feeds: Mapping[str, Any]
    experiments: Mapping[str, Any]


def report_of(
    days: Mapping[int, Day],
    since: datetime.date,
    until: datetime.date,
    *,
    window: int,
    ran: Iterable[tuple[Experiment, int]] = (),
) -> Report:
    """The report of a period from counts by day (ordinals of ``datetime.date``). ``window``: seconds before and after
    an act in which exposures were counted. ``ran``: every experiment with the second up to which it ran."""
    whole = Day()
    for ordinal in sorted(days):
        if since.toordinal() <= ordinal <= until.toordinal():
            whole.add(days[ordinal])
    feeds = whole.personalized + whole.other_feeds
    decided = whole.appeals["upheld"] + whole.appeals["dismissed"]
    made = sum(whole.decisions.values())
    return Report(
        since=since.isoformat(),
        until=until.isoformat(),
        acts={
            "total": whole.acts,
            "automated": whole.automated,
            "automated_share": _share(whole.automated, whole.acts),
            "by_tier": _ranked(whole.by_tier),
            "by_visibility": _ranked(whole.by_visibility),
            "by_rule": _ranked(whole.by_rule),
            "by_ground": _ranked(whole.by_ground),
            "by_category": _ranked(whole.by_category),
            "by_source": _ranked(whole.by_source),
        },
        decisions={
            "total": made,
            "by_people": made - whole.decided_by_service,
            "by_the_service": whole.decided_by_service,
            "by_type": _ranked(whole.decisions),
            "proposals_not_approved": _ranked(whole.lapsed),
        },
        reports={
            "received": sum(whole.reports.values()),
            "acted_on": whole.reports["acted"],
            "dismissed": whole.reports["dismissed"],
            "unresolved": whole.reports["received"],
            "by_category": _ranked(whole.reports_by_category),
        },
        cases={
            "opened": sum(whole.cases.values()),
            "opened_by_kind": _ranked(whole.cases),
            "resolved": sum(whole.resolved.values()),
            "resolved_by_outcome": _ranked(whole.resolved),
            "resolved_late": whole.late,
            "median_seconds_to_act": median(whole.waits) if whole.waits else None,
        },
        appeals={
            "made": whole.cases["appeal"],
            "upheld": whole.appeals["upheld"],
            "dismissed": whole.appeals["dismissed"],
            "moot": whole.appeals["moot"],
            "overturn_rate": _share(whole.appeals["upheld"], decided),
        },
        exposure={
            "window_seconds": window,
            "acts_followed": whole.followed,
            "before": whole.exposed_before,
            "after": whole.exposed_after,
        },
        feeds={
            "total": feeds,
            "personalized": whole.personalized,
            "personalized_share": _share(whole.personalized, feeds),
        },
        experiments={
            "started": whole.decisions["start_experiment"],
            "stopped": whole.decisions["stop_experiment"],
            "run": [told for one, ends in ran if (told := _ran(one, ends, since, until)) is not None],
        },
    )


def rows_of(report: Report) -> Iterable[tuple[str, str, str, str]]:
    """The report as rows (section, measure, key, value), for a table; the key is empty where a measure has one value,
    and the value where there is none."""
    for section, content in asdict(report).items():
        if isinstance(content, str):
            yield section, "", "", content
            continue
        for measure, value in content.items():
            if isinstance(value, Mapping):
                yield from ((section, measure, key, str(count)) for key, count in value.items())
            elif isinstance(value, list):
                yield from ((section, measure, one["name"], in_words(one)) for one in value)
            else:
                yield section, measure, "", "" if value is None else str(value)


def in_words(ran: Mapping[str, Any]) -> str:
    """An experiment of a report in a line."""
    return (
        f"{ran['arms']} arms on {', '.join(ran['surfaces'])}, {ran['outcome']} {ran['measure'].replace('_', ' ')}, "
        f"{ran['from']} to {ran['to']}"
    )


def _ran(experiment: Experiment, ends: int, since: datetime.date, until: datetime.date) -> dict[str, Any] | None:
    """An experiment as a report tells it, with its first and last day; None if it did not run in the period."""
    first, last = _day(experiment.starts_at), _day(ends - 1)
    if ends <= experiment.starts_at or first > until or last < since:
        return None
    return {
        "id": experiment.id,
        "name": experiment.name,
        "arms": len(experiment.arms),
        "surfaces": ["all" if surface == EVERYWHERE else surface for surface in experiment.scope.surfaces],
        "outcome": experiment.outcome,
        "measure": experiment.measure,
        "from": first.isoformat(),
        "to": last.isoformat(),
    }


def _day(second: int) -> datetime.date:
    return datetime.datetime.fromtimestamp(second, datetime.UTC).date()


def _ranked(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(((name, count) for name, count in counts.items() if count), key=lambda one: (-one[1], one[0])))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
