"""``weir retrain``: as the schedule does it, by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from experiments.slices import LEAST_READERS
from feed.cli import main
from feed.cli.speaking import Bar
from feed.models.retraining_lock import alone
from feed.settings import Settings
from feed.storage.records import EventRecord, ItemRecord
from feed.storage.sqlite.opening import open_sqlite
from ranking.models import row_blocks
from ranking.models.scratch import Scratch
from ranking.reader import EventKind

GROUPS, MEMBERS = 4, 8
OLD = 1_700_000_000
YOUNG = 4_000_000_000
"""After any second in which this test may train."""


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those that a test names; and the priority of the tests' own process is left alone."""
    for name in os.environ:
        if name.startswith("WEIR_") and name != "WEIR_DATA":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    command = import_module("feed.cli.retrain")
    monkeypatch.setattr(command, "gently", lambda threads: None)
    monkeypatch.setattr(command, "end_with_caller", lambda: None)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A store in which readers like the items of their group."""
    home = tmp_path / "home"
    store = open_sqlite(home / "weir.db")
    store.items.put_items([ItemRecord(f"item-{number}") for number in range(GROUPS * MEMBERS)]).result()
    store.events.append(
        [_like(reader, at, OLD + at) for reader in range(2 * LEAST_READERS) for at in range(5)]
    ).result()
    store.close()
    return home


def _like(reader: int, at: int, when: int) -> EventRecord:
    item = reader % GROUPS * MEMBERS + (reader + at) % MEMBERS
    return EventRecord(f"reader-{reader}", f"c{at}", f"item-{item}", EventKind.LIKE, when, when, 0, "", 1)


def add_young_events(home: Path, turn: int = 5) -> None:
    store = open_sqlite(home / "weir.db")
    likes = [_like(reader, turn, YOUNG + turn * 1000 + reader) for reader in range(2 * LEAST_READERS)]
    store.events.append(likes).result()
    store.close()


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_the_active_recipe_is_trained_again_once_there_are_new_events(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    code, out, _ = run(capsys, "train", "--model", "neighbours", "--set", "width=3", "--home", home, "--json")
    assert code == 0
    first = json.loads(out)["version"]
    code, out, _ = run(capsys, "retrain", "--home", home)
    assert (code, out.split(":")[0]) == (0, "wait")
    add_young_events(home)
    code, out, _ = run(capsys, "retrain", "--home", home, "--json")
    told: dict[str, Any] = json.loads(out)
    assert (code, told["outcome"], told["trainer"], told["against"]) == (0, "activate", "neighbours", first)
    store = open_sqlite(home / "weir.db", exclusive=False)
    (decision,) = store.ledger.listing(before=None, limit=1)
    assert decision.parameters["model"] == told["version"]
    assert (list(decision.evidence), decision.reason) == (told["evidence"], told["reason"])
    assert store.models.get(told["version"]) is not None
    store.close()


def test_a_proposal_leaves_the_store_alone_and_only_its_file_behind(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert run(capsys, "train", "--model", "popularity", "--home", home)[0] == 0
    add_young_events(home)
    owner = open_sqlite(home / "weir.db")
    head, models = owner.ledger.head(), owner.models.listing()
    code, out, _ = run(capsys, "retrain", "--propose", "--home", home)
    told = json.loads(out)
    assert code == 0
    assert (home / "models" / f"{told['version']}.graph").is_file()
    assert (owner.ledger.head(), owner.models.listing()) == (head, models)
    owner.close()


def test_an_interrupted_one_goes_on_from_its_blocks_though_events_have_come_since(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    assert run(capsys, "train", "--model", "neighbours", "--home", home)[0] == 0
    add_young_events(home)
    monkeypatch.setattr(row_blocks, "BLOCK_WORK", 200)
    shown = Bar.share

    def interrupted(bar: Bar, done: float, message: str) -> None:
        if done > 0.8:
            raise KeyboardInterrupt
        shown(bar, done, message)

    monkeypatch.setattr(Bar, "share", interrupted)
    assert run(capsys, "retrain", "--home", home)[0] == 130
    folder = home / "training" / "retraining"
    finished = {path.relative_to(folder) for path in folder.rglob("rows-*.npz")}
    assert len({path.parent for path in finished}) == 2  # the twin's, and some of the model's
    add_young_events(home, turn=7)
    found: set[Path] = set()
    get = Scratch.get

    def noted(scratch: Scratch, name: str, *shapes: tuple[int, ...]) -> Any:
        piece = get(scratch, name, *shapes)
        if piece is not None and scratch.folder is not None:
            found.add(scratch.folder.relative_to(folder) / f"{name}.npz")
        return piece

    monkeypatch.setattr(Bar, "share", shown)
    monkeypatch.setattr(Scratch, "get", noted)
    code, out, _ = run(capsys, "retrain", "--home", home, "--json")
    assert (code, json.loads(out)["outcome"]) == (0, "activate")
    assert finished <= found
    assert not folder.exists()


def test_a_second_one_is_refused_or_told_to_the_schedule(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    with alone(Settings(home=home)):
        code, _, error = run(capsys, "retrain", "--home", home)
        assert code == 1 and "another retraining works" in error
        code, out, _ = run(capsys, "retrain", "--propose", "--home", home)
        assert (code, json.loads(out)["outcome"]) == (0, "busy")


def test_it_gives_way_to_what_serves() -> None:
    code = "from feed.cli.retrain import gently; import os, sys; assert 'numpy' not in sys.modules; gently(1); "
    code += "import numpy; print(os.nice(0), len(os.sched_getaffinity(0)), os.environ['NUMBA_NUM_THREADS'])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["10", "1", "1"]


def test_begun_from_the_active_model_it_says_so_and_begins_anew_once_a_reader_was_erased(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    plain = ["--model", "spectral", "--no-dense", "--no-peers", "--home", str(home), "--json"]
    code, out, _ = run(capsys, "train", "--warm", *plain)
    first = json.loads(out)
    assert (code, first["start"]) == (0, "")
    code, out, _ = run(capsys, "train", "--warm", "--force", "--no-activate", *plain)
    assert (code, json.loads(out)["start"]) == (0, first["version"])
    add_young_events(home)
    monkeypatch.setenv("WEIR_RETRAIN_WARM", "true")
    code, out, _ = run(capsys, "retrain", "--cold", "--propose", "--home", home)
    cold = json.loads(out)
    assert (code, cold["outcome"], cold["start"]) == (0, "activate", "")
    assert "begun" not in cold["reason"] and "beginning" not in cold["reason"]
    code, out, _ = run(capsys, "retrain", "--home", home, "--json")
    warm = json.loads(out)
    assert (code, warm["outcome"], warm["start"]) == (0, "activate", first["version"])
    assert warm["version"] != cold["version"]
    assert warm["reason"].endswith(f"begun from model {first['version']}")
    store = open_sqlite(home / "weir.db")
    (decision,) = store.ledger.listing(before=None, limit=1)
    assert decision.reason == warm["reason"]
    record = store.models.get(warm["version"])
    assert record is not None and json.loads(record.metrics)["chain models"] == 2
    store.readers.erase("reader-0", YOUNG).result()
    store.close()
    add_young_events(home, turn=6)
    # The events that were added are younger than any model that this test trains, so the slice is of all of them.
    code, out, _ = run(capsys, "retrain", "--warm", "--home", home, "--json")
    anew = json.loads(out)
    assert (code, anew["start"]) == (0, "")
    assert "a reader was erased" in anew["reason"]
