"""Commands on real stores: what they print, how they fail, and with which exit code."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from experiments.world import World
from feed.cli import main
from feed.cli.demo import default_folder
from feed.cli.evaluate import MODELS
from feed.storage.sqlite.opening import open_sqlite

START = 1_700_000_000


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those that a test names, and a folder of its own to stand in."""
    for name in os.environ:
        if name.startswith("WEIR_") and name != "WEIR_DATA":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated community as Weir NDJSON."""
    world = World(11, 300, 800, start=START)
    history = world.history(40, events=14_000)
    kinds = ("impression", "click", "dwell", "like", "share", "more", "less", "hide")
    documents: list[dict[str, Any]] = [
        {"type": "item", "id": item.id, "topics": item.topics, "published_at": item.published_at}
        for item in history.items
    ]
    events = history.events
    documents += [
        {
            "type": "event",
            "reader": events.reader_ids[reader],
            "item": events.item_ids[item],
            "kind": kinds[kind],
            "occurred_at": at,
        }
        for reader, item, kind, at in zip(
            events.readers.tolist(), events.items.tolist(), events.kinds.tolist(), events.times.tolist(), strict=True
        )
        if kinds[kind] not in ("less", "hide")
    ]
    path = tmp_path_factory.mktemp("past") / "past.ndjson"
    path.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")
    return path


@pytest.fixture
def home(past: Path, tmp_path: Path) -> Path:
    """A home folder with that community imported."""
    assert main(["import", "ndjson", str(past), "--home", str(tmp_path / "home"), "--json"]) == 0
    return tmp_path / "home"


@pytest.fixture
def busy(home: Path) -> Iterator[Path]:
    """The same, owned by somebody else."""
    store = open_sqlite(home / "weir.db")
    yield home
    store.close()


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def one_line(error: str) -> str:
    (line,) = error.splitlines()
    assert line.startswith("weir: ")
    return line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fly"], "fly"),
        (["import", "ndjson"], "path"),
        (["import", "paper", "x"], "paper"),
        (["import", "movielens", "absent"], "absent/movies.csv: cannot be read"),
        (["import", "auto", "absent"], "absent: no known data set"),
        (["train", "--seed", "-1"], "seed"),
        (["train", "--set", "components"], "components=512"),
        (["evaluate", "--train", "x"], "--test is missing"),
        (["evaluate", "--train", "x", "--test", "y"], "x: cannot be read"),
        (["evaluate", "--home", "absent"], "absent/weir.db"),
        (["replay"], "request_id"),
        (["replay", "1234", "--home", "absent"], "absent/weir.db"),
        (["token"], "name at least one scope"),
        (["token", "captain"], "there is no scope 'captain'"),
        (["token", "reader"], "--subject is missing"),
        (["token", "feed", "--ttl", "soon"], "--ttl 'soon'"),
        (["token", "reader", "--subject", "a/b"], "--subject 'a/b' does not hold"),
        (["token", "feed", "--key", "a\nb"], "--key 'a\\nb' does not hold"),
        (["token", "feed", "--region", "Germany"], "--region 'Germany' does not hold; give an ISO 3166-1 code"),
        (["token", "feed", "--language", "German"], "--language 'German' does not hold; give an ISO 639 code"),
        (["token", "--revoke", "x", "--key", "y"], "--revoke takes a name and nothing else"),
        (["token", "feed", "--revoke", "x"], "--revoke takes a name and nothing else"),
        (["demo", "--check", "--data", "absent"], "absent: no known data set"),
        (["demo", "--json"], "--check"),
        (["demo", "--data", "absent", "--port", "0"], "absent: no known data set"),
    ],
)
def test_wrong_usage_and_bad_input_are_one_line_and_exit_with_two(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    code, out, error = run(capsys, *arguments)
    assert code == 2
    assert words in one_line(error)
    assert out == ""


def test_a_wrong_setting_is_named_as_it_is_set(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIR_PORT", "80000")
    code, _, error = run(capsys, "token", "feed")
    assert code == 2
    assert "WEIR_PORT" in one_line(error)


def test_an_import_tells_what_it_took_and_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "some.ndjson"
    path.write_text('{"type": "item", "id": "a"}\n{"type": "item"}\nnonsense\n', encoding="utf-8")
    code, out, _ = run(capsys, "import", "auto", path, "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["lines"], told["taken"], told["refused"]) == (3, {"items taken": 1}, {"field id": 1, "json": 1})
    assert [error.split(": ")[0] for error in told["errors"]] == [f"{path}:2", f"{path}:3"]
    code, out, error = run(capsys, "import", "ndjson", path, "--errors", "1")
    assert code == 0
    assert "items unchanged: 1" in out
    assert f"{path}:2: id" in error and "1 more refused line" in error


def test_what_was_imported_is_published_for_every_other_command(home: Path) -> None:
    store = open_sqlite(home / "weir.db", exclusive=False)
    assert store.journal.pending() == 0
    assert store.journal.head() >= 1
    store.close()


def test_an_import_of_which_nothing_holds_fails(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "prose.ndjson"
    path.write_text("call me\nIshmael\n", encoding="utf-8")
    code, _, error = run(capsys, "import", "ndjson", path)
    assert code == 1
    assert "every line was refused" in error.splitlines()[-1]


def test_an_import_beside_a_server_says_who_owns_the_store(
    capsys: pytest.CaptureFixture[str], busy: Path, past: Path
) -> None:
    code, _, error = run(capsys, "import", "ndjson", past, "--home", busy)
    assert code == 1
    assert f"process {os.getpid()}" in one_line(error)
    assert "stop the server" in error


def test_training_registers_a_model_and_lets_it_serve(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    code, out, _ = run(capsys, "train", "--model", "neighbours", "--set", "width=30", "--home", home, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["activated"] is True
    assert {"recall@20", "ndcg@20", "coverage@20", "gini@20"} <= told.keys()
    assert told["popularity"].keys() >= {"recall@20", "ndcg@20"}
    assert told["parameters"]["width"] == 30
    assert (home / "models" / f"{told['version']}.graph").is_file()
    store = open_sqlite(home / "weir.db", exclusive=False)
    (decision,) = store.ledger.since(0)
    assert (decision.type, decision.parameters["model"]) == ("activate_model", told["version"])
    store.close()


def test_a_worse_model_is_saved_but_serves_only_when_forced(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    run(capsys, "train", "--model", "ease", "--home", home, "--json")
    code, out, error = run(capsys, "train", "--model", "popularity", "--home", home, "--json")
    told = json.loads(out)
    assert (code, told["activated"]) == (1, False)
    assert told["active"]["ndcg@20"] > told["ndcg@20"]
    assert "--force" in one_line(error)
    code, out, _ = run(capsys, "train", "--model", "popularity", "--force", "--home", home, "--json")
    assert (code, json.loads(out)["activated"]) == (0, True)
    code, out, _ = run(capsys, "train", "--model", "ease", "--home", home, "--json")
    assert (code, json.loads(out)["activated"]) == (0, True)


def test_training_may_only_save(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    code, out, _ = run(capsys, "train", "--model", "neighbours", "--no-activate", "--home", home, "--json")
    assert (code, json.loads(out)["activated"]) == (0, False)
    store = open_sqlite(home / "weir.db", exclusive=False)
    assert (len(store.models.listing()), store.ledger.head()) == (1, 0)
    store.close()


@pytest.mark.parametrize(
    ("given", "words"),
    [(("--model", "oracle"), "oracle"), (("--model", "ease", "--set", "depth=3"), "ease has no parameter depth")],
)
def test_an_unknown_model_or_parameter_is_refused_by_name(
    capsys: pytest.CaptureFixture[str], home: Path, given: tuple[str, ...], words: str
) -> None:
    code, _, error = run(capsys, "train", *given, "--home", home)
    assert code == 2
    assert words in one_line(error)


def test_training_on_nothing_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, error = run(capsys, "train", "--model", "ease", "--home", tmp_path / "empty")
    assert code == 2
    assert one_line(error)


def test_a_store_is_evaluated_also_beside_its_owner(capsys: pytest.CaptureFixture[str], busy: Path) -> None:
    code, out, _ = run(capsys, "evaluate", "--model", "neighbours", "--home", busy, "--json")
    assert code == 0
    assert json.loads(out)["recall@20"] > 0
    code, out, _ = run(capsys, "evaluate", "--model", "popularity", "--hold", "newest", "--home", busy)
    assert code == 0
    assert "recall@20" in out and "popularity" in out


def test_a_pair_of_files_is_evaluated(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("0 1 2 3\n1 2 3 4\n2 1 4\n", encoding="utf-8")
    test.write_text("0 4\n1 1\n2 3\n", encoding="utf-8")
    code, out, _ = run(capsys, "evaluate", "--train", train, "--test", test, "--model", "ease", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["model"] == "ease"
    assert 0 <= told["ndcg@20"] <= told["recall@20"] == 1.0
    train.write_text("0 1\n1 two\n", encoding="utf-8")
    code, _, error = run(capsys, "evaluate", "--train", train, "--test", test)
    assert code == 2
    assert f"{train}:2" in one_line(error)


def test_a_token_carries_what_was_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    asked = ("token", "reader", "--subject", "anna", "--ttl", "2h", "--region", "DE", "--age", "adult", "--home", home)
    code, out, _ = run(capsys, *asked)
    assert code == 0
    claims = jwt.decode(out.strip(), (home / "secret").read_bytes().strip(), algorithms=["HS256"])
    assert (claims["sub"], claims["scope"], claims["region"], claims["age"]) == ("anna", "reader", "DE", "adult")
    assert claims["exp"] - claims["iat"] == 7200


def test_no_token_is_issued_that_no_server_would_take(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "keys.json").write_text('{"keys": []}', encoding="utf-8")
    monkeypatch.setenv("WEIR_LOCAL_TOKENS", "false")
    monkeypatch.setenv("WEIR_JWKS_FILE", str(tmp_path / "keys.json"))
    code, _, error = run(capsys, "token", "feed")
    assert code == 1
    assert "WEIR_LOCAL_TOKENS" in one_line(error)


def test_a_key_is_shown_once_and_revoked_by_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    make = ("token", "feed", "events", "--key", "app", "--home", home)
    code, out, _ = run(capsys, *make)
    assert code == 0 and out.startswith("wk_")
    store = open_sqlite(home / "weir.db", exclusive=False)
    (record,) = store.keys.listing()
    assert (record.name, record.scopes, record.subject, record.expires_at) == ("app", ("feed", "events"), "app", None)
    assert out.strip() not in repr(record)
    store.close()
    code, _, error = run(capsys, *make)
    assert code == 1 and "in force" in one_line(error)
    assert run(capsys, "token", "--revoke", "app", "--home", home)[0] == 0
    code, _, error = run(capsys, "token", "--revoke", "app", "--home", home)
    assert code == 1 and "nothing was revoked" in one_line(error)


def test_a_key_beside_a_server_that_cannot_be_asked_names_the_owner(
    capsys: pytest.CaptureFixture[str], busy: Path
) -> None:
    code, _, error = run(capsys, "token", "feed", "--key", "app", "--home", busy)
    assert code == 1
    assert "in use" in one_line(error)


def test_a_page_that_is_not_recorded_cannot_be_replayed(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    code, _, error = run(capsys, "replay", "0" * 32, "--home", home)
    assert code == 2
    assert "is recorded" in one_line(error)


def test_a_second_server_on_a_store_is_refused(capsys: pytest.CaptureFixture[str], busy: Path) -> None:
    code, _, error = run(capsys, "serve", "--home", busy, "--port", "0")
    assert code == 1
    assert "in use" in one_line(error)


def test_a_port_that_is_taken_is_refused_before_the_store_is_touched(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        code, _, error = run(capsys, "serve", "--home", tmp_path / "home", "--port", port)
    assert code == 2
    assert port in one_line(error) and "--port" in error
    assert not (tmp_path / "home").exists()


def test_the_demo_leaves_a_store_that_is_not_its_own_alone(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    code, _, error = run(capsys, "demo", "--folder", home, "--port", "0")
    assert code == 1
    assert "not the demo's" in one_line(error)


def test_the_demo_keeps_each_data_set_in_a_folder_of_its_own() -> None:
    assert default_folder(None) == Path("weir-demo")
    assert default_folder(Path("some/ml-latest-small")) == Path("weir-demo-ml-latest-small")
    assert default_folder(Path("past.ndjson")) == Path("weir-demo-past")


def test_the_demo_looks_at_its_port_before_it_prepares_anything(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        code, _, error = run(capsys, "demo", "--folder", tmp_path / "demo", "--port", port)
    assert code == 2
    assert port in one_line(error)
    assert not (tmp_path / "demo").exists()


def test_auto_tries_every_family_and_keeps_the_best(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    code, out, _ = run(capsys, "train", "--home", home, "--json")
    told = json.loads(out)
    assert code == 0 and told["activated"]
    assert {tried["model"] for tried in told["tried"]} == set(MODELS)
    best = max((tried for tried in told["tried"] if not tried["refused"]), key=lambda one: one["metrics"]["ndcg@20"])
    assert told["model"] == best["model"] != "popularity"
