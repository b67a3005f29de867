"""API keys: made, listed and revoked. A key is shown once; only its digest is stored."""

from __future__ import annotations

from typing import Annotated

import anyio.to_thread
from fastapi import Depends, Path
from starlette.responses import Response

from feed.access.caller import ADMIN, Caller
from feed.access.keys import new_api_key
from feed.errors import AlreadyThere, Fault, InputInvalid, NotFound
from feed.http.wire import Allow, ServiceNow, answer, router
from feed.schemas.fields import Id
from feed.schemas.models import KeyIn, KeyOut, KeysOut, NewKeyOut, RevokedOut
from feed.storage.answers import durable

routes = router("keys")

Administrator = Annotated[Caller, Depends(Allow(ADMIN))]


@routes.post("/v1/keys", summary="Make an API key", status_code=201, responses={201: {"model": NewKeyOut}})
async def make(body: KeyIn, service: ServiceNow, caller: Administrator) -> Response:
    """Make an API key for a service. The answer is the only place where the key is ever shown.

    There is no `Idempotency-Key` here, because repeating the answer would mean keeping the key: a name in force is
    refused with 409; revoke it to make another.
    """
    now = service.clock.now()
    if body.expires_at is not None and body.expires_at <= now:
        raise InputInvalid("the key would have expired already", faults=(Fault("expires_at", "is in the past"),))
    keys = await anyio.to_thread.run_sync(service.store.keys.listing)
    if any(key.name == body.name and key.revoked_at is None for key in keys):
        raise AlreadyThere(f"a key named {body.name!r} is in force; revoke it first, or choose another name")
    key, record = new_api_key(body.name, body.scopes, body.subject or body.name, now, body.expires_at)
    await durable(service.store.keys.put(record))
    shown = NewKeyOut(key, record.name, record.scopes, record.subject, record.created_at, record.expires_at)
    return answer(shown, 201)


@routes.get("/v1/keys", summary="List API keys", responses={200: {"model": KeysOut}})
def listing(service: ServiceNow, caller: Administrator) -> Response:
    """All keys, newest first, revoked ones included; never the keys themselves."""
    return answer(
        KeysOut(
            [
                KeyOut(key.name, key.scopes, key.subject, key.created_at, key.expires_at, key.revoked_at)
                for key in service.store.keys.listing()
            ]
        )
    )


@routes.delete("/v1/keys/{name}", summary="Revoke an API key", responses={200: {"model": RevokedOut}})
async def revoke(name: Annotated[Id, Path()], service: ServiceNow, caller: Administrator) -> Response:
    """Revoke every key of a name. This process refuses them from the next request on, others within a minute.

    Repeating it changes nothing and is answered with 0; a name that no key ever had is 404.
    """
    revoked = await durable(service.store.keys.revoke(name, service.clock.now()))
    service.authenticator.flush()
    if not revoked:
        keys = await anyio.to_thread.run_sync(service.store.keys.listing)
        if all(key.name != name for key in keys):
            raise NotFound(f"no key is named {name!r}; GET /v1/keys lists them")
    return answer(RevokedOut(name, revoked))
