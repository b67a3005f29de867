"""Sizes: what each thing takes on disk and in memory, for working out how large a deployment has to be.

Ids are those of an application that writes UUIDs in 22 characters; an item has a title of 60 and a text of 400, two
topics and one label; a reader has 200 events that vote and 300 impressions. Run ``python -m benchmarks.sizes``, with
``--database URL``, an empty PostgreSQL database, for both homes of a store, and with ``--redis URL`` for what it costs
a process to hear the others.
"""

from __future__ import annotations

import argparse
import base64
import gc
import os
import random
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import psycopg

from benchmarks.markdown import table
from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.scopes import AgeClass, Audience
from feed.bootstrap import Service
from feed.control.follow import catch_up
from feed.models.library import Graphs, PolicyDocuments
from feed.pages.making import PageQuery
from feed.processes.offline import owned, publish_queued
from feed.readers.sharing import events_of
from feed.readers.states import ReaderStates
from feed.settings import Settings
from feed.storage.moving import move
from feed.storage.ports.sharing import Message, Topic
from feed.storage.records import EventRecord, ItemRecord, LabelRecord
from feed.storage.redis import open_sharing
from feed.storage.sqlite.file import connect
from ranking.fold import Fold
from ranking.pipeline import warm
from ranking.reader import EventKind, Surface

NOW = 1_800_000_000
VOTES, IMPRESSIONS = 200, 300
_PAGE = 30
_REPORTED = 13
"""Events that a client reports at once, after a page."""

_BATCH = 1000
_OF = {
    "event": ("events",),
    "exposure of an event": ("exposure_blocks",),
    "item and its label": ("items", "labels"),
    "item in editions": ("editions",),
    "item's resemblances": ("entries",),
    "Serving": ("servings",),
    "decision": ("ledger", "attachments", "blocks"),
}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each are stored."""

    items: int
    readers: int
    servings: int
    decisions: int

    @property
    def events(self) -> int:
        """Events of all readers."""
        return self.readers * (VOTES + IMPRESSIONS)

    def of(self, thing: str) -> int:
        """How many things of a row of the table there are."""
        some = {"Serving": self.servings, "decision": self.decisions}
        return some.get(thing, self.events if "event" in thing else self.items)


def main() -> None:
    """Store, weigh, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes", description=__doc__)
    parser.add_argument("--database", default="", help="an empty PostgreSQL database, weighed too")
    parser.add_argument("--redis", default="", help="a Redis, to hear messages over")
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--readers", type=int, default=1000)
    asked = parser.parse_args()
    counts = Counts(asked.items, asked.readers, 2000, 5000)
    warm()
    with tempfile.TemporaryDirectory(prefix="weir-sizes-") as folder:
        settings = Settings(home=Path(folder))
        with owned(settings) as service:
            items = publish(service, counts)
            item_bytes = memory_of_items(service)
            readers = fill(service, counts, items)
            reader_bytes = memory_of_readers(service, readers)
        disk = weighed(settings.store_file)
        rows = [[thing, f"{_sum(disk, names) / counts.of(thing):,.0f}"] for thing, names in _OF.items()]
        if asked.database:
            move(settings.store_file, asked.database, NOW)
            grown = weighed_in(asked.database)
            for row, names in zip(rows, _OF.values(), strict=True):
                row.append(f"{_sum(grown, names) / counts.of(row[0]):,.0f}")
    print(table(["bytes on disk of one", "SQLite", "PostgreSQL"][: len(rows[0])], rows, words=1))
    held = [["item in a fold and its Snapshot", f"{item_bytes:,.0f}"], ["reader state", f"{reader_bytes:,.0f}"]]
    print(table(["bytes in memory of one", "a process"], held, words=1))
    if asked.redis:
        cost = [[events, f"{hearing(asked.redis, events):.1f}"] for events in (1, _REPORTED)]
        print(table(["events in a message", "µs of processor time to hear it"], cost))


def publish(service: Service, counts: Counts) -> list[str]:
    """Items, each with a label, in editions; their ids."""
    rng = random.Random(7)
    items, words = [_id(rng) for _ in range(counts.items)], [_id(rng)[: rng.randint(3, 9)].lower() for _ in range(5000)]
    for some in _batches(items):
        service.store.items.put_items([_item(item, words, rng) for item in some]).result()
        labels = [LabelRecord(item, "quality", rng.random(), "classifier", NOW) for item in some]
        service.store.items.give_labels(labels).result()
    publish_queued(service)
    service.families.catch_up(items, NOW)
    return items


def fill(service: Service, counts: Counts, items: list[str]) -> list[str]:
    """Events on these items, pages served from them, decisions about them; the readers."""
    rng, store = random.Random(11), service.store
    readers = [_id(rng) for _ in range(counts.readers)]
    for reader in readers:
        kinds = [EventKind.CLICK] * VOTES + [EventKind.IMPRESSION] * IMPRESSIONS
        chosen = zip(kinds, rng.sample(items, len(kinds)), strict=True)
        store.events.append(
            [
                EventRecord(reader, _id(rng), item, int(kind), NOW + at, NOW + at, 0, "0" * 32, 1)
                for at, (kind, item) in enumerate(chosen)
            ]
        ).result()
    service.servings.start()
    for reader in rng.choices(readers, k=counts.servings):
        query = PageQuery(reader, Surface(), _PAGE, "", None, Audience("DE", AgeClass.ADULT, "de"))
        with service.replica.reading() as snapshot:
            service.pages.page(query, snapshot, service.readers.get(reader, snapshot.catalogue))
        while service.servings.depth() > _BATCH:
            pass
    service.servings.close()
    for some in _batches(items[: counts.decisions]):
        store.ledger.append_all([_decision(item, rng) for item in some]).result()
    return readers


def _item(item: str, words: list[str], rng: random.Random) -> ItemRecord:
    text = " ".join(rng.choices(words, k=100))
    topics = (f"topic-{rng.randrange(100)}", f"topic-{rng.randrange(100)}")
    return ItemRecord(item, _author(rng), text[:60], tuple(dict.fromkeys(topics)), NOW, "de", "DE", text=text[60:460])


def _author(rng: random.Random) -> str:
    return f"author-{rng.randrange(10_000):015d}"


def _decision(item: str, rng: random.Random) -> Decision:
    return Decision(
        id=_id(rng),
        type=DecisionType.SUPPRESS,
        subject=Subject(SubjectKind.ITEM, item),
        actor="moderator-17",
        role="moderator",
        reason="two reviewers found that it repeats what was corrected last week",
        basis=Basis("terms", "4.2", "https://example.org/terms#4.2", "misinformation"),
        decided_at=NOW,
        starts_at=NOW,
        expires_at=NOW + 86_400,
    )


def _id(rng: random.Random) -> str:
    return base64.urlsafe_b64encode(rng.randbytes(16)).decode().rstrip("=")


def _batches(ids: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(ids), _BATCH):
        yield ids[at : at + _BATCH]


def memory_of_items(service: Service) -> float:
    """Bytes that each item takes of a process that folds it, when the folding is done."""
    with _allocated() as held:
        models = Graphs(service.store.models, service.settings.models_folder)
        fold = Fold(PolicyDocuments(service.store.policies), models)
        catch_up(fold, service.store)
        fold.advance(NOW + 10_000)
        snapshot = fold.snapshot()
    return held.bytes / snapshot.catalogue.rows


def memory_of_readers(service: Service, readers: list[str]) -> float:
    """Bytes that each reader takes of a process that holds its state."""
    catalogue = service.replica.latest().catalogue
    ReaderStates(service.store).load(readers[0], catalogue)  # what the first reading leaves is nobody's
    with _allocated() as held:
        states = ReaderStates(service.store)
        for reader in readers:
            states.load(reader, catalogue)
    return held.bytes / len(states)


def hearing(url: str, events: int, messages: int = 20_000) -> float:
    """Microseconds of processor time that a process spends on each message that another sends, its events read."""
    done, joined = threading.Event(), threading.Event()
    spent: list[float] = []

    def heard(some: Sequence[Message]) -> None:
        for message in some:
            events_of(message)
        spent.extend([time.thread_time()] * len(some))
        if len(spent) >= messages:
            done.set()

    prefix, rng = f"sizes-{os.getpid()}", random.Random(7)
    ours, theirs = open_sharing(url, prefix, "sizes"), open_sharing(url, prefix, "sizes")
    try:
        ours.bus.start("hears", heard, joined.set)
        theirs.bus.start("sends", lambda _: None, lambda: None)
        joined.wait(10)
        event = orjson.dumps([_id(rng), _id(rng), 1, NOW, NOW, 0, "0" * 32, 1], option=orjson.OPT_APPEND_NEWLINE)
        one = [Message(Topic.EVENTS, _id(rng), event * events)] * 20
        for _ in range(messages // len(one) + 1):
            theirs.bus.send(one).result(10)
        done.wait(60)
    finally:
        ours.close()
        theirs.close()
    return (spent[-1] - spent[0]) / len(spent) * 1e6


@dataclass(slots=True)
class _Held:
    bytes: int = 0


@contextmanager
def _allocated() -> Iterator[_Held]:
    """How many bytes were taken within the block and are still held at its end, arrays included."""
    held = _Held()
    gc.collect()
    tracemalloc.start()
    try:
        yield held
        gc.collect()
        held.bytes = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def weighed(store: Path) -> dict[str, int]:
    """Bytes of each table of an embedded store, its indexes included."""
    connection = connect(store, write=False)
    try:
        rows = connection.execute(
            "SELECT s.tbl_name, sum(d.pgsize) FROM dbstat d JOIN sqlite_master s ON s.name = d.name GROUP BY 1"
        )
        return dict(rows.fetchall())
    finally:
        connection.close()


def weighed_in(url: str) -> dict[str, int]:
    """The same of a database, with what it keeps beside large rows."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT coalesce(pg_partition_root(oid), oid)::regclass::text, sum(pg_total_relation_size(oid)) "
            "FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace GROUP BY 1"
        )
        return {str(name): int(size) for name, size in rows}


def _sum(sizes: dict[str, int], names: tuple[str, ...]) -> int:
    return sum(sizes[name] for name in names)


if __name__ == "__main__":
    main()
