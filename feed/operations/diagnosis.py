"""Diagnosis: what of a machine and a home folder would keep the service from serving, and what to do about it.

Looks, and changes nothing: the store is opened for reading, ports are tried and given back. Each check stands alone,
so that one finding never hides another.
"""

from __future__ import annotations

import difflib
import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
from pydantic import ValidationError

from feed.access.keys import KeySet, load_secret
from feed.clock import Clock
from feed.control.follow import catch_up
from feed.errors import SetupInvalid
from feed.models.library import Graphs, PolicyDocuments
from feed.operations.database_diagnosis import database
from feed.operations.findings import Finding, Level
from feed.settings import PREFIX, Settings
from feed.storage.errors import SchemaTooOld, SharingFailed, SharingRefused, StorageError, StoreMissing
from feed.storage.ports.store import Store
from feed.storage.redis import inspect_sharing
from feed.storage.redis.place import foreign
from feed.stores import open_store, store_name
from ranking.errors import GraphError
from ranking.fold import Fold

_EARLIEST = 1_735_689_600
"""1 January 2025: a machine whose clock is earlier has lost its time."""

_SKEW = 300


def diagnose(load: Callable[[], Settings], clock: Clock) -> list[Finding]:
    """Every finding, in the order of starting up; ``load`` reads the settings."""
    try:
        settings = load()
    except ValidationError as error:
        return [
            Finding(
                "settings",
                Level.WRONG,
                f"{PREFIX}{'.'.join(map(str, found['loc'])).upper()}: {found['msg']}",
                "correct the environment variable or .env",
            )
            for found in error.errors(include_url=False)
        ]
    checks: tuple[Callable[[Settings, Clock], Iterator[Finding]], ...] = (
        _settings, _home, _secret, _key_set, database, _store, _redis, _clock, _disk, _port,
    )  # fmt: skip
    return [finding for check in checks for finding in check(settings, clock)]


def upgrade_store(settings: Settings) -> None:
    """Migrate the store of a home folder to this release's schema; raises the storage errors of opening."""
    if settings.database is None and not settings.store_file.exists():
        raise StoreMissing(f"there is no store at {settings.store_file}; nothing to upgrade")
    open_store(settings, upgrade=True).close()


def _settings(settings: Settings, clock: Clock) -> Iterator[Finding]:
    del clock
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    others = {f"{PREFIX}DATA"}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known | others:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"did you mean {near[0]}?" if near else "remove it"
            yield Finding("settings", Level.NOTE, f"{name} is no setting", meant)
    yield Finding("settings", Level.FINE, f"home {settings.home}, {settings.host}:{settings.port}")


def _home(settings: Settings, clock: Clock) -> Iterator[Finding]:
    del clock
    home = settings.home
    if not home.exists():
        parent = home.absolute().parent
        while not parent.exists():
            parent = parent.parent
        if os.access(parent, os.W_OK | os.X_OK):
            yield Finding("home", Level.NOTE, f"{home} is not there yet", "it is made on first start")
        else:
            yield Finding("home", Level.WRONG, f"{home} cannot be made", f"let this user write to {parent}")
    elif not home.is_dir():
        yield Finding("home", Level.WRONG, f"{home} is not a folder", "name another one with --home")
    elif not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("home", Level.WRONG, f"{home} cannot be written", f"chown or chmod {home} for this user")
    elif stat.S_IMODE(home.stat().st_mode) & 0o022:
        yield Finding("home", Level.WRONG, f"others may write to {home}", f"run: chmod go-w {home}")
    else:
        yield Finding("home", Level.FINE, f"{home} is this user's")


def _secret(settings: Settings, clock: Clock) -> Iterator[Finding]:
    del clock
    if settings.secret is None and not settings.secret_file.exists():
        yield Finding("secret", Level.NOTE, "none yet", "one is generated on first start")
        return
    try:
        load_secret(settings)
    except (SetupInvalid, OSError) as error:
        seen, _, remedy = str(error).partition("; ")
        yield Finding("secret", Level.WRONG, seen, remedy or "let this user read it")
        return
    where = "given by the settings" if settings.secret is not None else str(settings.secret_file)
    yield Finding("secret", Level.FINE, where)


def _key_set(settings: Settings, clock: Clock) -> Iterator[Finding]:
    del clock
    if settings.jwks_file is None:
        return
    try:
        KeySet(settings)
    except SetupInvalid as error:
        yield Finding("key set", Level.WRONG, str(error), "name a readable JSON Web Key Set")
        return
    yield Finding("key set", Level.FINE, str(settings.jwks_file))


def _store(settings: Settings, clock: Clock) -> Iterator[Finding]:
    path = settings.store_file
    try:
        store = open_store(settings, exclusive=False, verify=True)
    except StoreMissing:
        yield Finding(
            "store", Level.NOTE, f"none in {store_name(settings)} yet", "start the service, or `weir import` data"
        )
        return
    except (StorageError, OSError) as error:
        if settings.database is None:  # what is wrong with a database is told already
            yield _damaged(error)
        return
    with closing(store):
        seen = f"{store.items.count()} items, {store.events.count()} events, ledger at {store.ledger.head()}"
        yield Finding("store", Level.FINE, f"{store_name(settings)} is whole: {seen}")
        if settings.database is None and not os.access(path, os.W_OK):
            yield Finding("store", Level.WRONG, f"{path} cannot be written", f"chown or chmod {path} for this user")
        yield from _times(store, clock)
        yield from _model(store, settings, clock)


def _redis(settings: Settings, clock: Clock) -> Iterator[Finding]:
    del clock
    if settings.redis is None:
        return
    prefix = settings.redis_prefix
    try:
        found = inspect_sharing(settings.redis.get_secret_value(), prefix)
    except SharingFailed as error:
        yield Finding("redis", Level.NOTE, str(error), "start it; until it answers, the store is asked instead")
        return
    except SharingRefused as error:
        yield Finding("redis", Level.WRONG, str(error), "correct it; see docs/redis.md")
        return
    kind = "a Cluster" if found.cluster else "one server"
    mine = _deployment(settings)
    whose = "nobody's yet" if found.owner is None else "this deployment's" if found.owner == mine else "another's"
    seen = f"{found.name} is Redis {found.version}, {kind}; the prefix {prefix!r} is {whose}"
    if whose == "another's":
        yield Finding("redis", Level.WRONG, seen, foreign(prefix, found.owner or ""))
    else:
        yield Finding("redis", Level.FINE, seen)
    if found.evicts:
        evicts = "it may drop any key when its memory is full"
        yield Finding("redis", Level.NOTE, evicts, "set maxmemory-policy to volatile-lru")


def _deployment(settings: Settings) -> str | None:
    """The name of the store's deployment, None where there is no store or it was never served by several."""
    try:
        store = open_store(settings, exclusive=False)
    except (StorageError, OSError):
        return None
    with closing(store):
        entry = store.register("places").get("deployment")
        return None if entry is None else entry.content


def _damaged(error: Exception) -> Finding:
    if isinstance(error, SchemaTooOld):
        return Finding("store", Level.WRONG, str(error), "copy the file, then run: weir doctor --upgrade")
    return Finding("store", Level.WRONG, str(error), "restore a backup, or name another home with --home")


def _times(store: Store, clock: Clock) -> Iterator[Finding]:
    now, head = clock.now(), store.ledger.head()
    last = store.ledger.since(head - 1)[-1].decided_at if head else 0
    if last > now + _SKEW:
        ahead = f"the last decision is {last - now} s ahead of this clock"
        yield Finding("clock", Level.WRONG, ahead, "set the clock; rules act by it")


def _model(store: Store, settings: Settings, clock: Clock) -> Iterator[Finding]:
    graphs = Graphs(store.models, settings.models_folder)
    fold = Fold(PolicyDocuments(store.policies), graphs)
    try:
        fold.advance(clock.now())
        catch_up(fold, store)
        snapshot = fold.snapshot()
    except Exception as error:
        yield Finding("ledger", Level.WRONG, f"cannot be folded ({type(error).__name__}: {error})", "restore a backup")
        return
    wanted = snapshot.governance.model
    if not wanted:
        yield Finding("model", Level.NOTE, "none is active: popular and fresh items serve", "run: weir train")
        return
    try:
        graph = graphs(wanted)
    except GraphError as error:
        yield Finding("model", Level.WRONG, str(error), "restore the file, or run: weir train")
        return
    missing = snapshot.catalogue.rows - graph.rows
    yield Finding("model", Level.FINE, f"{wanted} ({graph.trainer}), {graph.rows} rows, checksum holds")
    if missing > graph.rows // 5:
        yield Finding("model", Level.NOTE, f"{missing} items are newer than the model", "run: weir train")


def _clock(settings: Settings, clock: Clock) -> Iterator[Finding]:
    del settings
    now = clock.now()
    if now < _EARLIEST:
        yield Finding("clock", Level.WRONG, f"it says {now} s since 1970", "set the clock; rules act by it")
    else:
        yield Finding("clock", Level.FINE, f"{now} s since 1970")


def _disk(settings: Settings, clock: Clock) -> Iterator[Finding]:
    del clock
    folder = settings.home.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    seen = f"{free >> 20} MiB free at {folder}"
    if free < settings.free_disk:
        wanted = f"free at least {settings.free_disk >> 20} MiB, or lower {PREFIX}FREE_DISK"
        yield Finding("disk", Level.WRONG, seen, wanted)
    else:
        yield Finding("disk", Level.FINE, seen)


def _port(settings: Settings, clock: Clock) -> Iterator[Finding]:
    del clock
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((settings.host, settings.port))
        except OSError as error:
            yield _taken(settings, error)
            return
    yield Finding("port", Level.FINE, f"{settings.host}:{settings.port} is free")


def _taken(settings: Settings, error: OSError) -> Finding:
    where = f"{settings.host}:{settings.port}"
    try:
        answer = httpx.get(f"http://{where}/readyz", timeout=2.0, trust_env=False)
    except (httpx.HTTPError, ValueError):
        remedy = f"end the program that listens there, or choose another with {PREFIX}PORT"
        return Finding("port", Level.WRONG, f"{where} cannot be used ({error.strerror})", remedy)
    if answer.status_code == httpx.codes.OK:
        return Finding("port", Level.NOTE, f"a service answers at {where} and is ready", "nothing, if it is this one")
    return Finding("port", Level.WRONG, f"a service answers at {where} and is not ready", f"see http://{where}/readyz")
