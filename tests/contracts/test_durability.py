"""Law 11, the store's half: what was acknowledged survives kill -9, at whatever moment that comes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from feed.storage.sqlite.opening import open_sqlite

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import os, sys, threading
from feed.storage.records import ItemRecord
from feed.storage.sqlite.opening import open_sqlite
from tests.contracts.making import decision, event, serving

store = open_sqlite(sys.argv[1])
life = sys.argv[2]

def acknowledged(word):
    os.write(1, word.encode() + b"\\n")

def events(n):
    for k in range(100_000):
        store.events.append([event(f"{life}-{n}", f"{k}.{j}") for j in range(3)]).result()
        acknowledged(f"event {life}-{n} {k}")

def decisions(n):
    for k in range(100_000):
        revision = store.ledger.append(decision(f"{life}-{n}-{k}")).result().revision
        acknowledged(f"decision {life}-{n}-{k} {revision}")

def items(n):
    for k in range(100_000):
        store.items.put_items([ItemRecord(f"{life}-{k}")]).result()
        acknowledged(f"item {life}-{k} 0")
        edition = store.journal.publish(extra=b"", at=k).result()
        acknowledged(f"edition {life}-{k} {edition}")

def servings(n):
    for k in range(100_000):
        store.servings.record([serving(f"{life}-{k}")]).result()
        acknowledged(f"serving {life}-{k} 0")

for work in (events, decisions, events, decisions, items, servings):
    threading.Thread(target=work, args=(threading.active_count(),)).start()
"""


def killed_after(path, life, lines):
    """Run the writer until it acknowledged so many writes, then kill it; returns all that it acknowledged."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), life], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    said = [writer.stdout.readline() for _ in range(lines)]
    writer.send_signal(signal.SIGKILL)
    rest, _ = writer.communicate()
    assert writer.returncode == -signal.SIGKILL
    return [line.split() for line in said + rest.splitlines(keepends=True) if line.endswith("\n")]


@pytest.mark.law
def test_law_11_what_was_acknowledged_survives_kill_9(empty_sqlite, tmp_path):
    path = tmp_path / "weir.db"
    path.write_bytes(empty_sqlite.read_bytes())
    revisions: dict[int, str] = {}
    for life, lines in (("a", 150), ("b", 37), ("c", 400)):
        acknowledged = killed_after(path, life, lines)
        assert len(acknowledged) >= lines
        store = open_sqlite(path, verify=True)
        for kind, id, number in acknowledged:
            if kind == "event":
                stored = {one.client_id for one in store.events.of_reader(id, 100_000)}
                assert {f"{number}.{j}" for j in range(3)} <= stored
            elif kind == "decision":
                found = store.ledger.by_id(id)
                assert found is not None and found.revision == int(number)
                assert revisions.setdefault(int(number), id) == id
            elif kind == "item":
                assert store.items.item(id) is not None
            elif kind == "edition":
                assert store.journal.head() >= int(number)
            else:
                assert store.servings.get(id) is not None
        decisions = store.ledger.since(0, limit=1_000_000)
        assert [one.revision for one in decisions] == list(range(1, store.ledger.head() + 1))
        assert [one.edition for one in store.journal.since(0, limit=1_000_000)] == list(
            range(1, store.journal.head() + 1)
        )
        for reader in {one for kind, one, _ in acknowledged if kind == "event"}:
            assert len(store.events.of_reader(reader, 1_000_000)) % 3 == 0, "a batch is stored whole or not at all"
        store.close()
