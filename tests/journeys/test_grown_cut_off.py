"""Two processes of one deployment, one of them cut off from Redis or from PostgreSQL, or left without room on its disk.

Choices and decisions made at either hold at the other, or the other refuses (laws 7, 10 and 11).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.contracts.cuttable_proxy import Proxy, proxy_to
from tests.journeys.grown_servers import Ground, grounded
from tests.journeys.grown_service import Answer, Grown, serving, settings_of, stored
from tests.journeys.http_service import until

pytestmark = pytest.mark.journey
ITEMS = 100


@dataclass(frozen=True)
class Pair:
    """One process with straight lines to both servers, and one whose lines may be cut."""

    healthy: Grown
    lined: Grown
    redis: Proxy
    database: Proxy

    def agree(self) -> bool:
        """Whether both serve, and a decision is obeyed by both."""
        both = [process.tried("GET", "/readyz").status for process in (self.healthy, self.lined)]
        return both == [200, 200]


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with grounded() as found:
        yield found


@pytest.fixture(scope="module")
def both(ground: Ground) -> Iterator[Pair]:
    with (
        proxy_to(ground.redis.port) as redis,
        proxy_to(ground.database.port) as database,
        serving(ground, settings_of(ground)) as healthy,
    ):
        apart = {
            "redis": f"redis://127.0.0.1:{redis.port}",
            "database": re.sub(r":\d+/", f":{database.port}/", ground.url),
        }
        with serving(ground, settings_of(ground, "other", **apart), whole=False) as lined:
            healthy.put_items(ITEMS)
            until(lambda: lined.gauge("weir_items").get(-1) == ITEMS)
            yield Pair(healthy, lined, redis, database)


def choose(grown: Grown, wanted: bool) -> None:
    told = grown.call("PATCH", "/v1/readers/ada/settings", {"personalization": wanted})
    assert told.status == 200, told.text


def mode(grown: Grown) -> str:
    answer = grown.call("GET", "/v1/feed?reader=ada&limit=1")
    assert answer.status == 200, answer.text
    return str(answer.json["mode"])


def blocked(answer: Answer, item: str) -> bool:
    """Whether an answer shows nothing of an item."""
    return answer.status != 200 or item not in {shown["id"] for shown in answer.json["items"]}


@pytest.mark.parametrize("how", ["cut", "stall"])
def test_choices_hold_across_a_process_that_redis_cannot_be_reached_from(both, how):
    choose(both.healthy, True)
    assert [mode(both.healthy), mode(both.lined)] == ["personalized"] * 2
    getattr(both.redis, how)()
    try:
        choose(both.healthy, False)
        assert mode(both.lined) == "popular"
        choose(both.lined, True)
        assert mode(both.healthy) == "personalized"
        choose(both.lined, False)
        assert mode(both.healthy) == "popular"
        item = both.healthy.page()[0]
        made = both.lined.suppress(item)
        assert made.status == 201 and not made.json["enforced"]["lagging"], made.text
        assert item not in both.healthy.page() and item not in both.lined.page()
    finally:
        both.redis.mend()
    for wanted in (True, False):
        choose(both.healthy, wanted)
        assert mode(both.lined) == ("personalized" if wanted else "popular")


@pytest.mark.parametrize("how", ["cut", "stall"])
def test_a_process_that_the_database_cannot_be_reached_from_refuses_and_comes_back(both, how):
    item = both.healthy.page()[0]
    choose(both.healthy, True)
    assert mode(both.lined) == "personalized"
    getattr(both.database, how)()
    try:
        made = both.healthy.suppress(item)
        assert made.status == 201
        until(lambda: both.lined.tried("GET", "/v1/feed?reader=eve&limit=100").status == 503)
        assert "controls-stale" in both.lined.call("GET", "/v1/feed?reader=eve").text
        assert not both.healthy.suppress(both.healthy.page()[0]).json["enforced"]["lagging"]
        choose(both.healthy, False)
        assert both.lined.tried("GET", "/readyz").status == 503
    finally:
        both.database.mend()
    until(both.agree, 30)
    assert blocked(both.lined.call("GET", "/v1/feed?reader=eve&limit=100"), item)
    assert mode(both.lined) == "popular"
    assert not both.healthy.suppress(both.healthy.page()[0]).json["enforced"]["lagging"]


def test_a_full_disk_refuses_what_needs_room_and_all_goes_on_when_there_is_some(ground, both, small_disk):
    """The events' table alone lies on the full disk, so that what still can be done shows."""
    with psycopg.connect(ground.url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'".encode())
        move_events(connection, "small")
        try:
            filling = small_disk / "filling"
            fill(filling)
            batches = (events(number) for number in count())
            told: list[Answer] = []
            acknowledged: set[str] = set()

            def refused() -> bool:
                batch = next(batches)
                told.append(both.healthy.tried("POST", "/v1/events", {"events": batch}))
                if told[-1].status == 200:
                    acknowledged.update(event["client_id"] for event in batch)
                return told[-1].status != 200

            until(refused)
            assert told[-1].status == 503 and "the disk is full" in told[-1].text, told[-1].text
            item = both.lined.page()[0]
            assert both.healthy.suppress(item).status == 201
            assert item not in both.lined.page()
            filling.unlink()
            until(lambda: not refused())
            store = stored(both.healthy.settings)
            known = [event.client_id for event in store.events.of_reader("eve", 1_000_000)]
            store.close()
            assert acknowledged == set(known) and len(known) == len(acknowledged)
        finally:
            move_events(connection, "pg_default")
            connection.execute("DROP TABLESPACE small")


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of a few megabytes, in which PostgreSQL may write."""
    disk = Path(tempfile.mkdtemp(prefix="weir-small-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        disk.rmdir()
        pytest.skip("mounting a small disk needs root")
    try:
        shutil.chown(disk, "postgres")
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)
        disk.rmdir()


def move_events(connection: psycopg.Connection[Any], place: str) -> None:
    """Move the events, whatever parts they lie in."""
    parts = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events'::regclass"
    for (part,) in connection.execute(parts).fetchall():
        connection.execute(f"ALTER TABLE {part} SET TABLESPACE {place}".encode())


def fill(file: Path) -> None:
    """Write until there is no more room."""
    with suppress(OSError), file.open("wb", buffering=0) as filling:
        while filling.write(bytes(4096)):
            pass


def events(number: int) -> list[dict[str, str]]:
    return [
        {"client_id": f"full-{number}-{each}", "reader": "eve", "item": f"item-{each % ITEMS}", "kind": "impression"}
        for each in range(500)
    ]
