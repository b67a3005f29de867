"""What experiments showed, counted from Servings and events, and kept before the Servings go (laws 7 and 8).

Who was served with an arm is told by the Servings themselves; nothing else is stored of readers. Those who were
erased, or took something out of their history, drop out with their Servings. Once an experiment is over and its first
Servings are about to go for age, its figures are kept in the register ``findings``; nothing of readers is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import orjson

from experiments.findings import ArmFinding, Findings, findings_of
from experiments.statistics import Interval
from feed.bootstrap import Service
from feed.experiments.registry import Run, runs
from feed.schemas.experiments import ArmResultOut, DifferenceOut, ResultsOut
from feed.storage.ports.store import Store
from feed.storage.register import Entry
from ranking.reader import EventKind

FINDINGS = "findings"
_DAY = 86_400
_AHEAD = 7_200
"""Seconds before their Servings begin to go that findings are kept."""


def results_of(store: Store, run: Run, now: int, days: int) -> ResultsOut:
    """What an experiment showed at second ``now``, of Servings that are kept for so many days, or as it was kept before
    they went. Blocks."""
    kept = store.register(FINDINGS).get(run.experiment.id)
    return _told(orjson.loads(kept.content)) if kept is not None else _counted(store, run, now, days)


def _counted(store: Store, run: Run, now: int, days: int) -> ResultsOut:
    experiment = run.experiment
    oldest = now - days * _DAY
    # A stop acts within its second: what was served before it in that second was served with an arm.
    ends = run.until + 1 if run.stopped is not None else run.until
    since, until = max(experiment.starts_at, oldest), min(ends, now + 1)
    kind = int(EventKind[experiment.outcome.upper()])
    texts: Mapping[str, str] = {
        text: orjson.loads(text).get(experiment.name, "") for text in store.servings.arms(since=since, until=until)
    }
    counts = []
    for arm in experiment.arms:
        mine = [text for text, name in texts.items() if name == arm.name]
        found = store.servings.outcomes(mine, kind, since=since, until=until) if mine else []
        counts.append(np.array(found, dtype=np.int64).reshape(-1, 2))
    findings = findings_of(experiment, counts, over=now >= run.until)
    return _shown(run, findings, since, until, now, complete=experiment.starts_at >= oldest)


def keep_findings(service: Service) -> int:
    """Keep what ended experiments showed whose first Servings are about to go; returns how many. Blocks."""
    store, now, days = service.store, service.clock.now(), service.settings.servings_days
    goes = now - days * _DAY + _AHEAD
    register = store.register(FINDINGS)
    kept = 0
    for run in runs(store.ledger):
        due = run.until <= now and run.experiment.starts_at < goes
        if due and register.get(run.experiment.id) is None:
            paper = orjson.dumps(_counted(store, run, now, days)).decode()
            entry = Entry(run.experiment.id, paper, at=now)
            register.edit([entry.id], partial(_unless_kept, entry)).result()
            kept += 1
    return kept


def _unless_kept(entry: Entry, stored: Mapping[str, Entry]) -> list[Entry]:
    return [] if stored else [entry]


def _shown(run: Run, findings: Findings, since: int, until: int, now: int, *, complete: bool) -> ResultsOut:
    experiment = run.experiment
    return ResultsOut(
        id=experiment.id,
        name=experiment.name,
        state=run.state(now),
        outcome=experiment.outcome,
        measure=experiment.measure,
        since=since,
        until=until,
        complete=complete,
        counted_at=now,
        even=findings.even,
        fit=findings.fit,
        arms=[_arm(arm) for arm in findings.arms],
    )


def _arm(arm: ArmFinding) -> ArmResultOut:
    return ArmResultOut(
        name=arm.name,
        share=arm.share,
        readers=arm.readers,
        pages=arm.pages,
        events=arm.events,
        readers_with_any=arm.with_any,
        value=arm.value,
        difference=_difference(arm.difference),
        conclusion=arm.conclusion.value if arm.conclusion is not None else None,
    )


def _difference(interval: Interval | None) -> DifferenceOut | None:
    return DifferenceOut(**interval.as_json()) if interval is not None else None


def _told(paper: dict[str, Any]) -> ResultsOut:
    arms = [
        ArmResultOut(**{**arm, "difference": DifferenceOut(**arm["difference"]) if arm["difference"] else None})
        for arm in paper["arms"]
    ]
    return ResultsOut(**{**paper, "arms": arms})
