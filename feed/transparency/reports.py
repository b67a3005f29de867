"""Transparency in the service: the store counted by day, and reports of any period made of that.

Counting is incremental: statements and decisions are read once, cases and reports again, because they change. Whoever
asks while somebody counts gets what was counted before, so that the public report costs the same however often and for
whatever periods it is asked for.
"""

from __future__ import annotations

import csv
import datetime
import io
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import orjson

from controls.authority import SERVICE_ROLE
from controls.experiments import Experiment
from controls.stating import day_of
from controls.transparency import DAY, Day, Report, report_of, rows_of
from feed.decisions.pending_papers import LAPSED
from feed.experiments.registry import runs
from feed.pages.counts import FEEDS
from feed.storage.ports.store import Store
from feed.storage.register import Entry
from feed.transparency.statement_papers import every, statement_of, statements_of

WINDOW = 7 * DAY
"""Exposures are counted so long before and after an act."""

EXPOSURES = "exposures"
"""Register of the exposures around a day's acts, by its ISO date."""

FOLLOWED = 50
"""Acts of a day around which exposures are counted: the newest."""

REFRESH_SECONDS = 60.0
_PAUSE = 20
"""Counting is done again after so many times the time that it took."""

_LATE = 2 * DAY
"""Statements may come so late: those that are issued for what began before."""


class Tallies:
    """The counts of one store. For any thread; ``monotonic`` is the clock's."""

    def __init__(self, store: Store, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._days: dict[int, Day] = {}
        self._acts: defaultdict[int, Day] = defaultdict(Day)
        self._counted = 0
        self._newest = 0
        self._decisions: defaultdict[int, Day] = defaultdict(Day)
        self._revision = 0
        self._ran: list[tuple[Experiment, int]] = []
        self._again_at = float("-inf")

    def report(self, since: datetime.date, until: datetime.date) -> Report:
        """The report of a period, both days included. Blocks on the store where it is time to count."""
        first = self._again_at == float("-inf")
        if self._monotonic() >= self._again_at and self._lock.acquire(blocking=first):
            try:
                self._count()
            finally:
                self._lock.release()
        return report_of(self._days, since, until, window=WINDOW, ran=self._ran)

    def _count(self) -> None:
        began = self._monotonic()
        if began < self._again_at:
            return
        self._count_acts()
        self._count_decisions()
        days: defaultdict[int, Day] = defaultdict(Day)
        _count_reports(self._store, days)
        _count_cases(self._store, days)
        _count_lapsed(self._store, days)
        _count_feeds(self._store, days)
        _count_exposures(self._store, days)
        for counted in (self._acts, self._decisions):
            for ordinal, day in counted.items():
                days[ordinal].add(day)
        self._days = dict(days)
        self._ran = [(run.experiment, run.until) for run in reversed(runs(self._store.ledger))]
        took = self._monotonic() - began
        self._again_at = self._monotonic() + max(REFRESH_SECONDS, _PAUSE * took)

    def _count_acts(self) -> None:
        register = statements_of(self._store)
        total = register.count()
        if total == self._counted:
            return
        # From the beginning of a day, so that whole days are counted anew.
        start = max(self._newest - _LATE, 0) // DAY * DAY
        self._count_acts_since(start)
        if self._counted != total:
            self._count_acts_since(0)

    def _count_acts_since(self, start: int) -> None:
        first = day_of(start).toordinal()
        self._acts = defaultdict(Day, {ordinal: day for ordinal, day in self._acts.items() if ordinal < first})
        for entry in every(statements_of(self._store), since=start):
            told = statement_of(entry)
            self._newest = max(self._newest, entry.at)
            self._acts[day_of(entry.at).toordinal()].act(told.fields, kind=told.cause["kind"], cause=told.cause["id"])
        self._counted = sum(day.acts for day in self._acts.values())

    def _count_decisions(self) -> None:
        while found := self._store.ledger.since(self._revision):
            for decision in found:
                day = self._decisions[day_of(decision.decided_at).toordinal()]
                day.decisions[decision.type.value] += 1
                day.decided_by_service += decision.role == SERVICE_ROLE
            self._revision = found[-1].revision


def _count_reports(store: Store, days: dict[int, Day]) -> None:
    for entry in every(store.register("reports")):
        day = days[day_of(entry.at).toordinal()]
        day.reports[entry.state] += 1
        day.reports_by_category[str(_content(entry).get("category", ""))] += 1


def _count_cases(store: Store, days: dict[int, Day]) -> None:
    for entry in every(store.register("cases")):
        content = _content(entry)
        kind = str(content.get("kind", ""))
        days[day_of(entry.at).toordinal()].cases[kind] += 1
        resolution = content.get("resolution")
        if not isinstance(resolution, dict):
            continue
        resolved_at = int(content.get("resolved_at") or entry.at)
        day, outcome = days[day_of(resolved_at).toordinal()], str(resolution.get("outcome", ""))
        day.resolved[outcome] += 1
        day.late += 0 < entry.due_at < resolved_at
        if kind == "appeal":
            day.appeals[outcome] += 1
        elif kind in ("report", "order") and outcome == "acted":
            day.waits.append(resolved_at - entry.at)


def _count_lapsed(store: Store, days: dict[int, Day]) -> None:
    for entry in every(store.register(LAPSED)):
        days[day_of(entry.at).toordinal()].lapsed[entry.state] += 1


def _count_feeds(store: Store, days: dict[int, Day]) -> None:
    for entry in every(store.register(FEEDS)):
        content = _content(entry)
        day = days[day_of(entry.at).toordinal()]
        day.personalized += content["personalized"]
        day.other_feeds += content["other"]


def _count_exposures(store: Store, days: dict[int, Day]) -> None:
    for entry in every(store.register(EXPOSURES)):
        content = _content(entry)
        day = days[day_of(entry.at).toordinal()]
        day.followed += content["acts"]
        day.exposed_before += content["before"]
        day.exposed_after += content["after"]


def follow_exposures(store: Store, now: int) -> int:
    """Count the exposures around the acts of each day whose window is still open, or closed since, and keep them;
    returns the number of acts. Blocks."""
    today = now // DAY * DAY
    starts = range(today - WINDOW - DAY, today + DAY, DAY)
    papers = {}
    followed = 0
    for start in starts:
        acts = [(statement_of(entry).item, entry.at) for entry in _acts_of(store, start)]
        if acts:
            counted = {
                "acts": len(acts),
                "before": sum(store.events.exposures(item, after=at - WINDOW, before=at) for item, at in acts),
                "after": sum(store.events.exposures(item, after=at, before=at + WINDOW) for item, at in acts),
            }
            id = day_of(start).isoformat()
            papers[id] = Entry(id, orjson.dumps(counted).decode(), at=start)
            followed += len(acts)
    if papers:
        store.register(EXPOSURES).edit(list(papers), lambda _: list(papers.values())).result()
    return followed


def _acts_of(store: Store, start: int) -> list[Entry]:
    """The newest acts on items of a day, at most ``FOLLOWED``."""
    # No id comes after a tilde: so the next day's first second is left out.
    newest = statements_of(store).find(since=start, after=(start + DAY, "~"), limit=2 * FOLLOWED)
    return [entry for entry in newest if statement_of(entry).item][:FOLLOWED]


def _content(entry: Entry) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads(entry.content)
    return content


def as_csv(counted: Report) -> str:
    """A report as CSV (RFC 4180), with a line of names first."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(("section", "measure", "key", "value"))
    writer.writerows(rows_of(counted))
    return file.getvalue()
