"""The ledger's key file: made once, its owner's alone, rotated without losing what was signed before."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from controls.checkpoints import opened_checkpoint
from feed.errors import SetupInvalid
from feed.ledger.keys import load_log_keys, rotated
from feed.settings import Settings


def settings(home: Path, **chosen: str) -> Settings:
    return Settings(home=home / "home", **chosen)  # type: ignore[arg-type]


def test_the_key_is_made_at_the_first_start_for_its_owner_alone_and_stays(tmp_path: Path) -> None:
    keys = load_log_keys(settings(tmp_path))
    path = settings(tmp_path).log_key_file
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.public == load_log_keys(settings(tmp_path)).public == (keys.signer.verifier,)
    assert keys.origin.startswith("weir/") and load_log_keys(settings(tmp_path / "other")).origin != keys.origin
    assert [file.name for file in path.parent.iterdir()] == ["log-key"]


def test_the_origin_is_the_one_that_is_set_and_cannot_be_set_otherwise_later(tmp_path: Path) -> None:
    assert load_log_keys(settings(tmp_path, log_origin="example.org/weir")).origin == "example.org/weir"
    assert load_log_keys(settings(tmp_path)).origin == "example.org/weir"
    with pytest.raises(SetupInvalid, match="keeps its name"):
        load_log_keys(settings(tmp_path, log_origin="example.org/other"))


@pytest.mark.parametrize("origin", ["two words", "a+b", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "a\nb", "x" * 201])
def test_an_origin_that_no_key_can_have_is_refused_as_a_setting(tmp_path: Path, origin: str) -> None:
    with pytest.raises(ValueError, match="log_origin"):
        settings(tmp_path, log_origin=origin)


def test_after_rotation_the_new_key_signs_and_the_old_ones_still_verify(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    first = load_log_keys(chosen)
    second, handover = rotated(chosen, 7, b"r" * 32)
    third, _ = rotated(chosen, 7, b"r" * 32)
    assert load_log_keys(chosen).public == third.public == (third.signer.verifier, *second.public)
    assert second.public == (second.signer.verifier, first.signer.verifier)
    assert stat.S_IMODE(chosen.log_key_file.stat().st_mode) == 0o600
    assert chosen.log_key_file.read_text(encoding="utf-8").count("PRIVATE") == 1
    for note, signers in ((first.checkpoint(7, b"r" * 32), (first,)), (handover, (first, second))):
        assert opened_checkpoint(note, third.public, first.origin)[1] == tuple(keys.signer.verifier for keys in signers)


def test_a_key_file_that_others_may_read_or_that_is_none_is_refused_without_showing_it(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    load_log_keys(chosen)
    path = chosen.log_key_file
    path.chmod(0o640)
    with pytest.raises(SetupInvalid, match="chmod 600"):
        load_log_keys(chosen)
    path.chmod(0o600)
    secret = path.read_text(encoding="utf-8")
    for spoilt in (secret.replace("weir", "wair"), "", secret + secret, "\xff"):
        path.write_text(spoilt, encoding="latin-1")
        with pytest.raises(SetupInvalid, match="restore it") as told:
            load_log_keys(chosen)
        assert "PRIVATE" not in str(told.value)
