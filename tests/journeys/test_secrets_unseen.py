"""Secrets stay where they belong: a server that logs everything, and is asked for everything wrongly, tells none."""

from __future__ import annotations

import base64
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from feed.access.auth import issue_token
from feed.cli import main
from feed.clock import SystemClock
from tests.journeys.http_service import until

ROOT = Path(__file__).resolve().parents[2]
SECRET = "s3cret-of-the-operator-0123456789abcdefghij"
PASSWORD = "pa55word-of-the-database"
READER = "a-reader-whose-name-is-not-logged"
HEADERS = {"Content-Type": "application/json"}


def environment(home: Path, **more: str) -> dict[str, str]:
    mine = {"PYTHONPATH": str(ROOT), "WEIR_HOME": str(home), "WEIR_LOG_LEVEL": "debug", "WEIR_RETRAIN_EVERY": "off"}
    return {**os.environ, **mine, **more}


def told(home: Path, *command: str, **more: str) -> str:
    """Everything that a command prints."""
    ran = subprocess.run(
        [sys.executable, "-m", "feed.cli", *command],
        env=environment(home, **more),
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ran.stdout + ran.stderr


class Served:
    """A server that logs all it can, its client, and what everything said."""

    def __init__(self, home: Path, log: Path, client: httpx.Client) -> None:
        self.home = home
        self.log = log
        self.client = client
        self.said: list[str] = []

    def ask(self, method: str, path: str, token: str = "", **more: Any) -> httpx.Response:
        headers = {**more.pop("headers", {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        answer = self.client.request(method, path, headers=headers, **more)
        self.said.append(f"{method} {path.partition('?')[0]}: {answer.headers} {answer.text}")
        return answer


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("secrets")
    home, log = folder / "home", folder / "log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "feed.cli", "serve"],
            env=environment(home, WEIR_SECRET=SECRET, WEIR_PORT=str(port), PYTHONDEVMODE="0"),
            cwd=folder,
            stdout=out,
            stderr=out,
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                until(lambda: process.poll() is not None or _alive(client), 120)
                assert process.poll() is None, log.read_text()
                yield Served(home, log, client)
        finally:
            process.terminate()
            process.wait(30)


def _alive(client: httpx.Client) -> bool:
    try:
        return client.get("/livez").status_code == 200
    except httpx.TransportError:
        return False


def signed(secret: str, scope: str, lifetime: int = 600) -> str:
    return issue_token(secret.encode(), "somebody", (scope,), SystemClock().now(), lifetime=lifetime)


def test_no_log_answer_metric_or_finding_holds_a_secret(served):
    admin, expired = signed(SECRET, "admin"), signed(SECRET, "admin", -60)
    foreign = signed("another secret of more than thirty-two characters", "admin")
    made = served.client.post(
        "/v1/keys", json={"name": "app", "scopes": ["feed"]}, headers={"Authorization": f"Bearer {admin}"}
    )
    key = made.json()["key"]
    unknown = "wk_" + "u" * 43

    for token in (admin, expired, foreign, unknown, key, key[:-1] + "!", admin + "x"):
        for path in ("/v1/keys", "/v1/feed?reader=r1", f"/v1/policy?token={quote(token)}", f"/v1/keys/{quote(token)}"):
            served.ask("GET", path, token)
        served.ask("POST", "/v1/events", admin, content=f'{{"token": "{token}"', headers=HEADERS)
        served.ask("POST", "/v1/events", admin, json={"events": [{"client_id": "x", "authorization": token}]})
        served.ask("POST", "/v1/policy/drafts", admin, content=f"token: {token}", headers={"Content-Type": "text/yaml"})
        served.ask("PUT", "/v1/items/i1", admin, json={"title": [token], "token": token})
        served.ask("GET", "/v1/feed", admin, params={"reader": "r1", "cursor": token})
        for header in ("Cookie", "X-Api-Key", "X-Request-Id", "Idempotency-Key", "If-Match", "Content-Type"):
            served.ask("POST", "/v1/decisions", admin, headers={header: token}, content=b"{}")
        served.client.get("/v1/keys", headers={"Authorization": f"Basic {token}"})

    # A failure of the service itself, whose traceback is logged.
    with sqlite3.connect(served.home / "weir.db", isolation_level=None) as store:
        store.execute("ALTER TABLE keys RENAME TO keys_gone")
        broken = [served.ask("GET", path, token) for path in ("/v1/keys", "/v1/policy") for token in (admin, unknown)]
        store.execute("ALTER TABLE keys_gone RENAME TO keys")
        store.execute("ALTER TABLE readers RENAME TO readers_gone")
        broken.append(served.ask("GET", f"/v1/readers/{READER}/settings", admin))
        store.execute("ALTER TABLE readers_gone RENAME TO readers")
    store.close()
    assert all(answer.status_code >= 500 for answer in (broken[0], broken[-1]))

    served.said.append(served.ask("GET", "/metrics").text)
    served.said.append(served.ask("GET", "/readyz").text)
    served.said.append(told(served.home, "doctor", WEIR_SECRET=SECRET))
    log = served.log.read_text()
    assert "Traceback" in log, "the failure was not logged: the test looks at nothing"

    assert READER not in log, "who was asked about is in the log"

    log_key = (served.home / "log-key").read_text().splitlines()[0].split("+", 4)[4]
    never = {
        "secret": SECRET,
        "log key": log_key,
        "its seed": base64.b64decode(log_key)[1:].hex(),
        "key": key,
        "unknown": unknown,
    }
    never |= {f"token {n}": token.rpartition(".")[2] for n, token in enumerate((admin, expired, foreign))}
    for name, value in never.items():
        assert len(value) > 30
        assert value not in log, f"the {name} is in the log"
        for said in served.said:
            # What stands in a path may be named in its answer: the caller put it there.
            assert value not in said.partition(": ")[2], f"the {name} is in an answer: {said[:300]}"
        for file in served.home.glob("weir.db*"):
            assert value.encode() not in file.read_bytes(), f"the {name} is in {file.name}"


@pytest.mark.parametrize("command", [("serve",), ("doctor", "--json")])
def test_no_command_tells_the_password_of_a_database_that_does_not_answer(tmp_path, command):
    home = tmp_path / "home"
    home.mkdir()
    at = f"postgresql://weir:{PASSWORD}@127.0.0.1:1/weir"
    said = told(home, *command, WEIR_DATABASE=at, WEIR_SECRET=SECRET)
    assert "127.0.0.1" in said
    assert PASSWORD not in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("name", "value"), [("WEIR_SECRET", "too-short-a-secret"), ("WEIR_DATABASE", f"mysql://x:{PASSWORD}@host/name")]
)
def test_a_secret_that_does_not_hold_is_refused_without_being_told(monkeypatch, tmp_path, capfd, name, value):
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("WEIR_HOME", str(tmp_path / "home"))
    assert main(["serve"]) != 0
    said = "".join(capfd.readouterr())
    assert name in said
    assert value not in said
    assert PASSWORD not in said
