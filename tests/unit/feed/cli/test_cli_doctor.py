"""The doctor finds what would keep the service from serving, and says what to do."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from feed.cli import main
from feed.cli.speaking import settings_for
from feed.operations.diagnosis import diagnose
from feed.operations.findings import Finding, Level
from feed.storage.records import ModelRecord
from feed.storage.sqlite.opening import open_sqlite

NOW = 1_800_000_000


class At:
    """A clock that stands."""

    def __init__(self, now: int = NOW) -> None:
        self._now = now

    def now(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("WEIR_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    assert main(["token", "feed", "--home", str(home)]) == 0
    open_sqlite(home / "weir.db").close()
    return home


def findings(home: Path, *, now: int = NOW, port: int = 0) -> dict[str, list[Finding]]:
    told: dict[str, list[Finding]] = {}
    for finding in diagnose(lambda: settings_for(home, port=port), At(now)):
        told.setdefault(finding.check, []).append(finding)
    return told


def wrong(home: Path, *, now: int = NOW, port: int = 0) -> list[Finding]:
    found = findings(home, now=now, port=port)
    return [finding for each in found.values() for finding in each if finding.level is Level.WRONG]


def test_a_sound_home_is_ready(home: Path) -> None:
    assert wrong(home) == []
    assert set(findings(home)) == {"settings", "home", "secret", "store", "model", "clock", "disk", "port"}


def test_a_home_that_is_not_there_yet_is_ready_too(tmp_path: Path) -> None:
    assert wrong(tmp_path / "new") == []
    assert not (tmp_path / "new").exists()


def test_everything_that_is_wrong_comes_with_what_to_do(home: Path) -> None:
    (home / "weir.db").write_bytes(b"not a database" * 100)
    (home / "secret").chmod(0o644)
    home.chmod(0o777)
    found = wrong(home, now=5)
    assert {finding.check for finding in found} == {"home", "secret", "store", "clock"}
    assert all(finding.remedy for finding in found)


def test_a_setting_that_is_misspelt_is_noticed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_PROT", "9000")
    (finding,) = [one for one in findings(home)["settings"] if one.level is Level.NOTE]
    assert "WEIR_PROT" in finding.seen and "WEIR_PORT" in finding.remedy


def test_every_wrong_setting_is_told_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_PORT", "-1")
    monkeypatch.setenv("WEIR_LOG_LEVEL", "loud")
    told = diagnose(lambda: settings_for(home), At())
    assert [finding.seen.split(":")[0] for finding in told] == ["WEIR_PORT", "WEIR_LOG_LEVEL"]


def test_a_model_file_that_was_tampered_with_is_found(home: Path) -> None:
    from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind

    store = open_sqlite(home / "weir.db")
    store.models.put(ModelRecord("abc", "ease", "abc.graph", "{}", NOW)).result()
    store.ledger.append(
        Decision(
            id="d1",
            type=DecisionType.ACTIVATE_MODEL,
            subject=Subject(SubjectKind.PLATFORM, ""),
            actor="a",
            role="admin",
            reason="r",
            basis=Basis("operations", "c"),
            decided_at=NOW,
            starts_at=NOW,
            parameters={"model": "abc"},
        )
    ).result()
    store.close()
    (home / "models").mkdir(exist_ok=True)
    (home / "models" / "abc.graph").write_bytes(b"WEIRGRPH" + bytes(200))
    (finding,) = [finding for finding in wrong(home) if finding.check == "model"]
    assert "abc.graph" in finding.seen and "weir train" in finding.remedy
    (finding,) = [finding for finding in wrong(home, now=NOW - 1000) if finding.check == "clock"]
    assert "ahead" in finding.seen


def test_a_port_held_by_another_program_is_found(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        (finding,) = wrong(home, port=other.getsockname()[1])
        assert finding.check == "port"


def test_too_little_room_is_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_FREE_DISK", str(1 << 60))
    assert [finding.check for finding in wrong(home)] == ["disk"]


def test_the_command_prints_every_finding_and_fails_when_one_is_wrong(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIR_PORT", "0")
    capsys.readouterr()
    assert main(["doctor", "--home", str(home), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ready"] is True
    (home / "secret").chmod(0o640)
    assert main(["doctor", "--home", str(home)]) == 1
    told = capsys.readouterr()
    assert "chmod 600" in " ".join(told.out.split())
    assert told.err.startswith("weir: 1 of ")


def test_there_is_nothing_to_upgrade_without_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--upgrade", "--home", str(tmp_path / "new")]) == 2
    assert "nothing to upgrade" in capsys.readouterr().err
