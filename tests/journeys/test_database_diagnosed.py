"""The doctor on a database: reached, of which version, whose, safe, in step, and who serves from it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from feed.clock import SystemClock
from feed.operations.diagnosis import diagnose
from feed.operations.findings import Finding, Level
from feed.settings import Settings
from feed.storage.schema import REVISIONS
from feed.stores import open_store
from tests.contracts.postgres_server import binaries, fresh_database, running_server

pytestmark = pytest.mark.journey

_numbers = count()


class Off(SystemClock):
    """A clock that goes wrong by so many seconds."""

    def __init__(self, by: int) -> None:
        self._by = by

    def now(self) -> int:
        return super().now() + self._by


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed; `make test` installs it")
    with tempfile.TemporaryDirectory(prefix="weir-pg-") as folder, running_server(Path(folder)) as url:
        yield url


@pytest.fixture
def database(server: str) -> str:
    return fresh_database(server, f"diagnosed{next(_numbers)}")


def found(home: Path, url: str, off: int = 0) -> dict[str, list[Finding]]:
    settings = Settings(home=home, port=0, database=SecretStr(url))
    told: dict[str, list[Finding]] = {}
    for finding in diagnose(lambda: settings, Off(off)):
        told.setdefault(finding.check, []).append(finding)
    return told


def wrong(told: dict[str, list[Finding]]) -> list[str]:
    return [finding.seen for some in told.values() for finding in some if finding.level is Level.WRONG]


def test_a_database_is_told_with_version_locale_and_schema(tmp_path, database):
    told = found(tmp_path, database)["database"][0]
    assert (told.level, told.seen.endswith("no store yet")) == (Level.FINE, True)
    open_store(Settings(home=tmp_path, database=SecretStr(database))).close()
    told = found(tmp_path, database)["database"][0]
    assert told.level is Level.FINE and "is PostgreSQL 1" in told.seen
    assert told.seen.endswith(f"sorts by C, schema {REVISIONS[-1]}")


def test_events_that_lie_in_an_old_part_are_noticed(tmp_path, database):
    settings = Settings(home=tmp_path, database=SecretStr(database))
    store = open_store(settings)
    (told,) = found(tmp_path, database)["events"]
    assert (told.level, "in one part" in told.seen) == (Level.FINE, True)
    assert store.events.begin_part(SystemClock().now(), settings.events_part_days).result()
    store.close()
    (told,) = found(tmp_path, database)["events"]
    assert told.level is Level.FINE and told.seen.startswith("events lie in 1 part(s), the newest begun on 20")
    (told,) = found(tmp_path, database, 33 * 86_400)["events"]
    assert told.level is Level.NOTE and " days ago" in told.seen
    assert "does a server run?" in told.remedy


def test_a_server_that_may_lose_what_was_acknowledged_is_wrong(tmp_path, database):
    (told,) = [one for one in found(tmp_path, database)["database"] if one.level is Level.WRONG]
    assert "fsync off" in told.seen and "fsync = on" in told.remedy  # as the tests' server is, to be quick


def test_clocks_that_differ_are_noticed_and_far_apart_they_are_wrong(tmp_path, database):
    assert "within 2 s of the database's" in [one.seen for one in found(tmp_path, database)["clock"]]
    (told,) = [one for one in found(tmp_path, database, 30)["clock"] if one.level is Level.NOTE]
    assert "ahead of the database's" in told.seen and "NTP" in told.remedy
    assert any("behind the database's" in seen for seen in wrong(found(tmp_path, database, -600)))


def test_a_server_that_is_not_there_is_told_once_and_without_the_password(tmp_path):
    told = found(tmp_path, "postgresql://weir:secret-word@127.0.0.1:9/none")
    assert len(wrong(told)) == 1 and "cannot be reached" in wrong(told)[0]
    assert all("secret-word" not in f"{one.seen}{one.remedy}" for some in told.values() for one in some)
    assert "running" in told["database"][0].remedy


def test_databases_of_another_locale_program_or_release_are_wrong_with_what_to_do(tmp_path, server, database):
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    (told,) = found(tmp_path, server.rsplit("/", 1)[0] + "/latin")["database"]
    assert "sorts texts by C in SQL_ASCII" in told.seen and "ENCODING 'UTF8'" in told.remedy
    open_store(Settings(home=tmp_path, database=SecretStr(database))).close()
    for version, words in (("9999", "install the release"), (REVISIONS[0], "doctor --upgrade")):
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("UPDATE alembic_version SET version_num = %s", (version,))
        (told,) = [one for one in found(tmp_path, database)["database"] if "fsync" not in one.seen]
        assert told.level is Level.WRONG and words in told.remedy
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("COMMENT ON TABLE alembic_version IS 'theirs'")
    (told,) = found(tmp_path, database)["database"]
    assert told.level is Level.WRONG and "another program" in told.seen


def test_who_serves_from_it_is_told_and_several_releases_at_once_are_noticed(tmp_path, database):
    open_store(Settings(home=tmp_path, database=SecretStr(database))).close()
    assert found(tmp_path, database)["replicas"][0].seen == "no process serves now"
    columns = "name, release, revision, confirmed_at"
    join = f"INSERT INTO replicas ({columns}) VALUES (%s, %s, 1, extract(epoch FROM now()) + 60)".encode()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(join, ("one", "1.0"))
        connection.execute(join, ("two", "1.0"))
        (told,) = found(tmp_path, database)["replicas"]
        assert (told.level, told.seen) == (Level.FINE, "2 of release 1.0 serve now")
        connection.execute(join, ("three", "1.1"))
    (told,) = found(tmp_path, database)["replicas"]
    assert (told.level, told.seen) == (Level.NOTE, "2 of release 1.0, 1 of release 1.1 serve together")


def test_too_few_connections_are_noticed(tmp_path, database):
    held = [psycopg.connect(database) for _ in range(32)]  # of the sixty that the tests' server has
    try:
        (told,) = [one for one in found(tmp_path, database)["database"] if one.level is Level.NOTE]
    finally:
        for connection in held:
            connection.close()
    assert "of 60 connections are taken" in told.seen and "max_connections" in told.remedy
