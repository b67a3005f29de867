"""An import that is killed loses nothing that was durable, doubles nothing, and continues where it stood."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from feed.storage.sqlite.opening import open_sqlite

pytestmark = [pytest.mark.journey]

LINES = 60_000


def command(path: Path, home: Path) -> list[str]:
    return [sys.executable, "-m", "feed.cli", "import", "ndjson", str(path), "--home", str(home), "--json"]


def test_an_import_killed_in_the_middle_continues_where_it_stood(tmp_path: Path) -> None:
    path, home = tmp_path / "many.ndjson", tmp_path / "home"
    with path.open("w", encoding="utf-8") as file:
        for n in range(LINES):
            event = {"type": "event", "reader": f"r{n % 97}", "item": f"i{n % 89}", "kind": "like"}
            file.write(json.dumps({**event, "occurred_at": 1_700_000_000 + n}) + "\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
    first = subprocess.Popen(command(path, home), env=environment, stdout=subprocess.DEVNULL)
    pause = threading.Event()
    while not list(home.glob("imports/*.json")) and first.poll() is None:
        pause.wait(0.01)
    first.kill()
    first.wait()
    store = open_sqlite(home / "weir.db", exclusive=False)
    durable = store.events.count()
    store.close()
    again = subprocess.run(command(path, home), env=environment, capture_output=True, text=True, check=True)
    told = json.loads(again.stdout)
    assert 0 < durable < LINES
    assert told["continued_at"].startswith(f"{path}:")
    continued = int(told["continued_at"].rpartition(":")[2])
    assert 1 < continued <= durable + 1
    assert told["lines"] == LINES
    assert told["taken"]["events taken"] + told["taken"].get("events duplicate", 0) == LINES
    store = open_sqlite(home / "weir.db", exclusive=False)
    assert store.events.count() == LINES
    store.close()
    assert not list(home.glob("imports/*.json"))
