"""Weir NDJSON: every record kind, faults by line and field, ids for events that bring none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from feed.importers import FormatUnknown, ImportRefused, WeirNdjson, detect
from feed.importers.lines import START
from feed.importers.reading import Taken
from feed.storage.records import AuthorRecord, EventRecord, ItemRecord, LabelRecord
from ranking.reader import EventKind

NOW = 1_800_000_000
ITEM = {"type": "item", "id": "i1", "author": "a1", "title": "T", "topics": ["x", "x"], "published_at": 5}
EVENT = {"type": "event", "reader": "r", "item": "i1", "kind": "like", "occurred_at": 9}


def file(folder: Path, *documents: Any) -> Path:
    path = folder / "some.ndjson"
    lines = (document if isinstance(document, str) else json.dumps(document) for document in documents)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(path: Path, prefix: str = "") -> list[Taken]:
    return list(WeirNdjson(path, prefix).read(0, START, NOW))


def test_each_type_becomes_its_record(tmp_path: Path) -> None:
    author = {"type": "author", "id": "a1", "name": "A", "standing": 40, "kind": "business"}
    label = {"type": "label", "item": "i1", "name": "spam", "score": 0.5, "given_at": 7}
    item_read, author_read, label_read, event_read = read(file(tmp_path, ITEM, author, label, EVENT))
    assert item_read.records == (ItemRecord("i1", "a1", "T", ("x",), 5),)
    assert author_read.records == (AuthorRecord("a1", "A", 40, "business"),)
    assert label_read.records == (LabelRecord("i1", "spam", 0.5, "import", 7),)
    (event,) = event_read.records
    assert isinstance(event, EventRecord)
    assert (event.reader, event.item, event.kind, event.occurred_at) == ("r", "i1", EventKind.LIKE, 9)
    assert event.received_at == NOW


def test_an_event_without_a_client_id_gets_the_same_one_every_time(tmp_path: Path) -> None:
    other = {**EVENT, "occurred_at": 10}
    first, again, different = (
        taken.records[0] for taken in read(file(tmp_path, EVENT, "", EVENT, other)) if taken.records
    )
    assert isinstance(first, EventRecord) and isinstance(again, EventRecord) and isinstance(different, EventRecord)
    assert first.client_id == again.client_id != different.client_id


def test_a_client_id_that_is_given_stays(tmp_path: Path) -> None:
    (event,) = read(file(tmp_path, {**EVENT, "client_id": "mine"}))[0].records
    assert isinstance(event, EventRecord) and event.client_id == "mine"


@pytest.mark.parametrize(
    ("document", "reason", "words"),
    [
        ("{not json", "json", "not JSON"),
        ("[1]", "json", "object"),
        ({"type": "nothing"}, "field type", "type"),
        ({**ITEM, "id": ""}, "field id", "id:"),
        ({**ITEM, "id": "a\nb"}, "field id", "id:"),
        ({**ITEM, "id": "a/b"}, "field id", "id:"),
        ({**ITEM, "colour": "red"}, "field colour", "colour: Extra"),
        ({**ITEM, "topics": ["x"] * 9}, "field topics", "topics:"),
        ({**ITEM, "published_at": "today"}, "field published_at", "published_at:"),
        ({**EVENT, "reader": ""}, "field reader", "reader:"),
        ({**EVENT, "kind": "love"}, "field kind", "kind:"),
        ({**EVENT, "occurred_at": NOW + 301}, "time", "occurred_at 1800000301 lies more than 300 s in the future"),
        ({**ITEM, "published_at": NOW + 301}, "time", "put the item when it is due"),
        ({"type": "label", "item": "i", "name": "spam", "score": 1, "given_at": NOW + 301}, "time", "given_at"),
        ({"type": "label", "item": "i", "name": "spam", "score": 1.5, "given_at": 1}, "field score", "score:"),
    ],
)
def test_a_bad_line_is_refused_by_field(tmp_path: Path, document: Any, reason: str, words: str) -> None:
    good, bad = read(file(tmp_path, ITEM, document))
    assert good.records
    assert bad.line == 2
    assert bad.refusal is not None and bad.refusal.reason == reason
    assert words in bad.refusal.message


def test_clocks_may_differ_by_five_minutes(tmp_path: Path) -> None:
    label = {"type": "label", "item": "i1", "name": "spam", "score": 0.5, "given_at": NOW + 300}
    item, event = {**ITEM, "published_at": NOW + 300}, {**EVENT, "occurred_at": NOW + 300}
    assert all(taken.records for taken in read(file(tmp_path, item, label, event)))


def test_a_prefix_goes_before_every_id_that_is_there(tmp_path: Path) -> None:
    (item,) = read(file(tmp_path, ITEM), "n-")[0].records
    assert isinstance(item, ItemRecord) and (item.id, item.author, item.community) == ("n-i1", "n-a1", "")


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.ndjson").write_text(json.dumps(ITEM) + "\n", encoding="utf-8")
    data = detect(tmp_path)
    assert [part.name for part in data.parts] == ["a.ndjson", "b.ndjson"]


def test_a_missing_path_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="absent"):
        WeirNdjson(tmp_path / "absent.ndjson")
    with pytest.raises(FormatUnknown, match="nothing at this path"):
        detect(tmp_path / "absent")
