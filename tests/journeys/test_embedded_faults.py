"""Faults of one process on an embedded store, each under load, with an oracle that forgets nothing.

After each: nothing acknowledged is lost, nothing blocked was served, nothing is there twice, and nobody lends a hand.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from experiments.slices import LEAST_READERS
from feed.settings import Settings
from feed.storage.entries import pack
from tests.journeys.faulty_machine import FaultyMachine, faulty_machine
from tests.journeys.grown_oracle import Oracle
from tests.journeys.grown_service import QUIET, Grown, alive, served
from tests.journeys.http_service import until

pytestmark = pytest.mark.journey
ITEMS = 1500


@pytest.fixture(scope="module")
def machine() -> Iterator[FaultyMachine]:
    with faulty_machine() as made:
        yield made


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, machine: FaultyMachine) -> Iterator[Grown]:
    folder = tmp_path_factory.mktemp("embedded")
    settings = Settings(home=folder / "home", **{**QUIET, "write_patience": 1})
    with served(folder, settings, environ=machine.environment) as service:
        service.put_items(ITEMS)
        yield service


@pytest.fixture(scope="module")
def oracle(alone: Grown) -> Oracle:
    return Oracle(alone, ITEMS)


@pytest.fixture(scope="module")
def training(alone: Grown, machine: FaultyMachine, oracle: Oracle) -> Iterator[Grown]:
    """The same service, started again to train every other second."""
    alone.process.terminate()
    alone.process.wait(30)
    often = {"retrain_every": "2s", "retrain_model": "neighbours", "retrain_slice": 0.5}
    with served(alone.said.parent, alone.settings.model_copy(update=often), environ=machine.environment) as service:
        oracle.grown = service
        yield service


def test_on_a_slow_disk_pages_go_on_and_what_is_answered_is_stored(alone, machine, oracle):
    oracle.endures_a_slow_disk(machine)


def test_on_a_full_disk_what_is_new_is_refused_and_pages_go_on(alone, machine, oracle):
    with oracle.load():
        oracle.goes_on()
        before = len(oracle.unanswered)
        with machine.full_disk():
            until(lambda: {"report", "decide", "choose"} <= {one.split()[0] for one in oracle.unanswered[before:]}, 20)
            oracle.goes_on(kinds=("looked",))
            assert "the disk is full" in oracle.unanswered[-1]
        oracle.goes_on()
    refused = {one.split()[0] for one in oracle.unanswered[before:]}
    assert refused == {"report", "decide", "choose"}
    oracle.holds()


def test_a_process_that_cannot_obey_an_edition_ends_saying_why_and_serves_again_once_it_is_mended(
    alone, oracle, request
):
    with closing(sqlite3.connect(alone.settings.store_file, timeout=30, isolation_level=None)) as connection:
        with oracle.load():
            oracle.goes_on()
            edition = published(connection, b'["author","somebody","no number","",0]\n')
            assert alone.process.wait(30) == 1
        last = alone.said.read_text().splitlines()[-1]
        assert "could not be obeyed" in last and "restore a backup" in last
        oracle.kept()
        connection.execute("UPDATE editions SET entries = ? WHERE edition = ?", (pack(b""), edition))
    request.getfixturevalue("training")
    with oracle.load():
        oracle.goes_on()
    oracle.holds()


def test_a_killed_trainer_leaves_nothing_half_done_and_the_next_turn_trains(training, oracle):
    folder, models = training.settings.home / "training", training.settings.models_folder
    with oracle.load():
        like_by_groups(training)
        for begun in (alive, at_work):
            kill_the_trainer(training, begun)
            oracle.goes_on(more=1)
        until(lambda: model(training) != "", 150)
        oracle.goes_on()
    told = training.call("GET", "/v1/models").json
    assert [one["version"] for one in told["models"]] == [told["active"]] == [model(training)]
    assert training.gauge('weir_retrainings_total{outcome="failed"}')[-1] >= 2
    assert [path.name for path in models.iterdir()] == [f"{told['active']}.graph"]
    until(lambda: not (folder / "retraining").exists())
    oracle.holds()


def test_a_trainer_ends_with_its_server_however_that_ends(training, oracle):
    with oracle.load():
        oracle.goes_on()
        until(lambda: bool(training.children()), 90)
        (trainer,) = training.children()
        training.process.kill()
        training.process.wait(10)
        until(lambda: not alive(trainer), 20)
    oracle.kept()


def kill_the_trainer(service: Grown, begun: Callable[[int], bool]) -> None:
    """Kill the next process that trains, once it has begun."""
    until(lambda: any(map(begun, service.children())), 90)
    trainers = service.children()
    for trainer in trainers:
        os.kill(trainer, signal.SIGKILL)
    until(lambda: not any(map(alive, trainers)))


def at_work(process: int) -> bool:
    """Whether a process that trains has come as far as to keep others from it."""
    with suppress(FileNotFoundError):
        return any(link.readlink().name == "retraining.lock" for link in Path(f"/proc/{process}/fd").iterdir())
    return False


def like_by_groups(service: Grown) -> None:
    """Every reader likes items of their own group, so that there is something to learn."""
    for at in range(5):
        events = [
            {
                "client_id": f"like-{at}",
                "reader": f"reader-{reader}",
                "item": f"item-{reader % 4 * 10 + (reader + at) % 10}",
                "kind": "like",
            }
            for reader in range(2 * LEAST_READERS)
        ]
        assert service.call("POST", "/v1/events", {"events": events}).json["accepted"] == len(events)


def model(service: Grown) -> str:
    """Which model serves."""
    return str(service.tried("GET", "/v1/feed?reader=r1&limit=1").json["model"])


def published(connection: sqlite3.Connection, line: bytes) -> int:
    """The number of a next edition, which consists of one line."""
    connection.execute("BEGIN IMMEDIATE")
    follows = "UPDATE heads SET number = number + 1 WHERE name = 'journal' RETURNING number"
    (edition,) = connection.execute(follows).fetchone()
    connection.execute("INSERT INTO editions VALUES (?, 0, ?)", (edition, pack(line)))
    connection.execute("COMMIT")
    return int(edition)
