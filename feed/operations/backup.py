"""Backup: one moment of a home folder, taken while the service runs: store, models in use, the ledger's key (law 11).

Made aside and put into place whole, so that a backup of a given name is complete or not there. The local secret goes
in only when asked for: whoever has it can sign tokens.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from feed.errors import BackupAltered, PlaceTaken
from feed.ledger.keys import LogKeys, load_log_keys
from feed.models.activations import terms
from feed.models.files import file_of
from feed.operations.backup_form import (
    LOG_KEY,
    MODELS,
    SECRET,
    STORE,
    FileOf,
    LedgerOf,
    Manifest,
    Progress,
    copied,
    digested,
    in_one_file,
    pack,
    remove,
    settle,
    write_manifest,
)
from feed.settings import Settings
from feed.storage.ports.store import Store
from feed.storage.schema import REVISIONS
from feed.storage.sqlite.copy import copy_sqlite
from feed.storage.sqlite.opening import open_sqlite
from feed.stores import open_store


def make_backup(settings: Settings, path: Path, now: int, told: Progress, *, secret: bool = False) -> Manifest:
    """Write a backup to ``path``, which must not be there yet: a folder, or one file if the name ends in .tar, .tar.gz
    or .tgz. With a PostgreSQL database it holds what lies beside that. Blocks.

    Raises ``PlaceTaken``, ``BackupAltered`` when the active model's file is missing, and the storage errors of opening.
    """
    if path.exists():
        raise PlaceTaken(f"{path} is there already; name a new file or folder")
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    packed = aside.with_name(f"{aside.name}-{path.name}")
    try:
        aside.mkdir(mode=0o700)
        manifest = _gathered(settings, aside, now, told, secret=secret)
        write_manifest(manifest, aside)
        settle(aside)
        if in_one_file(path):
            pack(aside, manifest, packed, told)
        os.rename(packed if in_one_file(path) else aside, path)
        settle(path.absolute().parent)
    finally:
        remove(aside)
        packed.unlink(missing_ok=True)
    return manifest


def _gathered(settings: Settings, folder: Path, now: int, told: Progress, *, secret: bool) -> Manifest:
    keys = load_log_keys(settings)
    files: list[FileOf] = []
    if settings.database is None:
        copy_sqlite(settings.store_file, folder / STORE, lambda done, total: told("copying the store", done, total))
        size = (folder / STORE).stat().st_size
        files.append(digested(folder / STORE, STORE, lambda done: told("reading the copy", done, size)))
    with _opened(settings, folder) as store:
        ledger, edition = ledger_of(store, keys), store.journal.head()
        model, graphs = _models(store, settings)
    (folder / MODELS).mkdir(mode=0o700)
    for number, name in enumerate(sorted(graphs)):
        told("copying models", number, len(graphs))
        files.append(_copy(settings.models_folder / name, folder / MODELS / name, f"{MODELS}/{name}"))
    settle(folder / MODELS)
    files.append(_copy(settings.log_key_file, folder / LOG_KEY, LOG_KEY))
    if secret and settings.secret is None and settings.secret_file.exists():
        files.append(_copy(settings.secret_file, folder / SECRET, SECRET))
    return Manifest(
        release=version("weir"),
        made_at=now,
        store="sqlite" if settings.database is None else "postgresql",
        schema_revision=REVISIONS[-1],
        ledger=ledger,
        edition=edition,
        model=model,
        files=tuple(files),
    )


def ledger_of(store: Store, keys: LogKeys) -> LedgerOf:
    """The ledger of a store as it is, signed."""
    size = store.ledger.head()
    root = store.log.root(size)
    return LedgerOf(size=size, root=root.hex(), checkpoint=keys.checkpoint(size, root))


@contextmanager
def _opened(settings: Settings, folder: Path) -> Iterator[Store]:
    """The copy, every page of it read; or the database, which is not copied."""
    if settings.database is None:
        store: Store = open_sqlite(folder / STORE, exclusive=False, verify=True)
    else:
        store = open_store(settings, exclusive=False)
    try:
        yield store
    finally:
        store.close()


def _models(store: Store, settings: Settings) -> tuple[str, list[str]]:
    """The model that serves, and the names of all model files that are kept: what is kept is needed."""
    served = [term.model for term in terms(store.ledger) if term.until is None]
    active = served[-1] if served else ""
    named = {record.version: record.file for record in store.models.listing()}
    files = {*named.values(), *([file_of(active)] if active and active not in named else [])}
    there = [name for name in files if (settings.models_folder / name).is_file()]
    if active and named.get(active, file_of(active)) not in there:
        raise BackupAltered(
            f"the file of model {active}, which serves, is not in {settings.models_folder}; restore it or train again"
        )
    return active, there


def _copy(source: Path, target: Path, name: str) -> FileOf:
    with open(source, "rb") as file:
        return copied(file, target).model_copy(update={"name": name})
