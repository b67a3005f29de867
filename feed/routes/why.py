"""GET /v1/feed/{request_id}/why/{item}: the recorded explanation of one item of one page (laws 5, 8 and 9)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated

import anyio.to_thread
from fastapi import Depends, Path
from starlette.responses import Response

from controls.tiers import Tier
from controls.verdicts import WEIGHT_ONE, Source
from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.errors import Gone, NotFound, StoreSlow
from feed.http.wire import Allow, ServiceNow, answer, router
from feed.pages.placements import placed_by
from feed.pages.recording import decode
from feed.pages.servings import GATHER_SECONDS
from feed.pages.visibility import require_visible
from feed.schemas.fields import Id
from feed.schemas.pages import ContributionOut, WhyOut
from feed.schemas.verdicts import CauseOut
from feed.storage.records import ServingRecord
from ranking.errors import GraphError
from ranking.explanation import why
from ranking.fold import EMPTY_GRAPH
from ranking.page import Reason

routes = router("feed")

_FLUSH_SECONDS = 0.5
_RECENT_SECONDS = 10
"""How long ago, by two clocks, a page may have been made that is not recorded yet."""


@routes.get("/v1/feed/{request_id}/why/{item}", summary="Why an item was on a page", responses={200: {"model": WhyOut}})
async def read(
    request_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$")],
    item: Annotated[Id, Path()],
    service: ServiceNow,
    caller: Annotated[Caller, Depends(Allow("feed", "reader", "auditor"))],
) -> Response:
    """What spoke for an item when the page was made: every history item's term, the verdict and its causes, and the
    decision that pinned or featured it.

    Pages of erased readers, pages older than the retention and pages that were not recorded answer 410; a page that may
    not be recorded yet answers 503. An item that may no longer be shown is not explained.
    """
    serving = await _recorded(service, request_id)
    return answer(await anyio.to_thread.run_sync(_explained, service, caller, serving, item))


async def _recorded(service: Service, request_id: str) -> ServingRecord:
    """The Serving of a page, as soon as this process has recorded it, or another one that may just have made it.

    Raises ``Gone``, and ``StoreSlow`` when it may still come.
    """
    # An id begins with the second in which its page was made.
    recent = int(request_id[:8], 16) >= service.clock.now() - _RECENT_SECONDS
    elsewhere = recent and service.reader_sharing.shared
    until = asyncio.get_running_loop().time() + service.settings.write_patience
    pause = GATHER_SECONDS
    while True:
        serving, all_recorded = await anyio.to_thread.run_sync(_look_up, service, request_id)
        if serving is not None:
            return serving
        if all_recorded and not elsewhere:
            raise Gone("this page is not kept: it is older than the retention, or was not recorded")
        if asyncio.get_running_loop().time() >= until:
            raise StoreSlow("this page is not recorded yet; ask again", headers={"Retry-After": "1"})
        await asyncio.sleep(pause)
        pause *= 2


def _look_up(service: Service, request_id: str) -> tuple[ServingRecord | None, bool]:
    """The Serving, and whether all pages that this process made before are recorded."""
    all_recorded = service.servings.flush(_FLUSH_SECONDS)
    return service.store.servings.get(request_id), all_recorded


def _explained(service: Service, caller: Caller, serving: ServingRecord, item: str) -> WhyOut:
    if serving.erased:
        raise Gone("this page's reader erased what it was made from")
    caller.require_own("reader", serving.reader, "feed", "auditor")
    return _told(service, serving, item)


def _told(service: Service, serving: ServingRecord, item: str) -> WhyOut:
    snapshot = service.replica.snapshot()
    trace = decode(serving.inputs)
    inputs, page = trace.inputs, trace.page
    row = require_visible(snapshot, item, inputs.request.audience)
    places = (page.rows == row).nonzero()[0]
    if not len(places):
        raise NotFound(f"item {item!r} was not on this page")
    place = int(places[0])
    try:
        graph = service.graphs(serving.model) if serving.model else EMPTY_GRAPH
    except GraphError as error:
        raise Gone(f"the model that made this page is kept no longer ({error})") from error
    terms = why(
        replace(snapshot, graph=graph, growth=trace.growth), inputs.reader, inputs.request, row, inputs.parameters
    )
    verdict = trace.verdicts[int(page.classes[place])]
    source = Source(int(page.sources[place]))
    ranked = source is Source.GRAPH
    placed = placed_by(service.store.ledger, serving, inputs.request, item, source)
    return WhyOut(
        request_id=serving.request_id,
        item=item,
        position=page.start + place,
        mode=inputs.request.mode,
        source=source.name.lower(),
        tier=Tier(int(page.tiers[place])).word,
        reason=Reason(int(page.reasons[place])).name.lower(),
        model=serving.model,
        revision=serving.revision,
        edition=serving.edition,
        as_of=serving.as_of,
        score=int(page.scores[place]),
        weight=verdict.weight / WEIGHT_ONE,
        gathered=terms["gathered"] if ranked else 0,
        contributions=tuple(ContributionOut(**term) for term in terms["contributions"]) if ranked else (),
        causes=tuple(CauseOut(cause.kind, cause.id, cause.words) for cause in (*placed, *verdict.causes)),
        drawn_from=int(page.drawn_from[place]),
    )
