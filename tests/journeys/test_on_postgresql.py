"""A service whose store is a PostgreSQL database: the same promises, `kill -9` and a second server included."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from feed.clock import SystemClock
from feed.settings import Settings
from feed.storage.errors import SchemaTooNew, StoreFailed, StoreForeign, StoreInUse, StoreMissing
from feed.stores import open_store
from tests.contracts.postgres_server import binaries, fresh_database, running_server
from tests.journeys.killable_server import served

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def server():
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed; `make equip` installs it")
    with tempfile.TemporaryDirectory(prefix="weir-pg-") as folder, running_server(Path(folder)) as url:
        yield url


def settings(home: Path, url: str) -> Settings:
    return Settings(home=home, database=SecretStr(url))


def test_what_was_acknowledged_survives_kill_9_and_a_second_server_is_refused(server, tmp_path, monkeypatch):
    monkeypatch.setenv("WEIR_DATABASE", fresh_database(server, "story"))
    event = {"client_id": "e1", "reader": "ada", "item": "i1", "kind": "like"}
    basis = {"kind": "terms", "clause": "1"}
    decision: dict[str, Any] = {
        "type": "takedown",
        "subject": {"kind": "item", "id": "i2"},
        "reason": "r",
        "basis": basis,
    }
    decision["review_by"] = SystemClock().now() + 86_400
    with served(tmp_path) as (client, process):
        for item in ("i1", "i2", "i3"):
            assert client.put(f"/v1/items/{item}", json={"title": item}).is_success
        assert client.post("/v1/events", json={"events": [event]}).json()["accepted"] == 1
        made = client.post("/v1/decisions", json=decision)
        assert made.is_success, made.text
        second = subprocess.run(
            [sys.executable, "-m", "feed.cli", "serve"],
            env={**os.environ, "WEIR_HOME": str(tmp_path), "WEIR_PORT": "0"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert second.returncode != 0 and "another service owns the store" in second.stderr
        process.kill()
    with served(tmp_path) as (client, _):
        history = client.get("/v1/readers/ada/history").json()["events"]
        assert [one["item"] for one in history] == ["i1"]
        assert client.get(f"/v1/decisions/{made.json()['decision']['id']}").json()["revision"] == 1
        page = client.get("/v1/feed?reader=bob").json()
        assert {item["id"] for item in page["items"]} == {"i1", "i3"}
    verified = subprocess.run(
        [sys.executable, "-m", "feed.cli", "log", "verify", "--home", str(tmp_path)], capture_output=True, timeout=120
    )
    assert verified.returncode == 0, verified.stderr


def test_databases_that_are_no_store_of_ours_are_refused_by_name(server, tmp_path):
    with pytest.raises(StoreMissing):
        open_store(settings(tmp_path, fresh_database(server, "nothing")), exclusive=False)
    foreign = fresh_database(server, "theirs")
    with psycopg.connect(foreign, autocommit=True) as connection:
        connection.execute("CREATE TABLE theirs (x int)")
    with pytest.raises(StoreForeign, match="another program"):
        open_store(settings(tmp_path, foreign))
    newer = fresh_database(server, "newer")
    open_store(settings(tmp_path, newer)).close()
    with psycopg.connect(newer, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNew, match="9999"):
        open_store(settings(tmp_path, newer))


def test_one_process_owns_a_database_and_others_read_it(server, tmp_path):
    mine = settings(tmp_path, fresh_database(server, "owned"))
    owner = open_store(mine)
    with pytest.raises(StoreInUse):
        open_store(mine)
    reader = open_store(mine, exclusive=False)
    assert reader.items.count() == 0
    reader.close()
    owner.close()
    open_store(mine).close()


def test_a_server_that_is_not_there_is_told_without_the_password(tmp_path):
    gone = settings(tmp_path, "postgresql://weir:secret-word@127.0.0.1:9/none")
    with pytest.raises(StoreFailed, match="cannot be reached") as refused:
        open_store(gone)
    assert "secret-word" not in str(refused.value)


def test_an_address_that_is_none_is_refused_with_the_settings():
    with pytest.raises(ValueError, match="postgresql://"):
        Settings(database=SecretStr("mysql://somewhere"))
