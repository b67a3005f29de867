"""Backups are taken while the service runs, hold what was acknowledged before, and become a home folder again."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import tarfile
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from feed.cli import main
from feed.ledger.checking import check_store
from feed.ledger.keys import load_log_keys
from feed.settings import Settings
from feed.storage.schema import REVISIONS
from feed.storage.sqlite.opening import open_sqlite
from feed.stores import RESTORING
from tests.journeys.http_service import Http, decision, running, until
from tests.unit.feed.models.model_making import served, shifted

pytestmark = pytest.mark.journey


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def story(http: Http) -> None:
    """Items, a model, a takedown, and a reader who likes something."""
    http.put_items()
    served(http, shifted(1))
    takedown = decision("takedown", "item-9", http.service.clock.now())
    assert http.call("POST", "/v1/decisions", "moderator", json=takedown).status_code == 201
    liked = [{"client_id": "c", "item": "item-5", "kind": "like"}]
    assert http.call("POST", "/v1/events", "reader", subject="r1", json={"events": liked}).json()["accepted"] == 1
    opted_out = {"personalization": False}
    assert http.call("PATCH", "/v1/readers/r2/settings", "reader", subject="r2", json=opted_out).is_success


def pages(http: Http) -> list[Any]:
    """What the feed serves once its lists are made: all items to a reader who opted out, the first to one who likes."""
    http.settled()
    plain = http.call("GET", "/v1/feed?limit=24", "reader", subject="r2").json()
    liked = http.call("GET", "/v1/feed?limit=24", "reader", subject="r1").json()
    return [[item["id"] for item in plain["items"]], liked["items"][0], plain["revision"]]


@pytest.fixture
def taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, Path, list[Any]]:
    """A home folder that is in no use, a backup of it, and the pages it served."""
    with running(tmp_path / "home") as http:
        story(http)
        shown = pages(http)
    assert run(capsys, "backup", tmp_path / "kept", "--secret", "--home", tmp_path / "home")[0] == 0
    return tmp_path / "home", tmp_path / "kept", shown


def test_what_was_acknowledged_before_a_backup_under_live_writes_is_in_it(tmp_path, capsys):
    acknowledged: list[str] = []
    refused: list[object] = []
    stop = threading.Event()

    def write(http: Http) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            event = {"client_id": f"e{number}", "item": "item-1", "kind": "impression"}
            told = http.call("POST", "/v1/events", "reader", subject="busy", json={"events": [event]})
            body = decision("suppress", f"item-{number % 8}", http.service.clock.now())
            made = http.call("POST", "/v1/decisions", "editor", json=body)
            if not (told.is_success and made.is_success):
                refused.append((told.text, made.text))
                return
            acknowledged.append(made.json()["decision"]["id"])

    with running(tmp_path / "home") as http:
        story(http)
        writer = threading.Thread(target=write, args=(http,))
        writer.start()
        try:
            until(lambda: len(acknowledged) >= 20 or bool(refused))
            before = list(acknowledged)
            code, out, error = run(capsys, "backup", tmp_path / "kept.tar.gz", "--home", tmp_path / "home", "--json")
            assert code == 0, error
            written = len(acknowledged)
            until(lambda: len(acknowledged) > written or bool(refused))
        finally:
            stop.set()
            writer.join()
    assert refused == []
    told = json.loads(out[out.index("{\n") :])  # behind what the service logged meanwhile
    assert told["ledger"]["size"] >= len(before) + 2
    assert not told["secret"] and "the secret is not in it" in error
    assert stat.S_IMODE((tmp_path / "kept.tar.gz").stat().st_mode) == 0o600
    code, _, error = run(capsys, "restore", tmp_path / "kept.tar.gz", "--home", tmp_path / "back")
    assert code == 0 and "holds no secret" in error
    assert run(capsys, "log", "verify", "--home", tmp_path / "back")[0] == 0
    store = open_sqlite(tmp_path / "back" / "weir.db", exclusive=False)
    assert set(before) <= {made.id for made in store.ledger.since(0)}
    events = {event.client_id for event in store.events.of_reader("busy", 10_000)}
    assert {f"e{number + 1}" for number in range(len(before))} <= events
    store.close()


def test_a_restored_home_serves_the_same_pages_with_the_same_tokens(taken, tmp_path, capsys):
    home, kept, shown = taken
    assert run(capsys, "restore", kept, "--home", tmp_path / "back")[0] == 0
    assert run(capsys, "log", "verify", "--home", tmp_path / "back")[0] == 0
    with running(tmp_path / "back") as http:
        assert pages(http) == shown
        assert "item-9" not in shown[0]
        assert http.secret == (home / "secret").read_bytes().strip()
        checked = check_store(http.service.store, load_log_keys(http.service.settings), http.service.policies, _quiet)
        assert checked.entries == shown[2]
    assert sorted(path.name for path in (tmp_path / "back").iterdir() if path.name.startswith("repl")) == []


def _quiet(*_: object) -> None: ...


def test_a_home_that_is_not_empty_is_left_alone_unless_forced_and_then_put_aside(taken, capsys):
    home, kept, shown = taken
    before = (home / "weir.db").read_bytes()
    code, _, error = run(capsys, "restore", kept, "--home", home)
    assert code == 1 and all(name in error for name in ("weir.db", "log-key", "secret", "models", "--force"))
    assert (home / "weir.db").read_bytes() == before
    assert run(capsys, "restore", kept, "--home", home, "--force")[0] == 0
    (aside,) = home.glob("replaced-*")
    assert (aside / "weir.db").read_bytes() == before and (aside / "models").is_dir()
    with running(home) as http:
        assert pages(http) == shown


def test_a_restore_is_refused_while_a_server_owns_the_store(taken, tmp_path, capsys):
    _, kept, _ = taken
    with running(tmp_path / "live"):
        code, _, error = run(capsys, "restore", kept, "--home", tmp_path / "live", "--force")
    assert code == 1 and "in use by process" in error


def altered(kept: Path, name: str) -> None:
    content = bytearray((kept / name).read_bytes())
    content[len(content) // 2] ^= 1
    (kept / name).write_bytes(content)


def in_manifest(kept: Path, **more: Any) -> None:
    told = json.loads((kept / "manifest.json").read_text()) | more
    (kept / "manifest.json").write_text(json.dumps(told))


def changed_within(kept: Path, statement: str) -> None:
    """Change the store of a backup, and have the manifest say so: only its ledger's root can tell."""
    with sqlite3.connect(kept / "weir.db", isolation_level=None) as connection:
        connection.execute(statement)
    content = (kept / "weir.db").read_bytes()
    files = json.loads((kept / "manifest.json").read_text())["files"]
    files[0] |= {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
    in_manifest(kept, files=files)


def redigested(kept: Path) -> None:
    changed_within(kept, "UPDATE ledger SET leaf_hash = zeroblob(32) WHERE revision = 1")


def test_every_way_in_which_a_backup_may_be_wrong_is_refused_and_nothing_is_left(taken, tmp_path, capsys):
    _, kept, _ = taken
    (model,) = (kept / "models").iterdir()
    wrongs: list[tuple[Any, str]] = [
        (lambda copy: altered(copy, "weir.db"), "weir.db of"),
        (lambda copy: altered(copy, f"models/{model.name}"), "is not what was backed up"),
        (lambda copy: altered(copy, "log-key"), "log-key of"),
        (lambda copy: (copy / "log-key").unlink(), "lacks log-key"),
        (lambda copy: (copy / "more").write_text(""), "holds 'more'"),
        (lambda copy: (copy / "manifest.json").unlink(), "does not begin with manifest.json"),
        (lambda copy: (copy / "manifest.json").write_text("{"), "does not hold at the document"),
        (lambda copy: in_manifest(copy, schema_revision="9999"), "install the release that made it"),
        (lambda copy: in_manifest(copy, store="postgresql"), "name that with WEIR_DATABASE"),
        (lambda copy: in_manifest(copy, files=[]), "names no log-key and no weir.db"),
        (redigested, "not that of the manifest's checkpoint"),
    ]
    for number, (spoil, words) in enumerate(wrongs):
        copy, back = tmp_path / f"copy-{number}", tmp_path / f"back-{number}"
        shutil.copytree(kept, copy)
        spoil(copy)
        code, _, error = run(capsys, "restore", copy, "--home", back)
        assert (code in (1, 2), words in error, len(error.splitlines())) == (True, True, 1), (words, error)
        assert [path.name for path in back.iterdir()] == ["weir.db.lock"]
    names = json.loads((kept / "manifest.json").read_text())
    names["files"][0]["name"] = "../weir.db"
    (kept / "manifest.json").write_text(json.dumps(names))
    code, _, error = run(capsys, "restore", kept, "--home", tmp_path / "outside")
    assert code == 1 and "files.0.name" in error


def test_a_backup_of_an_earlier_release_is_restored_as_it_was_and_left_to_the_doctor(taken, tmp_path, capsys):
    _, kept, _ = taken
    changed_within(kept, f"UPDATE alembic_version SET version_num = '{REVISIONS[-2]}'")
    in_manifest(kept, schema_revision=REVISIONS[-2])
    code, _, error = run(capsys, "restore", kept, "--home", tmp_path / "back")
    assert code == 0 and "run: weir doctor --upgrade" in error
    assert "written by an earlier release" in run(capsys, "log", "verify", "--home", tmp_path / "back")[2]
    assert (tmp_path / "back" / "weir.db").read_bytes() == (kept / "weir.db").read_bytes()


def test_a_file_that_is_no_backup_and_one_cut_short_are_refused(taken, tmp_path, capsys):
    home, _, _ = taken
    (tmp_path / "words.tar").write_text("no tar file")
    assert "no whole tar file" in run(capsys, "restore", tmp_path / "words.tar", "--home", tmp_path / "a")[2]
    assert run(capsys, "backup", tmp_path / "whole.tar", "--home", home)[0] == 0
    content = (tmp_path / "whole.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(content[: len(content) // 2])
    code, _, error = run(capsys, "restore", tmp_path / "cut.tar", "--home", tmp_path / "b")
    assert code == 1 and "cut.tar" in error
    with tarfile.open(tmp_path / "linked.tar", "w") as tar:
        link = tarfile.TarInfo("manifest.json")
        link.type, link.linkname = tarfile.SYMTYPE, "elsewhere"
        tar.addfile(link)
    assert "is no file" in run(capsys, "restore", tmp_path / "linked.tar", "--home", tmp_path / "c")[2]


def test_a_restore_that_was_cut_short_keeps_the_service_from_starting_and_can_be_given_again(taken, tmp_path, capsys):
    _, kept, shown = taken
    half = tmp_path / "half"
    (half / RESTORING).mkdir(parents=True)
    shutil.copy(kept / "log-key", half)
    assert "was cut short" in run(capsys, "serve", "--port", "0", "--home", half)[2]
    assert run(capsys, "restore", tmp_path / "none", "--home", half)[0] == 2
    altered_copy = tmp_path / "altered"
    shutil.copytree(kept, altered_copy)
    altered(altered_copy, "weir.db")
    assert run(capsys, "restore", altered_copy, "--home", half)[0] == 1
    assert (half / RESTORING).is_dir()
    assert run(capsys, "restore", kept, "--home", half)[0] == 0
    with running(half) as http:
        assert pages(http) == shown


def test_a_backup_needs_a_store_a_new_name_and_the_model_that_serves(taken, tmp_path, capsys):
    home, kept, _ = taken
    assert run(capsys, "backup", tmp_path / "x", "--home", tmp_path / "nothing")[0] == 2
    assert not (tmp_path / "x").exists()
    code, _, error = run(capsys, "backup", kept, "--home", home)
    assert code == 2 and "is there already" in error
    (model,) = Settings(home=home).models_folder.iterdir()
    model.unlink()
    code, _, error = run(capsys, "backup", tmp_path / "y", "--home", home)
    assert code == 1 and "which serves, is not in" in error
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith((".y", "y"))] == []
