"""Transparency: what was done, counted, for anybody (DSA art. 15, 24 and 42)."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal, cast

import orjson
from fastapi import Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from controls.stating import day_of
from controls.transparency import Report
from feed.bootstrap import Service
from feed.errors import Fault, InputInvalid
from feed.http.wire import PUBLIC, ServiceNow, router, tagged_body
from feed.schemas.transparency import TransparencyOut
from feed.transparency.page import PAGE_POLICY, transparency_page
from feed.transparency.reports import Tallies, as_csv

routes = router("transparency")

DEFAULT_DAYS = 30
_LONGEST = 3660
_First = Annotated[datetime.date | None, Query(alias="from", description="First day (UTC); 30 days back by default")]
_Last = Annotated[datetime.date | None, Query(alias="to", description="Last day, included; today by default")]


@routes.get(
    "/v1/transparency",
    summary="The transparency report",
    responses={200: {"model": TransparencyOut, "content": {"text/csv": {}}}},
)
def report(
    request: Request,
    service: ServiceNow,
    since: _First = None,
    until: _Last = None,
    form: Annotated[Literal["json", "csv"] | None, Query(alias="format", description="Over the Accept header")] = None,
) -> Response:
    """What was done in a period: acts by tier, rule, ground and category, how many without a person, reports, cases and
    appeals with the time they took and how many were right, exposure before and after acts, and the share of feeds that
    were personalized. Public; counted anew at most once a minute."""
    counted = _counted(request, service, since, until)
    accepted = request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip().lower()
    if form == "csv" or (form is None and accepted == "text/csv"):
        name = f"transparency-{counted.since}-{counted.until}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept"}
        return tagged_body(request, as_csv(counted).encode(), "text/csv; charset=utf-8", PUBLIC, headers)
    return tagged_body(request, orjson.dumps(counted), "application/json", PUBLIC, {"Vary": "Accept"})


@routes.get("/transparency", summary="The transparency report, as a page", response_class=HTMLResponse)
def page(request: Request, service: ServiceNow, since: _First = None, until: _Last = None) -> Response:
    """The same, for people. The page is text alone and runs no script."""
    body = transparency_page(_counted(request, service, since, until)).encode()
    headers = {"Content-Security-Policy": PAGE_POLICY}
    return tagged_body(request, body, "text/html; charset=utf-8", PUBLIC, headers)


def _counted(request: Request, service: Service, since: datetime.date | None, until: datetime.date | None) -> Report:
    last = until or day_of(service.clock.now())
    first = since or last - datetime.timedelta(days=min(DEFAULT_DAYS, last.toordinal()) - 1)
    if not 0 <= (last - first).days < _LONGEST:
        message = f"must lie after from, by less than {_LONGEST} days"
        raise InputInvalid(f"to {message}", faults=(Fault("to", message),))
    return cast(Tallies, request.app.state.tallies).report(first, last)
