"""What a reader may ask of the service about itself: history, interests, export and erasure (laws 7 and 8)."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence

from controls.scopes import Audience, SurfaceKind
from experiments.assignment import Assigner, arm_of
from feed.bootstrap import Service
from feed.cases.reports import written_by
from feed.decisions import pending_papers
from feed.readers import erasure
from feed.readers.audience import resolve
from feed.readers.choices import read_choices
from feed.readers.settings import shown
from feed.schemas.readers import (
    ExportOut,
    HeldOut,
    HistoryEntry,
    Interest,
    InterestsOut,
    ReceiptOut,
    RegisterRows,
    Remains,
    Rows,
    TrialOut,
    WrittenOut,
)
from feed.storage.records import EventRecord, ReaderRecord
from feed.storage.register import Entry
from feed.storage.rules import is_personalized
from ranking.parameters import Parameters
from ranking.reader import EventKind
from ranking.snapshot import Snapshot

EVERYTHING = 1 << 40
"""More events than a reader can have."""

_INTEREST_EVENTS = 1000
_DAY = 86_400


def entry(event: EventRecord) -> HistoryEntry:
    """An event as the wire shows it."""
    return HistoryEntry(
        item=event.item,
        kind=EventKind(event.kind).name.lower(),
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        dwell_ms=event.dwell_ms,
        request_id=event.request_id,
        client_id=event.client_id,
        counts=bool(event.consented),
    )


def history(service: Service, reader: str, limit: int) -> list[HistoryEntry]:
    """A reader's newest events, newest first. Blocks."""
    return [entry(event) for event in reversed(service.store.events.of_reader(reader, limit))]


def interests(service: Service, reader: str, claimed: Audience) -> InterestsOut:
    """The topics behind a reader's newest events, largest share first, by the votes that ranking gives them on the
    reader's home page. ``claimed`` is the audience of the reader's token. Blocks."""
    snapshot = service.replica.latest()
    record = service.store.readers.get(reader)
    settings = shown(record, service.clock.now())
    votes: dict[str, int] = {}
    events: dict[str, int] = {}
    weights = _weights(_served_with(snapshot, record, claimed))
    for event in service.store.events.of_reader(reader, _INTEREST_EVENTS):
        row = snapshot.catalogue.row_of(event.item)
        if row < 0 or event.kind not in weights or not event.consented:
            continue
        for topic in snapshot.catalogue.topic_names(row):
            votes[topic] = votes.get(topic, 0) + weights[event.kind]
            events[topic] = events.get(topic, 0) + 1
    total = sum(abs(vote) for vote in votes.values()) or 1
    ordered = sorted(votes, key=lambda topic: (-votes[topic], topic))
    return InterestsOut(
        reader=reader,
        used=settings.personalization,
        derived=[Interest(topic, round(votes[topic] / total, 4), events[topic]) for topic in ordered],
        more=settings.more_topics,
        less=settings.less_topics,
    )


def _served_with(snapshot: Snapshot, record: ReaderRecord, claimed: Audience) -> Parameters:
    """The parameters of the reader's personalized home page: those of their arms, where experiments run."""
    choices = read_choices(record.settings)
    if not choices.settings.personalization:
        return snapshot.parameters
    audience = resolve(claimed, choices.audience)
    return Assigner().assigned(snapshot, record.reader, SurfaceKind.HOME, audience).parameters


def _weights(parameters: Parameters) -> dict[int, int]:
    return {
        EventKind.CLICK: parameters.weight_click,
        EventKind.DWELL: parameters.weight_dwell,
        EventKind.LIKE: parameters.weight_like,
        EventKind.SHARE: parameters.weight_share,
        EventKind.MORE: parameters.weight_more,
        EventKind.LESS: parameters.weight_less,
        EventKind.HIDE: parameters.weight_hide,
    }


def export(service: Service, reader: str, claimed: Audience) -> ExportOut:
    """Everything stored of a reader. Blocks."""
    return ExportOut(
        reader=reader,
        exported_at=service.clock.now(),
        settings=shown(service.store.readers.get(reader), service.clock.now()),
        interests=interests(service, reader, claimed),
        events=history(service, reader, EVERYTHING),
        corrections=service.corrections.told(reader),
        experiments=trials(service, reader),
        written=[WrittenOut(one.kind, one.id, one.at, one.text) for one in written_by(service.store, reader)],
    )


def trials(service: Service, reader: str) -> list[TrialOut]:
    """The experiments that the reader's personalized pages are in now, for some audience. Blocks."""
    if not is_personalized(service.store.readers.get(reader).settings):
        return []
    told = []
    for experiment in service.replica.latest().governance.experiments:
        arm = arm_of(experiment, reader)
        if arm is not None:
            surfaces, until = experiment.scope.surfaces, experiment.expires_at
            told.append(TrialOut(experiment.id, experiment.name, arm.name, surfaces, until))
    return told


def erase(service: Service, reader: str) -> ReceiptOut:
    """Erase a reader and say what went, and what the active model keeps until the next training. Blocks."""
    named = ((pending_papers.REGISTER, entry) for entry in pending_papers.naming(service.store, reader))
    papers = [*service.store.entries_of(reader), *named]
    erased = erasure.erase(service, reader)
    now = service.clock.now()
    model = service.replica.latest().model
    record = service.store.models.get(model) if model else None
    trained_at = record.created_at if record is not None else None
    held = service.evidence.held_of(reader)
    by = None if trained_at is None else max(trained_at + service.settings.retrain_days * _DAY, now)
    return ReceiptOut(
        receipt=secrets.token_hex(16),
        reader=reader,
        erased_at=now,
        rows=Rows(erased.events, erased.settings, erased.servings, erased.decisions, erased.entries),
        registers=_registers(papers),
        caches=[
            "reader state in memory",
            "when the reader was first heard of, for the popular lists",
            "Servings waiting to be written",
            "corrections waiting for the reader",
        ],
        lists_by=now + 2,
        remains=Remains(
            model=model,
            trained_at=trained_at,
            until="the next training: item neighbours computed with these events among others" if model else "nothing",
            by=by,
        ),
        held=HeldOut(held.acts, held.until),
    )


def _registers(papers: Sequence[tuple[str, Entry]]) -> dict[str, RegisterRows]:
    """By register: how many of these entries an erasure deletes, and how many it leaves without their person."""
    kept = Counter(name for name, entry in papers if entry.kept)
    every = Counter(name for name, _ in papers)
    return {name: RegisterRows(number - kept[name], kept[name]) for name, number in sorted(every.items())}
