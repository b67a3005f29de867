"""Items: put, read, withdraw and import. Changes act from the next edition on, a second later at most (law 2)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from feed.access.caller import INSPECTORS, Caller
from feed.errors import FeedError, UnknownItem
from feed.http.wire import Allow, IdempotencyKey, ServiceNow, answer, require_type, router, tagged
from feed.items.cataloguing import Withdrawing, copy_of, entered, shown
from feed.items.importing import NDJSON_TYPES, import_items
from feed.items.publishing import publish
from feed.pages.visibility import require_visible
from feed.readers.audience import audience_of
from feed.schemas.fields import Id
from feed.schemas.items import CopiesOut, ItemIn, ItemOut, PutOut
from feed.storage.answers import durable

routes = router("items")

ItemId = Annotated[Id, Path()]
PublishingCaller = Annotated[Caller, Depends(Allow("author"))]


@routes.put("/v1/items/{item}", summary="Create or replace an item", responses={200: {"model": PutOut}})
async def put(item: ItemId, body: ItemIn, service: ServiceNow, caller: PublishingCaller) -> Response:
    """Store an item; it is on every replica with the next edition. An author's token puts that author's items only.

    The answer says how it entered: published, or held for review, or withheld, by which rules and decisions, and what
    can be done. Replacing an item without `published_at` keeps the one it has. Putting a withdrawn item publishes it
    again. Changing the title or text of an item that was released holds it again, if something held it before.
    """
    (outcome,) = await publish(service, caller, [(item, body)])
    if isinstance(outcome, FeedError):
        raise outcome
    return answer(entered(outcome.record, outcome.state, outcome.why, outcome.case))


@routes.get("/v1/items/{item}", summary="Read an item", responses={200: {"model": ItemOut}})
def read(
    request: Request,
    item: ItemId,
    service: ServiceNow,
    caller: Annotated[Caller, Depends(Allow("feed", "reader", "author", *INSPECTORS))],
) -> Response:
    """An item as it was put. Readers, apps and other authors see no item that may not be shown to their audience."""
    stored = service.store.items.item(item)
    if stored is None:
        raise UnknownItem(item)
    own = "author" in caller.scopes and stored.author == caller.subject
    if not own and not caller.may(*INSPECTORS):
        snapshot = service.replica.snapshot()
        require_visible(snapshot, item, audience_of(caller, service.readers, snapshot.catalogue))
    return tagged(request, shown(stored))


@routes.delete("/v1/items/{item}", summary="Withdraw an item", responses={200: {"model": ItemOut}})
async def withdraw(item: ItemId, service: ServiceNow, caller: PublishingCaller) -> Response:
    """Withdraw an item from every page, from the next edition on. Repeating it changes nothing.

    What must be gone within milliseconds is taken down by a decision instead.
    """
    edit = Withdrawing(caller, item)
    await durable(service.store.items.edit_items([item], edit))
    (outcome,) = edit.outcomes
    if isinstance(outcome, FeedError):
        raise outcome
    return answer(shown(outcome))


@routes.get("/v1/items/{item}/copies", summary="Read an item's copies", responses={200: {"model": CopiesOut}})
def copies(
    item: ItemId,
    service: ServiceNow,
    caller: Annotated[Caller, Depends(Allow("moderator", "auditor"))],
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """Items whose title and text are near-duplicates of this one's, withdrawn ones too, those that came last first.

    What is done about one item is done about its copies by deciding on them, too.
    """
    stored = service.store.items.item(item)
    if stored is None:
        raise UnknownItem(item)
    found = [one for one in service.families.members(item) if one != item]
    known = service.store.items.items(found[:limit])
    told = [copy_of(stored, known[one]) for one in found[:limit] if one in known]
    return answer(CopiesOut(item, len(found), told))


@routes.post(
    "/v1/items/import",
    summary="Import items",
    responses={
        200: {
            "description": "One line for each line that was sent (`LineOut`), and a last one that counts (`ImportOut`)",
            "content": {
                "application/x-ndjson": {
                    "schema": {
                        "anyOf": [{"$ref": "#/components/schemas/LineOut"}, {"$ref": "#/components/schemas/ImportOut"}]
                    }
                }
            },
        }
    },
    # Read by hand, as a stream.
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/x-ndjson": {"schema": {"$ref": "#/components/schemas/ItemLine"}}},
        }
    },
)
async def import_(
    request: Request, service: ServiceNow, caller: PublishingCaller, idempotency_key: IdempotencyKey = None
) -> Response:
    """Create or replace items from NDJSON, one item a line, read as a stream.

    Every line is answered: taken, or refused with field and reason; refused lines do not hold up the others. Lines are
    written a thousand at a time; sending the same file again changes nothing.
    """
    require_type(request, *NDJSON_TYPES)
    told = await import_items(service, caller, request.stream(), idempotency_key)
    return Response(told, media_type="application/x-ndjson")
