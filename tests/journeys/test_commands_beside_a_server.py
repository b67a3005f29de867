"""Commands beside a running server: they read its store, or go through its API, or say that it is in the way."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from feed.cli import main
from feed.cli.speaking import settings_for
from feed.demo.preparing import Size, prepare
from feed.demo.served import page
from feed.demo.server_process import ServerProcess
from feed.settings import Settings

SETTLED = 1_764_011_788
"""When the community is made: at another second it is another one, and in some of them the popular list does better."""

pytestmark = [pytest.mark.journey, pytest.mark.slow]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = settings_for(tmp_path_factory.mktemp("beside") / "home", host="127.0.0.1", port=0)
    size = Size(150, 400, 8_000, 20, {"components": 64, "width": 50})
    prepare(settings, None, size, now=SETTLED, progress=lambda *_: None, say=lambda _: None)
    return settings


@pytest.fixture(scope="module")
def server(home: Settings) -> Iterator[ServerProcess]:
    with ServerProcess(home) as server:
        server.start()
        yield server


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(list(arguments))
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_model_is_trained_beside_the_server_and_handed_over(
    home: Settings, server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    before = server.api.get("/v1/models")["active"]
    folder = str(home.home)
    code, out, _ = run(capsys, "train", "--model", "popularity", "--home", folder, "--json")
    assert (code, json.loads(out)["activated"]) == (1, False)
    assert server.api.get("/v1/models")["active"] == before
    code, out, error = run(capsys, "train", "--model", "ease", "--force", "--home", folder, "--json")
    assert code == 0, error
    version = json.loads(out)["version"]
    models = server.api.get("/v1/models")
    assert models["active"] == version != before
    assert page(server.api, "reader-00001").model == version


def test_pages_are_replayed_beside_the_server(
    home: Settings, server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    served = page(server.api, "reader-00002")
    waiting = 200
    code = 2
    while code == 2 and waiting:  # the Serving is written off the path, some milliseconds later
        code, out, _ = run(capsys, "replay", served.request_id, "--home", str(home.home))
        waiting -= 1
    assert code == 0
    assert "identical" in out


def test_a_key_is_made_and_revoked_through_the_api(
    home: Settings, server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "token", "feed", "--key", "phone", "--ttl", "1d", "--home", str(home.home))
    assert code == 0
    asked = {"Authorization": f"Bearer {out.strip()}"}
    url = f"{server.api.url}/v1/feed?reader=reader-00001"
    assert httpx.get(url, headers=asked, trust_env=False).status_code == 200
    assert run(capsys, "token", "--revoke", "phone", "--home", str(home.home))[0] == 0
    assert httpx.get(url, headers=asked, trust_env=False).status_code == 401


def test_an_import_says_that_the_server_is_in_the_way(
    home: Settings, server: ServerProcess, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "more.ndjson"
    path.write_text('{"type": "item", "id": "one-more"}\n', encoding="utf-8")
    code, _, error = run(capsys, "import", "ndjson", str(path), "--home", str(home.home))
    assert code == 1
    assert "stop the server" in error and len(error.splitlines()) == 1
    assert server.api.ask("GET", "/v1/items/one-more").status_code == 404


def test_a_second_server_is_refused_and_the_first_goes_on(
    home: Settings, server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, error = run(capsys, "serve", "--port", "0", "--home", str(home.home))
    assert code == 1
    assert "in use by process" in error and len(error.splitlines()) == 1
    assert server.api.get("/readyz")["status"] == "ready"
    assert run(capsys, "token", "feed", "--key", "later", "--home", str(home.home))[0] == 0


def test_the_doctor_knows_the_service_at_the_port(
    home: Settings, server: ServerProcess, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIR_PORT", server.api.url.rpartition(":")[2])
    code, out, _ = run(capsys, "doctor", "--home", str(home.home), "--json")
    (port,) = [finding for finding in json.loads(out)["findings"] if finding["check"] == "port"]
    assert (code, port["level"]) == (0, "note")
    assert "is ready" in port["seen"]


def test_a_policy_is_tried_and_published_beside_the_server_when_a_second_person_approves(
    home: Settings, server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = server.api.get("/v1/policy")["version"]
    file, folder = tmp_path / "calm.yaml", str(home.home)
    file.write_text("name: calm\n", encoding="utf-8")
    page(server.api, "reader-00003")
    code, out, error = run(capsys, "policy", "preview", str(file), "--servings", "5", "--home", folder, "--json")
    assert code == 0, error
    told = json.loads(out)
    assert told["against"] == before and told["asked"] == told["compared"] + told["erased"] + told["lost"]
    code, out, error = run(capsys, "policy", "publish", str(file), "--reason", "calm", "--home", folder, "--json")
    assert code == 0, error
    waiting = json.loads(out)
    assert waiting["pending"] and server.api.get("/v1/policy")["version"] == before
    approver = ("another", "policy")
    server.api.send("POST", f"/v1/decisions/{waiting['pending']}/approve", as_=approver)
    assert server.api.get("/v1/policy")["version"] == waiting["version"] == told["draft"]
    code, out, error = run(capsys, "policy", "rollback", "--reason", "too calm", "--home", folder, "--json")
    assert (code, json.loads(out)["version"]) == (0, before), error


def test_a_server_that_was_killed_leaves_nothing_in_the_way(
    home: Settings, server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    server.kill()
    assert (home.home / "address").exists()
    code, out, _ = run(capsys, "evaluate", "--model", "popularity", "--home", str(home.home), "--json")
    assert code == 0
    assert json.loads(out)["readers"] > 0
    assert run(capsys, "token", "feed", "--key", "after", "--home", str(home.home))[0] == 0
    assert os.access(home.store_file, os.W_OK)
