"""``weir popularity``: the list of a store, or of a simulated community, is attacked on paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest

from feed.cli import main
from feed.storage.records import EventRecord
from feed.storage.sqlite.opening import open_sqlite
from ranking.reader import EventKind

NOW, DAY = 1_800_000_000, 86_400


def heard(home: Path, readers: int = 40, items: int = 60) -> None:
    """A store whose readers were each heard on a dozen items over two months."""
    home.mkdir()
    dice = np.random.default_rng(1)
    events = []
    for reader in range(readers):
        for item in dice.choice(items, 12, replace=False).tolist():
            at = NOW - int(dice.integers(0, 60 * DAY))
            events.append(EventRecord(f"r{reader}", f"{item}", f"i{item}", int(EventKind.LIKE), at, at, 0, "", 1))
    store = open_sqlite(home / "weir.db")
    store.events.append(events).result()
    store.close()


def test_the_list_of_a_store_is_attacked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heard(tmp_path / "home")
    command = ["popularity", "--home", str(tmp_path / "home"), "--accounts", "5", "--targets", "3", "--json"]
    assert main(command) == 0
    told = orjson.loads(capsys.readouterr().out)
    assert [one["attack"] for one in told["outcomes"]] == ["burst", "decoys", "script", "sleepers", "patient"]
    burst = told["outcomes"][0]
    assert burst["undamped_place"] < burst["damped_place"]
    assert set(told["quality"]) == {"readers", "undamped", "damped"}


def test_people_get_a_table_and_what_it_costs_honest_readers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heard(tmp_path / "home")
    assert main(["popularity", "--home", str(tmp_path / "home"), "--accounts", "5", "--targets", "1"]) == 0
    out = capsys.readouterr().out
    assert "patient" in out
    assert "honest readers:" in out


def test_a_store_that_nobody_was_heard_in_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heard(tmp_path / "home", readers=0)
    assert main(["popularity", "--home", str(tmp_path / "home")]) == 2
    assert "nobody was heard on anything yet" in capsys.readouterr().err
