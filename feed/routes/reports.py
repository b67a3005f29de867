"""Reports: readers say by token that an item should be looked at, and anybody follows a report by its receipt."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path
from starlette.responses import Response

from feed.access.caller import Caller
from feed.cases.papers import made_once
from feed.cases.reports import Complaint, take
from feed.cases.views import report_view
from feed.http.wire import Allow, OnceOnly, ServiceNow, answer, router
from feed.schemas.cases import ReportIn, ReportOut
from feed.schemas.fields import Id

routes = router("reports")


@routes.post(
    "/v1/reports",
    summary="Report an item",
    status_code=201,
    responses={200: {"model": ReportOut}, 201: {"model": ReportOut}},
)
def make(
    body: ReportIn, service: ServiceNow, caller: Annotated[Caller, Depends(Allow("reader"))], once: OnceOnly
) -> Response:
    """Report an item. The answer is a receipt: its `id` follows the report to its outcome. A reader who reports the
    same item again while it is being looked at gets the same receipt, with 200. Many in a day are answered 429.
    """
    first = False

    def report() -> str:
        nonlocal first
        complaint = Complaint(body.item, body.category, body.text, caller.subject)
        receipt = take(service, complaint, service.clock.now())
        first = receipt.first
        return receipt.id

    id = made_once(service.store, once, report, caller.subject)
    return answer(report_view(service, id), 201 if first else 200)


@routes.get("/v1/reports/{report}", summary="Follow a report", responses={200: {"model": ReportOut}})
def read(report: Annotated[Id, Path()], service: ServiceNow) -> Response:
    """What became of a report, for whoever has its receipt; nothing of who made it or of others."""
    return answer(report_view(service, report))
