"""POST /v1/events: what readers did, in batches, durable once answered (law 11)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from feed.access.caller import Caller
from feed.http.wire import JSON_TYPES, Allow, ServiceNow, require_type, router
from feed.ingest.taking import take
from feed.schemas.events import EventsIn, EventsOut

routes = router("events")


@routes.post(
    "/v1/events",
    summary="Report events",
    responses={200: {"model": EventsOut, "description": "What became of each event, in order"}},
    # Read by hand, so that one bad event does not refuse its batch.
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{EventsIn.__name__}"}}},
        }
    },
)
async def report(
    request: Request, service: ServiceNow, caller: Annotated[Caller, Depends(Allow("events", "reader"))]
) -> Response:
    """Store up to 1000 events. Once answered they are durable, and they count from the reader's next request on.

    Each event is accepted, a duplicate (same reader and `client_id` as a stored one: nothing changes) or rejected with
    a reason; rejected ones do not hold up the others. Send one again as it was, with its `occurred_at`: it is known
    however late it comes, and without a time for a week. An item that is not known yet is recorded and told by
    `known: false`. A reader token reports its own reader's events only; with the scope `events`, name the `reader`.
    """
    require_type(request, *JSON_TYPES)
    return Response(await take(service, caller, await request.body()), media_type="application/json")
