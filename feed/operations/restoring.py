"""Restoring: a backup becomes a home folder again, after all of it was verified, or nothing is changed.

What is in the home's place is never deleted: with ``force`` it is put aside. A restore that was cut short is seen by
the folder it leaves, and no service starts on it (``feed.stores``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from controls.checkpoints import opened_checkpoint
from controls.errors import LeafError, NoteError
from feed.errors import BackupAltered, PlaceTaken, SetupInvalid
from feed.ledger.keys import load_log_keys
from feed.operations.backup_form import (
    LOG_KEY,
    MODELS,
    SECRET,
    STORE,
    Manifest,
    Progress,
    copied,
    members,
    read_manifest,
    readable,
    remove,
    settle,
)
from feed.settings import Settings
from feed.storage.errors import OpeningRefused, SchemaTooNew, StorageError
from feed.storage.ownership import Ownership
from feed.storage.ports.store import Store
from feed.storage.schema import REVISIONS
from feed.storage.sqlite.file import inspect
from feed.storage.sqlite.opening import open_sqlite
from feed.stores import RESTORING, open_store, store_name

_SIDES = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored. ``put_aside`` is the folder with what was there before, None if nothing was; ``database``
    says how the database stands to the backup's ledger, empty for an embedded store."""

    manifest: Manifest
    put_aside: Path | None
    database: str


def restore(path: Path, settings: Settings, now: int, told: Progress, *, force: bool = False) -> Restored:
    """Put a backup into the home folder of the settings, after every byte of it was verified. Blocks.

    Raises ``BackupAltered`` for a backup that is not what was made, ``PlaceTaken`` for a home that is not empty
    (unless ``force``), ``StoreInUse`` or ``SetupInvalid`` while a service runs on it, ``SchemaTooNew`` for the backup
    of a later release; the home is then as it was.
    """
    home = settings.home
    with _alone(settings, now):
        staged = home / RESTORING
        there, cut_short = _occupied(settings), staged.is_dir()
        if there and not force and not cut_short:
            raise PlaceTaken(f"{home} holds {', '.join(there)}; name another --home, or put it aside with --force")
        remove(staged)
        staged.mkdir(mode=0o700)
        try:
            with readable(path):
                manifest = _staged(path, staged, settings, told)
            database = _verified(manifest, staged, settings, told)
        except BaseException:
            remove(staged)
            if cut_short:  # the home is still half of an earlier restore
                staged.mkdir(mode=0o700)
            raise
        put_aside = _put_aside(settings, there, now)
        _put_in(manifest, staged, home)
    return Restored(manifest, put_aside, database)


@contextmanager
def _alone(settings: Settings, now: int) -> Iterator[None]:
    """While no service runs on the home folder, and none can start on its store."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        url = (settings.home / "address").read_text(encoding="utf-8").strip()
        answered = httpx.get(f"{url}/livez", timeout=2.0, trust_env=False).is_success
    except (OSError, ValueError, httpx.HTTPError, httpx.InvalidURL):
        answered = False
    if answered:
        raise SetupInvalid(f"the service of {settings.home} runs at {url}; stop it first")
    ownership = Ownership(settings.store_file, now)
    try:
        yield
    finally:
        ownership.release()


def _occupied(settings: Settings) -> list[str]:
    """Names in the home folder that a restore puts its own in place of."""
    home = settings.home
    names = [STORE, *(STORE + side for side in _SIDES), LOG_KEY, SECRET]
    models = settings.models_folder.is_dir() and any(settings.models_folder.iterdir())
    return [name for name in names if (home / name).exists()] + ([MODELS] if models else [])


def _staged(path: Path, staged: Path, settings: Settings, told: Progress) -> Manifest:
    """Copy a backup's files into a folder, each held to the manifest."""
    files = members(path)
    name, content = next(files, ("", None))
    if content is None:
        raise BackupAltered(f"{path} is empty; name a backup of `weir backup`")
    manifest = read_manifest(path, name, content)
    _fits(manifest, path, settings)
    total, done = sum(file.bytes for file in manifest.files), 0
    expected = {file.name: file for file in manifest.files}
    (staged / MODELS).mkdir(mode=0o700)
    for name, content in files:
        file = expected.pop(name, None)
        if file is None:
            raise BackupAltered(f"{path} holds {name!r}, twice or besides what its manifest names; use another backup")
        found = copied(content, staged / name, partial(_told, told, done, total))
        if (found.bytes, found.sha256) != (file.bytes, file.sha256):
            raise BackupAltered(f"{name} of {path} is not what was backed up; use another backup")
        done += file.bytes
    if expected:
        raise BackupAltered(f"{path} lacks {', '.join(sorted(expected))}; use another backup")
    return manifest


def _told(told: Progress, begun: int, total: int, more: int) -> None:
    told("verifying", begun + more, total)


def _fits(manifest: Manifest, path: Path, settings: Settings) -> None:
    if manifest.schema_revision not in REVISIONS:
        raise SchemaTooNew(
            f"{path} was made by release {manifest.release} with schema {manifest.schema_revision}, this release knows "
            f"up to {REVISIONS[-1]}; install the release that made it"
        )
    embedded = settings.database is None
    if embedded != (manifest.store == "sqlite"):
        raise SetupInvalid(
            f"{path} lies beside a PostgreSQL database; name that with WEIR_DATABASE"
            if embedded
            else f"{path} holds an embedded store; unset WEIR_DATABASE, restore, then `weir migrate`"
        )
    needed = {LOG_KEY} | ({STORE} if embedded else set())
    if not needed <= manifest.names():
        raise BackupAltered(f"{path} names no {' and no '.join(sorted(needed - manifest.names()))}; use another backup")


def _verified(manifest: Manifest, staged: Path, settings: Settings, told: Progress) -> str:
    """Hold the ledger to its checkpoint; what is to be said of the database."""
    keys = load_log_keys(settings.model_copy(update={"home": staged}))
    try:
        checkpoint, _ = opened_checkpoint(manifest.ledger.checkpoint, keys.public, keys.origin)
    except NoteError as error:
        raise BackupAltered(f"the ledger's checkpoint in the manifest does not hold ({error})") from error
    if (checkpoint.size, checkpoint.root.hex()) != (manifest.ledger.size, manifest.ledger.root):
        raise BackupAltered("the manifest's ledger is not that of its checkpoint; use another backup")
    if manifest.store == "postgresql":
        return _database(manifest, settings)
    told("reading every page of the store", 0, 1)
    if manifest.schema_revision != REVISIONS[-1]:
        inspect(staged / STORE, write=False, verify=True)
        return ""
    store = open_sqlite(staged / STORE, exclusive=False, verify=True)
    try:
        if not _holds(store, manifest, exactly=True):
            raise BackupAltered("the store's ledger is not that of the manifest's checkpoint; use another backup")
    finally:
        store.close()
    return ""


def _holds(store: Store, manifest: Manifest, *, exactly: bool) -> bool:
    """Whether a store's ledger is that of the manifest, or (unless ``exactly``) goes on from it."""
    head, size = store.ledger.head(), manifest.ledger.size
    if head < size or (exactly and (head, store.journal.head()) != (size, manifest.edition)):
        return False
    try:
        return store.log.root(size).hex() == manifest.ledger.root
    except LeafError:
        return False


def _database(manifest: Manifest, settings: Settings) -> str:
    name = store_name(settings)
    try:
        store = open_store(settings, exclusive=False)
    except OpeningRefused as error:
        return f"{error}; restore the database from its own backup"
    except StorageError as error:
        return f"the database could not be looked at ({error})"
    try:
        head = store.ledger.head()
        if _holds(store, manifest, exactly=False):
            return f"{name} holds the backup's ledger" + (f", and goes on to {head}" * (head > manifest.ledger.size))
    finally:
        store.close()
    raise BackupAltered(
        f"the ledger of {name} ends at {head} and is not the one of this backup ({manifest.ledger.size} entries); "
        "restore the database of the same time first, or name another one"
    )


def _put_aside(settings: Settings, there: list[str], now: int) -> Path | None:
    if not there:
        return None
    number = 0
    while (aside := settings.home / f"replaced-{now}{f'-{number}' * (number > 0)}").exists():
        number += 1
    aside.mkdir(mode=0o700)
    for name in there:
        os.replace(settings.home / name, aside / name)
    settle(aside)
    return aside


def _put_in(manifest: Manifest, staged: Path, home: Path) -> None:
    """Move the verified files into place; the staging folder goes last, and with it the mark of an unfinished one."""
    (home / MODELS).mkdir(mode=0o700, exist_ok=True)
    for name in sorted(manifest.names(), key=lambda name: name == STORE):
        os.replace(staged / name, home / name)
    settle(home / MODELS)
    settle(home)
    remove(staged)
