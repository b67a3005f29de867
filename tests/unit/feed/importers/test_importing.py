"""Importing into a real store: nothing twice, nothing lost, continued where it stopped, consent honoured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from feed.importers import Bookmark, Importer, ImportStopped, MovieLens, Summary, WeirNdjson
from feed.importers.reading import DataSet
from feed.storage.ports.store import Store
from feed.storage.records import ItemRecord, ReaderRecord
from feed.storage.sqlite.opening import open_sqlite
from ranking.reader import EventKind

NOW = 1_800_000_000


def silent(message: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_sqlite(tmp_path / "home" / "weir.db")
    yield opened
    opened.close()


def ndjson(folder: Path, *documents: Any, name: str = "some.ndjson") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")
    return path


def item(number: int, **more: Any) -> dict[str, Any]:
    return {"type": "item", "id": f"i{number}", "title": f"T{number}", "topics": ["x"], "published_at": 5, **more}


def event(number: int, kind: str = "like", **more: Any) -> dict[str, Any]:
    return {"type": "event", "reader": "r", "item": f"i{number}", "kind": kind, "occurred_at": 100 + number, **more}


def taken(data: DataSet, store: Store, *, now: int = NOW, bookmark: Bookmark | None = None, batch: int = 3) -> Summary:
    return Importer(data, store, now=now, bookmark=bookmark, batch=batch).run(silent)


def test_every_record_kind_arrives_in_the_store(tmp_path: Path, store: Store) -> None:
    label = {"type": "label", "item": "i1", "name": "spam", "score": 0.25, "given_at": 7}
    author = {"type": "author", "id": "a", "standing": 30}
    summary = taken(WeirNdjson(ndjson(tmp_path, author, item(1, author="a"), label, event(1))), store)
    assert dict(summary.counts) == {
        "authors taken": 1,
        "items taken": 1,
        "labels taken": 1,
        "events taken": 1,
    }
    stored = store.items.item("i1")
    assert stored is not None and stored.title == "T1"
    (given,) = store.items.labels("i1")
    assert (given.score, given.given_by) == (0.25, "import")
    author_stored = store.items.author("a")
    assert author_stored is not None and author_stored.standing == 30
    assert [record.kind for record in store.events.of_reader("r", 10)] == [EventKind.LIKE]


def test_repeating_an_import_changes_nothing(tmp_path: Path, store: Store) -> None:
    documents = [item(n) for n in range(7)] + [event(n) for n in range(7)]
    documents += [
        {"type": "author", "id": "a"},
        {"type": "label", "item": "i1", "name": "spam", "score": 0.25, "given_at": 7},
    ]
    path = ndjson(tmp_path, *documents)
    taken(WeirNdjson(path), store)
    store.journal.publish(extra=b"", at=NOW).result()
    again = taken(WeirNdjson(path), store, now=NOW + 50)
    assert dict(again.counts) == {
        "authors unchanged": 1,
        "items unchanged": 7,
        "labels unchanged": 1,
        "events duplicate": 7,
    }
    assert store.events.count() == 7
    assert store.journal.pending() == 0


def test_what_changed_is_taken_again(tmp_path: Path, store: Store) -> None:
    taken(WeirNdjson(ndjson(tmp_path, item(1), item(2))), store)
    summary = taken(WeirNdjson(ndjson(tmp_path, item(1, title="new"), item(2))), store)
    assert dict(summary.counts) == {"items taken": 1, "items unchanged": 1}
    stored = store.items.item("i1")
    assert stored is not None and stored.title == "new"


def test_an_item_without_a_time_is_published_now_and_stays_so(tmp_path: Path, store: Store) -> None:
    document = item(1)
    del document["published_at"]
    path = ndjson(tmp_path, document)
    taken(WeirNdjson(path), store, now=NOW)
    summary = taken(WeirNdjson(path), store, now=NOW + 1000)
    assert dict(summary.counts) == {"items unchanged": 1}
    stored = store.items.item("i1")
    assert stored is not None and stored.published_at == NOW


def test_an_item_that_was_withdrawn_stays_withdrawn(tmp_path: Path, store: Store) -> None:
    store.items.put_items([ItemRecord("i1", title="T1", withdrawn=True)]).result()
    summary = taken(WeirNdjson(ndjson(tmp_path, item(1))), store)
    assert dict(summary.counts) == {"items left withdrawn": 1}
    stored = store.items.item("i1")
    assert stored is not None and stored.withdrawn


def test_an_older_label_does_not_replace_a_newer_one(tmp_path: Path, store: Store) -> None:
    label = {"type": "label", "item": "i1", "name": "spam", "score": 0.9, "given_at": 50}
    taken(WeirNdjson(ndjson(tmp_path, label)), store)
    taken(WeirNdjson(ndjson(tmp_path, {**label, "score": 0.1, "given_at": 10})), store)
    assert [given.score for given in store.items.labels("i1")] == [0.9]


def test_events_of_a_reader_who_opted_out_are_stored_without_consent(tmp_path: Path, store: Store) -> None:
    settings = orjson.dumps({"personalization": False}).decode()
    store.readers.save(ReaderRecord("out", settings), 0).result()
    summary = taken(WeirNdjson(ndjson(tmp_path, item(1), event(1, reader="out"), event(1))), store)
    assert summary.counts["events without consent"] == 1
    assert [record.consented for record in store.events.of_reader("out", 10)] == [0]
    assert [record.consented for record in store.events.of_reader("r", 10)] == [1]


def test_a_hide_joins_the_settings_of_its_reader(tmp_path: Path, store: Store) -> None:
    path = ndjson(tmp_path, item(1), event(1, "hide"), event(2, "hide"))
    taken(WeirNdjson(path), store)
    taken(WeirNdjson(path), store)
    assert orjson.loads(store.readers.get("r").settings) == {"hidden": ["i1", "i2"]}


def test_events_of_unknown_items_are_stored_and_counted(tmp_path: Path, store: Store) -> None:
    summary = taken(WeirNdjson(ndjson(tmp_path, item(1), event(1), event(9))), store)
    assert summary.counts["events of unknown items"] == 1
    assert summary.counts["events taken"] == 2


def test_refused_lines_are_all_counted_and_the_first_ones_shown_with_file_and_line(
    tmp_path: Path, store: Store
) -> None:
    path = ndjson(tmp_path, item(1), *[event(1, "love") for _ in range(5)], {"type": "item"})
    summary = Importer(WeirNdjson(path), store, now=NOW, errors_shown=2, batch=2).run(silent)
    assert dict(summary.refused) == {"field kind": 5, "field id": 1}
    assert [line.split(": ")[0] for line in summary.shown] == [f"{path}:2", f"{path}:3"]
    assert summary.lines == 7


class Interrupted(WeirNdjson):
    """Reading stops like a Ctrl-C after some lines."""

    after = 0

    def read(self, part: int, after: Any, now: int) -> Iterator[Any]:
        for number, one in enumerate(super().read(part, after, now)):
            if number == self.after:
                raise KeyboardInterrupt
            yield one


def test_an_interrupted_import_continues_after_its_last_durable_line(tmp_path: Path, store: Store) -> None:
    path = ndjson(tmp_path, *[item(n) for n in range(20)])
    broken = Interrupted(path)
    broken.after = 14

    def bookmark() -> Bookmark:
        return Bookmark(tmp_path, "ndjson", [path])

    with pytest.raises(ImportStopped, match=r"some\.ndjson:\d+: interrupted; the same command continues"):
        taken(broken, store, bookmark=bookmark())
    standing = bookmark().load()
    assert standing is not None and 0 < standing.line < 14
    summary = taken(WeirNdjson(path), store, bookmark=bookmark())
    assert summary.continued_at == f"{path}:{standing.line + 1}"
    assert summary.counts["items taken"] == 20 - summary.counts["items unchanged"]
    assert summary.lines == 20
    assert store.items.count() == 20
    assert bookmark().load() is None


def test_an_interrupted_import_of_changed_files_starts_again(tmp_path: Path, store: Store) -> None:
    path = ndjson(tmp_path, *[item(n) for n in range(20)])
    broken = Interrupted(path)
    broken.after = 14
    with pytest.raises(ImportStopped):
        taken(broken, store, bookmark=Bookmark(tmp_path, "ndjson", [path]))
    ndjson(tmp_path, *[item(n) for n in range(21)])
    summary = taken(WeirNdjson(path), store, bookmark=Bookmark(tmp_path, "ndjson", [path]))
    assert summary.continued_at == ""
    assert store.items.count() == 21


def test_a_store_that_fails_stops_the_import_with_place_and_reason(tmp_path: Path, store: Store) -> None:
    path = ndjson(tmp_path, item(1))
    store.close()
    with pytest.raises(ImportStopped, match=r"some\.ndjson:1: .*closed"):
        taken(WeirNdjson(path), store)


def test_real_ratings_are_imported_whole_and_only_once(movielens: Path, store: Store) -> None:
    heard: list[tuple[str, int, int]] = []
    tell: Callable[[str, int, int], None] = lambda *told: heard.append(told)  # noqa: E731
    summary = Importer(MovieLens(movielens), store, now=NOW).run(tell)
    assert summary.counts == {"items taken": 9_125, "events taken": 100_004}
    assert not summary.refused
    assert heard[-1][1] == heard[-1][2]
    again = Importer(MovieLens(movielens), store, now=NOW).run(silent)
    assert again.counts == {"items unchanged": 9_125, "events duplicate": 100_004}
    assert store.events.count() == 100_004
