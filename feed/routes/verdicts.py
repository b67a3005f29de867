"""Verdicts and revocations: what governance says of an item, and what may no longer be shown (laws 5, 6 and 11)."""

from __future__ import annotations

from typing import Annotated, cast

import anyio.to_thread
from fastapi import Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from controls.scopes import EVERYWHERE, AgeClass, Audience, SurfaceKind
from feed.access.caller import INSPECTORS, Caller
from feed.errors import UnknownItem
from feed.http.wire import Allow, ServiceNow, answer, router
from feed.items.cataloguing import require_own
from feed.pages.revocations import Position, Revocations
from feed.pages.visibility import verdict
from feed.readers.audience import audience_of
from feed.schemas.fields import Id
from feed.schemas.verdicts import RevocationsOut, VerdictOut

routes = router("verdicts")


@routes.get("/v1/items/{item}/verdict", summary="Read a verdict", responses={200: {"model": VerdictOut}})
async def read(
    item: Annotated[Id, Path()],
    service: ServiceNow,
    caller: Annotated[Caller, Depends(Allow("author", *INSPECTORS))],
    surface: SurfaceKind = SurfaceKind.HOME,
    region: Annotated[str, Query(pattern=r"^([A-Z]{2}|\*)$")] = EVERYWHERE,
    age: AgeClass = AgeClass.UNKNOWN,
) -> Response:
    """What rules and decisions make of an item for an audience on a surface, and which they are.

    Unknown region and age are judged strictest. An author's token sees the verdicts of that author's items.
    """
    if not caller.may(*INSPECTORS):
        stored = await anyio.to_thread.run_sync(service.store.items.item, item)
        if stored is None:
            raise UnknownItem(item)
        require_own(caller, item, stored.author)
    return answer(verdict(service.replica.latest(), item, Audience(region, age), surface))


@routes.get("/v1/revocations", summary="What may no longer be shown", responses={200: {"model": RevocationsOut}})
def revocations(
    request: Request,
    service: ServiceNow,
    caller: Annotated[Caller, Depends(Allow("feed", "reader"))],
    since: Annotated[str, Query(pattern=r"^[0-9]{1,15}(\.[0-9]{1,15}){0,2}$", examples=["1234.88.1800000000"])],
) -> Response:
    """Items that became ineligible for the caller's audience, somewhere or everywhere, since a position.

    `since` is `revision.edition.as_of` as a page tells them, or `next` of the last answer. Items also become ineligible
    by an edition or the passing of time, so pages of one revision differ: a position that leaves edition or second out
    tells too little, and is answered `reset: true`, as is one from before what is remembered, or from ahead: then drop
    everything that was prefetched.
    """
    position = Position.read(since)
    known = cast(Revocations, request.app.state.revocations)
    snapshot = service.replica.snapshot()
    return answer(known.since(position, snapshot, audience_of(caller, service.readers, snapshot.catalogue)))
