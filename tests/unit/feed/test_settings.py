from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from feed.access.keys import load_secret
from feed.errors import SetupInvalid
from feed.settings import PREFIX, Settings

DOCS = Path(__file__).parents[3] / "docs"


def test_every_setting_is_documented_with_its_words():
    rows = (DOCS / "settings.md").read_text()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"| `{PREFIX}{name.upper()}` |" in rows
        assert f"| {field.description} |" in rows, name


def test_no_setting_is_documented_that_does_not_exist():
    named = {line.split("`")[1] for line in (DOCS / "settings.md").read_text().splitlines() if line.startswith("| `")}
    assert named == {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def test_documented_defaults_are_the_real_ones():
    rows = (DOCS / "settings.md").read_text().splitlines()
    documented = {row.split("`")[1]: row.split(" | ")[1].strip("`") for row in rows if row.startswith("| `")}
    for name, field in Settings.model_fields.items():
        told = documented[f"{PREFIX}{name.upper()}"]
        if field.default in (None, ""):
            assert told == "unset"
        elif isinstance(field.default, int | float) and not isinstance(field.default, bool):
            assert float(told) == field.default
        elif not isinstance(field.default, tuple):
            assert told.lower() == str(field.default).lower()


def test_settings_are_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("WEIR_PORT", "9000")
    monkeypatch.setenv("WEIR_CORS_ORIGINS", '["https://app.example"]')
    settings = Settings()
    assert settings.port == 9000
    assert settings.cors_origins == ("https://app.example",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("LEASE", "0"),
        ("SECRET", "short"),
        ("TOKEN_CACHE", "61"),
        ("JWKS_URL", "http://id.example/keys"),
        ("DATABASE", "mysql://localhost"),
        ("REDIS", "localhost:6379"),
        ("REDIS_PREFIX", "{weir}"),
        ("LOCAL_TOKENS", "false"),
        ("RATE_BURST", "0"),
        ("EVENTS_DAYS", "29"),
        ("EVENTS_PART_DAYS", "0"),
        ("STATEMENT_CATEGORIES", '{"rumour": "NONSENSE"}'),
        ("CONTENT_TYPES", '["TEXT", "NONSENSE"]'),
        ("CONTENT_TYPES", '["OTHER"]'),
    ],
)
def test_settings_that_do_not_hold_are_refused(monkeypatch, name, value):
    monkeypatch.setenv(f"WEIR_{name}", value)
    with pytest.raises(ValidationError):
        Settings()


@pytest.mark.parametrize("name", ["DATABASE", "REDIS"])
def test_an_address_that_is_refused_is_not_repeated(monkeypatch, name):
    monkeypatch.setenv(f"WEIR_{name}", "http://user:pass-word@host")
    with pytest.raises(ValidationError, match="the address begins with") as refused:
        Settings()
    assert "pass-word" not in str(refused.value)


def test_two_key_sets_are_one_too_many(monkeypatch):
    monkeypatch.setenv("WEIR_JWKS_URL", "https://id.example/keys")
    monkeypatch.setenv("WEIR_JWKS_FILE", "keys.json")
    with pytest.raises(ValidationError, match="keep one of them"):
        Settings()


def test_the_secret_setting_is_not_printed():
    assert "x" * 40 not in repr(Settings(secret=SecretStr("x" * 40)))


def test_a_secret_is_generated_once_and_readable_by_its_owner_only(tmp_path):
    settings = Settings(home=tmp_path / "weir")
    secret = load_secret(settings)
    assert len(secret) == 64
    assert stat.S_IMODE(settings.secret_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o700
    assert load_secret(settings) == secret
    assert [path.name for path in settings.home.iterdir()] == ["secret"]


def test_processes_that_start_together_agree_on_the_secret(tmp_path):
    settings = Settings(home=tmp_path)
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(load_secret(settings))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_secret_that_others_may_read_is_refused(tmp_path):
    settings = Settings(home=tmp_path)
    load_secret(settings)
    settings.secret_file.chmod(0o640)
    with pytest.raises(SetupInvalid, match="chmod 600"):
        load_secret(settings)


def test_a_secret_that_is_too_short_is_refused(tmp_path):
    settings = Settings(home=tmp_path)
    settings.secret_file.write_text("short")
    settings.secret_file.chmod(0o600)
    with pytest.raises(SetupInvalid, match="fewer than 32"):
        load_secret(settings)


def test_a_secret_given_as_a_setting_leaves_no_file(tmp_path):
    settings = Settings(home=tmp_path, secret=SecretStr("y" * 40))
    assert load_secret(settings) == b"y" * 40
    assert not settings.secret_file.exists()
