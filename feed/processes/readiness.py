"""Readiness: whether this process may be sent requests, and what is missing if it works with less (law 10)."""

from __future__ import annotations

import shutil
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Literal

from feed.bootstrap import Service
from feed.storage.errors import StorageError

_WRITE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. ``degraded``: pages are served, with less behind them; ``failed``: send nothing here."""

    name: str
    state: Literal["ok", "degraded", "failed"]
    detail: str = ""


def checks(service: Service) -> list[Check]:
    """Everything that is looked at, each with what to do when it does not hold. Blocks for two seconds at most."""
    found = [_lease(service), _store(service), _disk(service), _model(service)]
    if service.authenticator.issuer_failure:
        detail = "the issuer's key set cannot be read, the keys known before are in force; see WEIR_JWKS_URL or _FILE"
        found.append(Check("issuer", "degraded", detail))
    return found


def _lease(service: Service) -> Check:
    if service.replica.fresh():
        return Check("lease", "ok")
    why = service.replica.failure or "the ledger's head was not confirmed in time"
    return Check("lease", "failed", f"{why}; it recovers by itself once the store can be read")


def _store(service: Service) -> Check:
    try:
        # Goes through the writer and its transaction, and deletes nothing.
        service.store.servings.expire(0).result(_WRITE_SECONDS)
    except StorageError as error:
        return Check("store", "failed", f"the store cannot be written ({type(error).__name__}); see the log")
    except FutureTimeout:
        waiting = service.store.queue_depth()
        return Check("store", "failed", f"the writer did not answer in {_WRITE_SECONDS:g} s; {waiting} rows wait")
    return Check("store", "ok")


def _disk(service: Service) -> Check:
    free = shutil.disk_usage(service.settings.home).free
    if free < service.settings.free_disk:
        return Check("disk", "failed", f"{free} bytes are free, {service.settings.free_disk} are wanted; make room")
    return Check("disk", "ok")


def _model(service: Service) -> Check:
    if service.replica.latest().model:
        return Check("model", "ok")
    wanted = service.replica.latest().governance.model
    if wanted:
        detail = f"model {wanted} cannot be loaded; restore its file or train again"
    else:
        detail = "no model is active; train one with `weir train`"
    return Check("model", "degraded", f"{detail}; popular, fresh and editorial lists serve")
