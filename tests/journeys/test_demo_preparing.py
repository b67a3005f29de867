"""Preparing a demo: done once, gone on with when it was interrupted, and nothing twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from feed.cli.speaking import settings_for
from feed.demo.preparing import DemoMismatch, Prepared, Size, prepare
from feed.importers import FormatUnknown
from feed.storage.sqlite.opening import open_sqlite
from ranking.models import Progress, silent

NOW = 1_800_000_000
TINY = Size(100, 300, 12_000, 20, {"components": 32, "width": 50})


def prepared(home: Path, *, data: Path | None = None, now: int = NOW, progress: Progress = silent) -> Prepared:
    settings = settings_for(home, host="127.0.0.1", port=0)
    return prepare(settings, data, TINY, now=now, progress=progress, say=lambda _: None)


def state(home: Path) -> tuple[int, int, int, int]:
    """Items, events, models and the ledger's head."""
    store = open_sqlite(home / "weir.db", exclusive=False)
    try:
        return store.items.count(), store.events.count(), len(store.models.listing()), store.ledger.head()
    finally:
        store.close()


def test_a_second_start_finds_everything_there(tmp_path: Path) -> None:
    first = prepared(tmp_path / "home")
    before = state(tmp_path / "home")
    later = prepared(tmp_path / "home", now=NOW + 5_000)
    assert state(tmp_path / "home") == before
    assert before[0] == 300 and before[1] > 5_000 and before[2:] == (1, 2)
    assert later.readers == first.readers
    assert later.world.now == NOW + 5_000
    fresh = later.world.step(86_400, pace=50).items
    assert fresh and fresh[0].id == "item-000300"


def test_an_interrupted_preparation_is_taken_up_again(tmp_path: Path) -> None:
    def interrupted(done: float, message: str) -> None:
        if message == "writing the past" and done > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepared(tmp_path / "home", progress=interrupted)
    half = state(tmp_path / "home")
    assert half[0] == 300 and half[2:] == (0, 0)
    prepared(tmp_path / "home")
    prepared(tmp_path / "other")
    whole = state(tmp_path / "home")
    assert whole == state(tmp_path / "other")
    assert whole[1] > half[1]


def test_data_that_is_none_leaves_no_folder_behind(tmp_path: Path) -> None:
    with pytest.raises(FormatUnknown):
        prepared(tmp_path / "home", data=tmp_path / "absent")
    assert not (tmp_path / "home").exists()


def test_a_note_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "demo.json").write_text("{", encoding="utf-8")
    with pytest.raises(DemoMismatch, match=r"demo\.json cannot be read"):
        prepared(tmp_path / "home")


def test_what_was_hidden_in_the_past_is_hidden_in_the_settings(tmp_path: Path) -> None:
    prepared(tmp_path / "home")
    store = open_sqlite(tmp_path / "home" / "weir.db", exclusive=False)
    readers = store.events.columns().reader_ids
    hidden = [json.loads(store.readers.get(reader).settings).get("hidden", []) for reader in readers]
    store.close()
    assert any(hidden)
