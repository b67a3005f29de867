"""Preparing: a home folder gets a community, a model and a policy, each only where it has none yet.

A second start on the same folder finds everything there and goes on.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from controls.decisions import Basis, DecisionType
from controls.policy import canonical, content_hash, parse
from controls.proposals import Proposal
from controls.scopes import Audience, SurfaceKind
from controls.tiers import Tier
from experiments.world import History, World
from feed.bootstrap import Service
from feed.errors import FeedError
from feed.importers import Bookmark, DataSet, Importer, detect
from feed.models.files import save
from feed.models.training import SCORE, interactions_of, train
from feed.processes.offline import activation, decided, owned, publish_queued
from feed.settings import Settings
from feed.storage.records import AuthorRecord, EventRecord, ItemRecord, LabelRecord
from ranking.models.progress import Progress, stage

DAY = 86_400
_BATCH = 10_000
_SEED = 7
_LIVELY = 300
"""Readers who visit while the demo runs: the most active ones."""

_FALLBACK = "popularity"


class DemoMismatch(FeedError):
    """The folder holds something else than what is asked for."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a simulated community is, and what its model is trained with."""

    readers: int
    items: int
    events: int
    days: int
    parameters: Mapping[str, Any]


FULL = Size(2_000, 5_000, 100_000, 60, {"components": 512})
SMALL = Size(500, 1_500, 30_000, 30, {"components": 128, "width": 100})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A home folder ready to be served. ``readers`` are its most active ones, most active first; ``example`` is an item
    worth showing; ``publishing`` tells whether the world has authors of its own."""

    world: World
    readers: tuple[str, ...]
    items: int
    example: str
    publishing: bool


Say = Callable[[str], None]


def prepare(settings: Settings, data: Path | None, size: Size, *, now: int, progress: Progress, say: Say) -> Prepared:
    """Fill the home folder where it is empty; raises what importing, training and the store raise."""
    found = None if data is None else detect(data)
    note = _note(settings, data, size, now)
    with owned(settings) as service:
        if not note["filled"]:
            if found is None:
                _settle_community(service, _past(note)[1], stage(progress, 0.0, 0.3))
            else:
                _import(service, settings, found, now, stage(progress, 0.0, 0.3))
            _write_note(settings, {**note, "filled": True})
        else:
            say(f"goes on with what is in {settings.home}")
        say(f"{service.store.items.count()} items, {service.store.events.count()} events")
        snapshot = publish_queued(service)
        if not snapshot.model:
            say(_train(service, {} if data is not None else size.parameters, now, stage(progress, 0.3, 0.9)))
        if not snapshot.governance.policy:
            publish_example_policy(service, now)
        progress(0.95, "looking at the community")
        return Prepared(
            _present(service, note, now),
            _lively_readers(service),
            service.store.items.count(),
            _example(service),
            data is None,
        )


def publish_example_policy(service: Service, now: int) -> None:
    """Store the example policy and put it in force by a decision."""
    review_by = datetime.datetime.fromtimestamp(now + 180 * DAY, datetime.UTC).date().isoformat()
    text = files("feed.demo").joinpath("policy.yaml").read_text(encoding="utf-8")
    policy = parse(text.replace("{review_by}", review_by))
    version = content_hash(policy)
    service.store.policies.put(version, canonical(policy).decode(), now).result()
    proposal = Proposal(
        type=DecisionType.PUBLISH_POLICY,
        subject=None,
        reason="the example policy of the demo",
        basis=Basis("operations", "demo"),
        parameters={"policy": version},
    )
    decided(service, proposal)


def _note(settings: Settings, data: Path | None, size: Size, now: int) -> dict[str, Any]:
    """What the folder's community was made from: written on the first start, held to afterwards."""
    path = settings.home / "demo.json"
    asked = "" if data is None else str(data.resolve())
    try:
        note: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if settings.store_file.exists():
            raise DemoMismatch(
                f"{settings.home} holds a store that is not the demo's; name another folder with --folder"
            ) from None
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        note = {
            "data": asked,
            "seed": _SEED,
            "readers": size.readers,
            "items": size.items,
            "events": size.events,
            "days": size.days,
            "start": now - size.days * DAY,
            "filled": False,
        }
        _write_note(settings, note)
    except ValueError as error:
        raise DemoMismatch(f"{path} cannot be read ({error}); name another folder with --folder") from error
    if note.get("data") != asked:
        held = note.get("data") or "a simulated community"
        raise DemoMismatch(f"{settings.home} holds a demo on {held}; name another folder with --folder")
    return note


def _write_note(settings: Settings, note: Mapping[str, Any]) -> None:
    beside = settings.home / "demo.json.new"
    beside.write_text(json.dumps(note), encoding="utf-8")
    os.replace(beside, settings.home / "demo.json")


def _past(note: Mapping[str, Any]) -> tuple[World, History]:
    world = World(note["seed"], note["readers"], note["items"], start=note["start"])
    return world, world.history(note["days"], events=note["events"])


def _present(service: Service, note: Mapping[str, Any], now: int) -> World:
    """A world that knows every item of the store and goes on from now."""
    if note["data"]:
        world = World(note["seed"], _LIVELY, 0, start=now)
    else:
        world, _ = _past(note)
    catalogue = service.replica.latest().catalogue
    rows = np.arange(catalogue.rows, dtype=np.int32)
    times = catalogue.published_at(rows).tolist()
    world.adopt(
        (item, catalogue.topic_names(row), published)
        for row, (item, published) in enumerate(zip(catalogue.ids, times, strict=True))
    )
    world.wake(now, service.store.items.count())
    return world


def _settle_community(service: Service, past: History, progress: Progress) -> None:
    """Write a simulated past into the store."""
    items, store = service.store.items, service.store
    waiting = [
        items.put_author(AuthorRecord(one.id, one.name, one.standing, one.kind, one.identity)) for one in past.authors
    ]
    for write in waiting:
        write.result()
    records = [
        ItemRecord(one.id, one.author, one.title, one.topics, one.published_at, one.language, one.region)
        for one in past.items
    ]
    for first in range(0, len(records), _BATCH):
        items.put_items(records[first : first + _BATCH]).result()
    items.give_labels(
        [LabelRecord(one.item, one.name, one.score, one.given_by, one.given_at) for one in past.labels]
    ).result()
    columns = past.events
    for first in range(0, len(columns), _BATCH):
        progress(first / len(columns), "writing the past")
        part = slice(first, first + _BATCH)
        acts = zip(
            columns.readers[part].tolist(),
            columns.items[part].tolist(),
            columns.kinds[part].tolist(),
            columns.times[part].tolist(),
            columns.dwell_ms[part].tolist(),
            strict=True,
        )
        events = [
            EventRecord(
                columns.reader_ids[reader], f"past:{first + n}", columns.item_ids[item], kind, at, at, dwell, "", 1
            )
            for n, (reader, item, kind, at, dwell) in enumerate(acts)
        ]
        store.events.append(events).result()


def _import(service: Service, settings: Settings, found: DataSet, now: int, progress: Progress) -> None:
    bookmark = Bookmark(settings.home, found.format, found.parts)
    Importer(found, service.store, now=now, bookmark=bookmark).run(
        lambda message, done, total: progress(done / max(1, total), message)
    )


def _train(service: Service, parameters: Mapping[str, Any], now: int, progress: Progress) -> str:
    """Train, register and activate; what was trained, in words."""
    snapshot = service.replica.latest()
    interactions = interactions_of(service.store, snapshot.catalogue)
    model = "spectral" if interactions.count else _FALLBACK
    training = train(interactions, model, parameters, seed=_SEED, now=now, active=None, progress=progress)
    service.store.models.put(save(training.graph, service.settings.models_folder)).result()
    decided(service, activation(training.graph.version, "the first model of the demo"))
    score = training.graph.metrics[SCORE]
    return f"model {training.graph.version} ({model}): {SCORE} {score:.3f} on what was held out"


def _example(service: Service) -> str:
    """The newest item that any audience may be shown."""
    snapshot = service.replica.latest()
    classes = snapshot.governance.class_of[snapshot.catalogue.by_time]
    table = snapshot.governance.table(Audience(), SurfaceKind.HOME)
    shown = snapshot.catalogue.by_time[(table.eligible[classes] > 0) & (table.tier[classes] <= Tier.STANDARD)]
    return snapshot.catalogue.ids[shown[-1]] if shown.size else ""


def _lively_readers(service: Service) -> tuple[str, ...]:
    columns = service.store.events.columns()
    counts = np.bincount(columns.readers, minlength=len(columns.reader_ids))
    order = np.argsort(-counts, kind="stable")[:_LIVELY]
    return tuple(columns.reader_ids[code] for code in order)
