"""The doctor on what processes share: whether it can be reached, what it is, and whose the prefix is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from feed.operations.diagnosis import diagnose
from feed.operations.findings import Finding, Level
from feed.settings import Settings
from feed.storage.redis import open_sharing
from feed.storage.register import Entry
from feed.storage.sqlite.opening import open_sqlite
from tests.contracts.redis_server import MISSING, RedisServer, binary, free_port, running_cluster, running_redis

pytestmark = pytest.mark.skipif(binary() is None, reason=MISSING)


class At:
    """A clock that stands."""

    def now(self) -> int:
        return 1_800_000_000

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as running:
        yield running


def findings(home: Path, url: str, prefix: str) -> list[Finding]:
    settings = Settings(home=home, port=0, redis=SecretStr(url), redis_prefix=prefix)
    return [finding for finding in diagnose(lambda: settings, At()) if finding.check == "redis"]


def test_nothing_is_said_of_what_is_not_shared(tmp_path):
    assert [finding for finding in diagnose(lambda: Settings(home=tmp_path), At()) if finding.check == "redis"] == []


def test_a_prefix_of_nobody_is_fine_and_stays_nobodys(tmp_path, server):
    for _ in range(2):
        (finding,) = findings(tmp_path, server.url, "free")
        assert finding.level is Level.FINE
        assert f"127.0.0.1:{server.port} is Redis " in finding.seen
        assert finding.seen.endswith("one server; the prefix 'free' is nobody's yet")


def test_a_prefix_is_this_deployments_or_anothers(tmp_path, server):
    open_sharing(server.url, "mine", "the-name").close()
    (finding,) = findings(tmp_path, server.url, "mine")
    assert finding.level is Level.WRONG
    assert "belongs to the deployment the-name" in finding.remedy
    store = open_sqlite(tmp_path / "weir.db")
    store.register("places").edit(["deployment"], lambda stored: [Entry("deployment", "the-name")]).result(10)
    store.close()
    (finding,) = findings(tmp_path, server.url, "mine")
    assert (finding.level, finding.seen.rpartition(" is ")[2]) == (Level.FINE, "this deployment's")


def test_a_cluster_is_told(tmp_path):
    folder = tmp_path / "cluster"
    folder.mkdir()
    with running_cluster(folder) as servers:
        (finding,) = findings(tmp_path, servers[0].url, "weir")
    assert "a Cluster;" in finding.seen


def test_one_that_does_not_answer_is_a_note_and_its_password_is_not_told(tmp_path):
    (finding,) = findings(tmp_path, f"redis://:secret-word@127.0.0.1:{free_port()}", "weir")
    assert finding.level is Level.NOTE
    assert "cannot be reached" in finding.seen
    assert "secret-word" not in finding.seen + finding.remedy


def test_one_that_may_drop_any_key_is_noted(tmp_path, server):
    with server.client() as client:
        client.config_set("maxmemory-policy", "allkeys-random")
        found = findings(tmp_path, server.url, "evicting")
        client.config_set("maxmemory-policy", "noeviction")
    assert [finding.level for finding in found] == [Level.FINE, Level.NOTE]
    assert found[1].remedy == "set maxmemory-policy to volatile-lru"
