"""Corrections, by how far they came."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from controls.corrections import WITHIN
from feed.access.caller import INSPECTORS, Caller
from feed.errors import NotFound
from feed.http.wire import Allow, ServiceNow, answer, router
from feed.routes.decisions import DecisionId
from feed.schemas.evidence import CorrectionReachOut, ReachedOut

routes = router("corrections")


@routes.get(
    "/v1/corrections/{decision}", summary="Reach of a correction", responses={200: {"model": CorrectionReachOut}}
)
def reach(
    decision: DecisionId, service: ServiceNow, caller: Annotated[Caller, Depends(Allow(*INSPECTORS))]
) -> Response:
    """How many of those who were shown an item, or a near-duplicate, have seen its correction, and how soon."""
    found = service.corrections.reach(decision)
    if found is None:
        raise NotFound(f"decision {decision!r} sends no correction; name the decision of the type correct")
    correction, reach, is_open = found
    times = (*WITHIN, None)
    return answer(
        CorrectionReachOut(
            decision=correction.decision,
            item=correction.item,
            members=correction.members,
            notice=correction.notice,
            text=correction.text,
            starts_at=correction.starts_at,
            ends_at=correction.ends_at,
            open=is_open,
            exposed=reach.exposed,
            seen=reach.seen,
            waiting=service.corrections.waits(decision),
            unconfirmed=reach.unconfirmed,
            share=round(reach.share, 4),
            half_within=reach.reached_within(0.5),
            times=tuple(ReachedOut(*one) for one in zip(times, reach.within, strict=True)),
        )
    )
