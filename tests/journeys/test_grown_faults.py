"""A grown deployment under load, and whatever is killed, stopped or replaced in it (laws 5, 7, 10 and 11).

An oracle remembers what callers were told; nothing of it is lost, nothing blocked is served, and nobody lends a hand.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from feed.clock import SystemClock
from feed.models.files import file_of, save
from feed.storage.entries import pack
from feed.stores import open_store
from ranking.graph import ItemGraph
from tests.journeys.grown_oracle import Oracle
from tests.journeys.grown_servers import Ground, grounded
from tests.journeys.grown_service import Answer, Grown, alive, going_on, serving, settings_of
from tests.journeys.http_service import decision, until

pytestmark = pytest.mark.journey
ITEMS = 2500


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with grounded() as found:
        yield found


@pytest.fixture(scope="module")
def grown(ground: Ground) -> Iterator[Grown]:
    with serving(ground, settings_of(ground, workers=2)) as service:
        service.put_items(ITEMS)
        yield service


@pytest.fixture(scope="module")
def oracle(grown: Grown) -> Oracle:
    return Oracle(grown, ITEMS)


def test_a_killed_worker_is_replaced_and_its_duties_go_on_by_another(grown, oracle):
    with oracle.load():
        oracle.goes_on()
        worker = with_the_duties(grown)
        os.kill(grown.workers()[worker], signal.SIGKILL)
        # Whoever saw it end has told; nobody waits until its lease has lapsed.
        assert not lagging(oracle, "item-3", 1 - worker)
        until(lambda: grown.gauge("weir_duties").get(1 - worker) == 1.0)
        assert grown.tried("PUT", "/v1/items/new", {"title": "New"}).status in (200, 201)
        until(lambda: "new" in grown.page(worker=1 - worker))
        oracle.goes_on()
    until(grown.whole, 40)
    oracle.holds()


def test_a_worker_that_is_stopped_is_named_and_serves_nothing_from_before_when_it_goes_on(grown, oracle):
    worker = with_the_duties(grown)
    process = grown.workers()[worker]
    with oracle.load(), going_on(process), closing(grown.opened(worker)) as waiting:
        oracle.goes_on()
        os.kill(process, signal.SIGSTOP)
        (late,) = lagging(oracle, "item-1", 1 - worker)
        assert f":{process}:" in late
        grown.ask(waiting, "GET", "/v1/feed?reader=r1&limit=100")
        # Its lease lapses, and then nobody waits for it.
        until(lambda: not lagging(oracle, "item-2", 1 - worker))
        until(lambda: grown.gauge("weir_duties").get(1 - worker) == 1.0, 30)
        forbidden = {item for item, since in list(oracle.blocked.items()) if since <= time.monotonic()}
        os.kill(process, signal.SIGCONT)
        answer = waiting.getresponse()
        shown = {item["id"] for item in json.loads(answer.read())["items"]} if answer.status == 200 else set()
        assert answer.status in (200, 503) and shown.isdisjoint(forbidden)
        oracle.goes_on()
    until(grown.whole)
    oracle.holds()


def test_a_choice_holds_at_a_worker_that_was_stopped_for_less_than_its_lease(grown):
    process = grown.workers()[1]
    for wanted in (False, True, False):
        assert mode(grown, "pia", 1) == ("popular" if wanted else "personalized")
        with going_on(process):
            os.kill(process, signal.SIGSTOP)
            told = grown.call("PATCH", "/v1/readers/pia/settings", {"personalization": wanted}, worker=0)
        assert told.status == 200
        assert mode(grown, "pia", 1) == ("personalized" if wanted else "popular")


def test_without_redis_and_with_one_that_comes_back_empty_all_goes_on(grown, ground, oracle):
    with oracle.load():
        oracle.goes_on()
        for _ in range(2):
            ground.redis.kill()
            oracle.goes_on()
            ground.redis.start()
            oracle.goes_on()
            with ground.redis.client() as client:
                client.flushall()
            oracle.goes_on()
    oracle.holds()


def test_a_killed_database_loses_nothing_and_service_goes_on_when_it_is_back(grown, ground, oracle):
    with oracle.load():
        for _ in range(3):
            oracle.goes_on()
            before = len(oracle.unanswered)
            ground.database.kill()
            until(partial(refused_since, oracle, before))
            ground.database.start()
            oracle.goes_on()
    until(grown.whole)
    oracle.holds()


def test_workers_are_replaced_and_a_model_activated_without_a_failed_request(grown, oracle):
    before = set(grown.children())
    oracle.unanswered.clear()
    with oracle.load():
        version = trained(grown)
        assert grown.call("POST", f"/v1/models/{version}/activate", {"reason": "trained"}).status == 201
        oracle.goes_on()
        grown.process.send_signal(signal.SIGHUP)
        until(lambda: len(grown.children()) == 2 and before.isdisjoint(grown.children()), 120)
        oracle.goes_on()
    assert not oracle.unanswered
    until(grown.whole)
    oracle.holds()
    assert {model(grown, worker) for worker in grown.workers()} == {version}


def test_a_worker_whose_model_file_is_corrupt_serves_without_it_and_says_so(grown):
    version = model(grown, 0)
    file = grown.settings.models_folder / file_of(version)
    whole = file.read_bytes()
    replace(file, whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:])
    os.kill(grown.workers()[1], signal.SIGKILL)
    until(lambda: grown.gauge("weir_worker_up").get(1) == 0.0)
    until(grown.whole, 60)
    ready = grown.call("GET", "/readyz", worker=1)
    assert (ready.status, ready.json["status"]) == (200, "degraded") and version in ready.text
    assert (model(grown, 1), model(grown, 0)) == ("", version)
    replace(file, whole)


def test_workers_that_cannot_obey_an_edition_refuse_and_serve_by_themselves_once_it_is_mended(grown, ground, oracle):
    before = set(grown.children())
    with oracle.load(), psycopg.connect(ground.url, autocommit=True) as connection:
        oracle.goes_on()
        edition = published(connection, b'["author","somebody","no number","",0]\n')
        until(lambda: before.isdisjoint(grown.children()), 30)
        until(lambda: any("no worker of this address answers" in one for one in oracle.unanswered), 30)
        connection.execute("UPDATE editions SET entries = %s WHERE edition = %s", (pack(b""), edition))
        until(grown.whole, 60)
        oracle.goes_on()
    assert "edition" in (said := grown.said.read_text()) and "could not be obeyed" in said
    oracle.holds()


def test_workers_end_by_themselves_when_their_supervisor_is_killed(grown, oracle):
    workers = grown.workers()
    with oracle.load():
        oracle.goes_on()
        grown.process.kill()
        until(lambda: not any(alive(worker) for worker in workers.values()), 30)
    oracle.kept()


def lagging(oracle: Oracle, item: str, worker: int) -> list[str]:
    """Who does not obey in time a decision that a worker makes."""
    body = decision("suppress", item, SystemClock().now())
    made = oracle.grown.call("POST", "/v1/decisions", body, worker=worker)
    late: list[str] = made.json["enforced"]["lagging"]
    if not late:
        oracle.blocked[item] = time.monotonic()
    return late


def published(connection: psycopg.Connection[Any], line: bytes) -> int:
    """The number of a next edition, which consists of one line."""
    with connection.transaction():
        follows = "UPDATE heads SET number = number + 1 WHERE name = 'journal' RETURNING number"
        row = connection.execute(follows).fetchone()
        assert row is not None
        connection.execute("INSERT INTO editions VALUES (%s, 0, %s)", (row[0], pack(line)))
    return int(row[0])


def refused_since(oracle: Oracle, before: int) -> bool:
    return len(oracle.unanswered) > before


def with_the_duties(grown: Grown) -> int:
    (worker,) = [worker for worker, held in grown.gauge("weir_duties").items() if held]
    return worker


def mode(grown: Grown, reader: str, worker: int) -> str:
    """How a worker makes a reader's page, the first that it does not refuse."""
    told: list[Answer] = []

    def answered() -> bool:
        told.append(grown.call("GET", f"/v1/feed?reader={reader}&limit=1", worker=worker))
        return told[-1].status != 503

    until(answered)
    assert told[-1].status == 200, told[-1].text
    return str(told[-1].json["mode"])


def model(grown: Grown, worker: int) -> str:
    return str(grown.call("GET", "/v1/feed?reader=r1&limit=1", worker=worker).json["model"])


def trained(grown: Grown) -> str:
    """A model whose every item leads to the next one; its version."""
    rows = np.arange(ITEMS)
    graph = ItemGraph.from_arrays(
        ((rows + 1) % ITEMS).astype(np.int32).reshape(-1, 1), np.ones((ITEMS, 1)), trainer="t"
    )
    made = save(graph.stamped(created_at=1_700_000_000, metrics={"ndcg@20": 0.2}), grown.settings.models_folder)
    store = open_store(grown.settings, shared=True)
    store.models.put(made).result()
    store.close()
    return made.version


def replace(file: Path, content: bytes) -> None:
    """Put another file in its place; who has it open keeps the one before."""
    other = file.with_suffix(".other")
    other.write_bytes(content)
    other.replace(file)
