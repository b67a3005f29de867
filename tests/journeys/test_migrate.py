"""A home folder moves from its embedded store to PostgreSQL: the same ledger, Snapshot and pages, or nothing."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from feed.cli import main
from feed.control.follow import catch_up
from feed.ledger.checking import checkpoints
from feed.models.library import Graphs, PolicyDocuments
from feed.settings import Settings
from feed.storage import moving
from feed.storage.ports.store import Store
from feed.storage.schema import metadata
from feed.stores import open_store
from ranking.fold import Fold
from ranking.snapshot import Snapshot
from tests.contracts.postgres_server import binaries, fresh_database, running_server
from tests.journeys.http_service import Http, decision, running
from tests.laws.test_law_02_state_is_a_fold import plain
from tests.unit.feed.models.model_making import served, shifted

pytestmark = pytest.mark.journey

AS_OF = 1_900_000_000
_numbers = count()


@pytest.fixture(scope="module")
def server():
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed; `make equip` installs it")
    with tempfile.TemporaryDirectory(prefix="weir-pg-") as folder, running_server(Path(folder)) as url:
        yield url


@pytest.fixture
def database(server: str) -> str:
    return fresh_database(server, f"moved{next(_numbers)}")


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder in which much has happened."""
    home = tmp_path_factory.mktemp("grown") / "home"
    with running(home) as http:
        http.put_items()
        served(http, shifted(1))
        now = http.service.clock.now()
        for kind, item in (("takedown", "item-9"), ("suppress", "item-8"), ("pin", "item-7")):
            more = {"parameters": {"position": 1}} if kind == "pin" else {}
            made = http.call("POST", "/v1/decisions", "admin", json=decision(kind, item, now, **more))
            assert made.status_code == 201, made.text
        for number in range(30):
            report(http, f"c{number}", f"item-{number % 20}", f"r{number % 4}")
        labels = [{"item": "item-3", "name": "rumour", "score": 0.1 + 0.2, "given_at": now}]
        assert http.call("POST", "/v1/labels", "classifier", json={"labels": labels}).is_success
        assert http.call("PATCH", "/v1/readers/r2/settings", "reader", subject="r2", json={"personalization": False})
        told = {"item": "item-5", "category": "terms", "text": "ünïcode ✓ \\N"}
        assert http.call("POST", "/v1/reports", "reader", subject="r1", json=told).status_code in (201, 202)
        pages(http)
        http.settled()
    assert main(["token", "feed", "--key", "phone", "--home", str(home)]) == 0
    return home


@pytest.fixture
def home(grown: Path, tmp_path: Path) -> Path:
    shutil.copytree(grown, tmp_path / "home")
    return tmp_path / "home"


def report(http: Http, client_id: str, item: str, reader: str) -> None:
    events = [{"client_id": client_id, "item": item, "kind": "like"}]
    told = http.call("POST", "/v1/events", "reader", subject=reader, json={"events": events})
    assert told.json()["accepted"] == 1, told.text


def pages(http: Http) -> list[Any]:
    """All items of one who opted out, the first of one who likes, as they are served once lists are made."""
    http.settled()
    plain_page = http.call("GET", "/v1/feed?limit=24", "reader", subject="r2").json()
    liked = http.call("GET", "/v1/feed?limit=24", "reader", subject="r1").json()
    return [[item["id"] for item in plain_page["items"]], liked["items"][0], plain_page["revision"]]


def folded(store: Store, settings: Settings) -> Snapshot:
    fold = Fold(PolicyDocuments(store.policies), Graphs(store.models, settings.models_folder))
    catch_up(fold, store)
    fold.advance(AS_OF)
    return fold.snapshot()


def state(settings: Settings) -> dict[str, Any]:
    """What a store holds of ledger and journal, and what it folds to."""
    store = open_store(settings, exclusive=False)
    try:
        head = store.ledger.head()
        return {
            "root": store.log.root(head),
            "entries": store.log.entries(0, head),
            "checkpoints": list(checkpoints(store)),
            "editions": list(store.journal.since(0)),
            "snapshot": plain(folded(store, settings)),
            "events": {reader: store.events.of_reader(reader, 1000) for reader in ("r0", "r1", "r2", "r3")},
        }
    finally:
        store.close()


def tables_of(url: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        return int(found[0]) if found else -1


def migrated(capsys: pytest.CaptureFixture[str], home: Path, url: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["migrate", "--to", url, "--home", str(home), "--json"])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_migrated_store_folds_to_the_same_bits_and_serves_the_same_pages(home, database, tmp_path, capsys):
    embedded = Settings(home=home)
    with sqlite3.connect(embedded.store_file) as source:
        counts = {table: source.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in metadata.tables}
    before = state(embedded)
    code, out, error = migrated(capsys, home, database)
    assert code == 0, error
    told = json.loads(out)
    assert {table["table"]: table["rows"] for table in told["tables"]} == counts
    assert all(counts[name] for name in ("events", "ledger", "editions", "servings", "labels", "entries", "keys"))
    assert "WEIR_DATABASE" in error
    grown = Settings(home=home, database=SecretStr(database))
    assert state(grown) == before
    assert main(["log", "verify", "--home", str(home)]) == 0
    shutil.copytree(home, tmp_path / "other")
    with running(tmp_path / "other") as http:
        shown = pages(http)
    with running(home, database=SecretStr(database)) as http:
        assert pages(http) == shown
        for number in range(3):
            report(http, f"later{number}", "item-1", "r1")
        made = http.call(
            "POST", "/v1/decisions", "editor", json=decision("suppress", "item-2", http.service.clock.now())
        )
        assert made.json()["decision"]["revision"] == before["snapshot"]["position"][0] + 1
        assert {event.client_id for event in http.service.store.events.of_reader("r1", 1000)} >= {"later0", "later2"}


def test_a_store_that_a_server_owns_is_not_migrated(home, database, capsys):
    with running(home):
        code, _, error = migrated(capsys, home, database)
    assert code == 1 and "in use by process" in error
    assert tables_of(database) == 0


def test_a_database_that_is_not_empty_is_left_alone(home, server, database, capsys):
    assert migrated(capsys, home, database)[0] == 0
    rows = state(Settings(home=home, database=SecretStr(database)))
    code, _, error = migrated(capsys, home, database)
    assert code == 1 and "holds a store already" in error
    assert state(Settings(home=home, database=SecretStr(database))) == rows
    foreign = fresh_database(server, "somebodys")
    with psycopg.connect(foreign, autocommit=True) as connection:
        connection.execute("CREATE TABLE theirs (x int)")
    code, _, error = migrated(capsys, home, foreign)
    assert code == 1 and "tables of another program" in error


def test_a_value_that_the_database_cannot_hold_ends_the_migration_and_leaves_nothing(home, database, capsys):
    with sqlite3.connect(home / "weir.db") as source:
        source.execute("UPDATE items SET title = 'a' || char(0) || 'b' WHERE id = 'item-3'")
    code, _, error = migrated(capsys, home, database)
    assert code == 1 and "table items" in error and "the database is as it was" in error
    assert tables_of(database) == 0
    with sqlite3.connect(home / "weir.db") as source:
        source.execute("UPDATE items SET title = 'ab' WHERE id = 'item-3'")
    assert migrated(capsys, home, database)[0] == 0


def test_what_is_read_back_otherwise_than_it_was_written_ends_the_migration(home, database, capsys, monkeypatch):
    taken = moving._pages
    numbers = iter(range(10**6))
    # The database seems to lose the first row of a table: every second reading of a table is of the database.
    monkeypatch.setattr(
        moving, "_pages", lambda fetch: (page[1:] if next(numbers) % 2 else page for page in taken(fetch))
    )
    code, _, error = migrated(capsys, home, database)
    assert code == 1 and "read back" in error
    assert tables_of(database) == 0


def test_there_is_nothing_to_migrate_without_a_store_or_a_database(tmp_path, database, capsys):
    code, _, error = migrated(capsys, tmp_path, database)
    assert code == 2 and "nothing to migrate" in error
    assert main(["migrate", "--home", str(tmp_path)]) == 2
    assert "which database?" in capsys.readouterr().err
    code, _, error = migrated(capsys, tmp_path, "mysql://elsewhere/x")
    assert code == 2 and "postgresql://" in error
