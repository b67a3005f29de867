"""Two processes write one database; one is killed -9. What either was told is kept, and the other goes on (law 11)."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from feed.storage.postgresql.opening import open_postgresql
from tests.contracts.postgres_server import binaries, fresh_database, running_server

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.journey

WRITER = """
import os, sys, threading
from feed.storage.postgresql.opening import open_postgresql
from feed.storage.records import ItemRecord
from feed.storage.register import Entry
from tests.contracts.making import decision, event, serving

store = open_postgresql(sys.argv[1], shared=True)
name = sys.argv[2]

def told(*words):
    os.write(1, " ".join(map(str, words)).encode() + b"\\n")

def more(stored):
    return [Entry("count", str(int(stored["count"].content) + 1 if stored else 1))]

def events():
    for k in range(100_000):
        store.events.append([event(name, f"{k}.{j}") for j in range(3)]).result()
        told("event", k)

def decisions():
    for k in range(100_000):
        told("decision", f"{name}{k}", store.ledger.append(decision(f"{name}{k}")).result().revision)

def edits():
    for k in range(100_000):
        told("count", store.register("papers").edit(["count"], more).result()[0].version)

def editions():
    for k in range(100_000):
        store.items.put_items([ItemRecord(f"{name}{k}")]).result()
        told("edition", k, store.journal.publish(extra=b"", at=k).result())

def servings():
    for k in range(100_000):
        store.servings.record([serving(f"{name}{k}")]).result()
        told("serving", f"{name}{k}")

for work in (events, decisions, edits, editions, servings):
    threading.Thread(target=work).start()
"""


@pytest.fixture(scope="module")
def server():
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed; `make equip` installs it")
    with tempfile.TemporaryDirectory(prefix="weir-pg-") as folder, running_server(Path(folder)) as url:
        yield url


def begun(url, name):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, url, name], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def read(writer, lines):
    said = [writer.stdout.readline() for _ in range(lines)]
    assert all(said), writer.stderr.read()
    return said


def killed(writer):
    """What it still said before it died, whole lines only."""
    writer.send_signal(signal.SIGKILL)
    rest, _ = writer.communicate()
    return [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]


@pytest.mark.law
def test_law_11_a_process_killed_beside_another_loses_nothing_and_stops_nobody(server):
    url = fresh_database(server, "shared")
    writers = {name: begun(url, name) for name in ("a", "b")}  # both find nothing, and one makes the tables
    told = {name: read(writer, 150) for name, writer in writers.items()}
    told["a"] += killed(writers["a"])
    told["b"] += read(writers["b"], 300)  # goes on, whatever the other left behind
    told["b"] += killed(writers["b"])

    store = open_postgresql(url)
    revisions: dict[int, str] = {}
    counts: list[int] = []
    for name, lines in told.items():
        stored = {one.client_id for one in store.events.of_reader(name, 1_000_000)}
        assert len(stored) % 3 == 0, "a batch is stored whole or not at all"
        for line in lines:
            match line.split():
                case ["event", k]:
                    assert {f"{k}.{j}" for j in range(3)} <= stored
                case ["decision", id, revision]:
                    found = store.ledger.by_id(id)
                    assert found is not None and found.revision == int(revision)
                    assert revisions.setdefault(int(revision), id) == id
                case ["count", version]:
                    counts.append(int(version))
                case ["edition", k, edition]:
                    assert store.items.item(f"{name}{k}") is not None and store.journal.head() >= int(edition)
                case ["serving", id]:
                    assert store.servings.get(id) is not None
    entry = store.register("papers").get("count")
    assert entry is not None and entry.version == int(entry.content) >= max(counts)
    assert len(counts) == len(set(counts)), "no two edits made the same version"
    head = store.ledger.head()
    assert [one.revision for one in store.ledger.since(0, limit=1_000_000)] == list(range(1, head + 1))
    assert [one.edition for one in store.journal.since(0)] == list(range(1, store.journal.head() + 1))
    store.close()
