"""With a database, a backup is of what lies beside it, and is put back only where the database goes on from it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from pydantic import SecretStr

from feed.cli import main
from tests.contracts.postgres_server import binaries, fresh_database, running_server
from tests.journeys.http_service import Http, decision, running
from tests.unit.feed.models.model_making import served, shifted

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def server():
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed; `make test` installs it")
    with tempfile.TemporaryDirectory(prefix="weir-pg-") as folder, running_server(Path(folder)) as url:
        yield url


def suppressed(http: Http, item: str) -> None:
    body = decision("suppress", item, http.service.clock.now())
    assert http.call("POST", "/v1/decisions", "editor", json=body).status_code == 201


def test_what_lies_beside_a_database_is_kept_and_put_back_only_where_it_belongs(server, tmp_path, capsys, monkeypatch):
    ours, another = fresh_database(server, "ours"), fresh_database(server, "another")
    with running(tmp_path / "home", database=SecretStr(ours)) as http:
        http.put_items()
        served(http, shifted(1))
        suppressed(http, "item-1")
        monkeypatch.setenv("WEIR_DATABASE", ours)
        assert main(["backup", str(tmp_path / "kept"), "--home", str(tmp_path / "home"), "--json"]) == 0
        told = capsys.readouterr()
        suppressed(http, "item-2")
    kept = json.loads(told.out[told.out.index("{\n") :])  # behind what the service logged meanwhile
    assert "pg_dump" in told.err
    assert (kept["store"], kept["ledger"]["size"]) == ("postgresql", 2)
    assert sorted(file["name"].partition("/")[0] for file in kept["files"]) == ["log-key", "models"]

    back = ["restore", str(tmp_path / "kept"), "--home", str(tmp_path / "back")]
    monkeypatch.setenv("WEIR_DATABASE", fresh_database(server, "empty"))
    assert main(back) == 0
    assert "restore the database from its own backup" in " ".join(capsys.readouterr().err.split())
    monkeypatch.setenv("WEIR_DATABASE", ours)
    assert main([*back, "--force"]) == 0
    assert "holds the backup's ledger, and goes on to 3" in capsys.readouterr().err
    assert main(["log", "verify", "--home", str(tmp_path / "back")]) == 0

    with running(tmp_path / "elsewhere", database=SecretStr(another)) as http:
        http.put_items(4)
        suppressed(http, "item-1")
        suppressed(http, "item-2")
    monkeypatch.setenv("WEIR_DATABASE", another)
    capsys.readouterr()
    before = sorted(path.name for path in (tmp_path / "back").iterdir())
    assert main([*back, "--force"]) == 1
    assert "is not the one of this backup" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == before

    monkeypatch.delenv("WEIR_DATABASE")
    assert main([*back, "--force"]) == 2
    assert "name that with WEIR_DATABASE" in capsys.readouterr().err
    with running(tmp_path / "back", database=SecretStr(ours)) as http:
        page = http.call("GET", "/v1/feed?limit=24", "reader", subject="r1").json()
        assert page["model"] == kept["model"] and page["revision"] == 3
