"""The public form of reports: /report, for anybody with a browser, a few times an hour from one address."""

from __future__ import annotations

from secrets import token_hex
from typing import Annotated, Any, cast

import anyio.to_thread
from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.cases.keeping import terms_of
from feed.cases.report_form import FORM_TYPE, PAGE_POLICY, ReportForm, checked_form, form_page, read_form, receipt_page
from feed.cases.reports import Complaint, take
from feed.cases.views import report_view
from feed.errors import FeedError, InputInvalid, TooManyRequests, UnknownItem
from feed.http.problems import PROBLEMS
from feed.http.wire import ServiceNow, require_type, router
from feed.limits import Rate
from feed.schemas.cases import ReportOut
from feed.schemas.fields import Id, OptionalId
from feed.storage.ports.sharing import Rates

routes = router("reports")

_HOUR = 3600.0
_HEADERS = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store"}
_REFUSED: dict[int | str, dict[str, Any]] = {
    status: {"description": "The form once more, with what was wrong", "content": {"text/html": {}}}
    for status in (404, 422, 429)
}
_FORM = {
    "requestBody": {
        "required": True,
        "content": {FORM_TYPE: {"schema": ReportForm.model_json_schema(ref_template="#/components/schemas/{model}")}},
    }
}


@routes.get("/report", summary="The form for reports", response_class=HTMLResponse)
def form(service: ServiceNow, item: Annotated[OptionalId, Query()] = "") -> Response:
    """A page with a form by which anybody reports an item; it works without a script."""
    return _page(form_page(terms_of(service).categories, {"item": item}, token_hex(16)))


@routes.post(
    "/report",
    summary="Send the form for reports",
    response_class=HTMLResponse,
    responses=_REFUSED,
    openapi_extra=_FORM,
)
async def send(request: Request, service: ServiceNow) -> Response:
    """Report an item without a token. The page that is answered has the receipt, which follows the report. An address
    may report a few times an hour (`WEIR_REPORT_FORM_HOURLY`); the same form sent twice is one report.
    """
    require_type(request, FORM_TYPE)
    sent = read_form(await request.body())
    caller = cast(Caller, request.state.caller)
    rates = cast(Rates, request.app.state.rates)
    try:
        report = checked_form(sent)
        _charge(service, rates, caller.account)
        shown = await anyio.to_thread.run_sync(_taken, service, report)
    except (InputInvalid, TooManyRequests, UnknownItem) as refusal:
        key = sent.get("key") or token_hex(16)
        page = form_page(terms_of(service).categories, sent, key, refusal.detail)
        return _page(page, refusal)
    return _page(receipt_page(shown))


@routes.get("/report/{report}", summary="A report, as a page", response_class=HTMLResponse)
def follow(report: Annotated[Id, Path()], service: ServiceNow) -> Response:
    """What became of a report, for whoever has its receipt."""
    return _page(receipt_page(report_view(service, report)))


def _taken(service: Service, form: ReportForm) -> ReportOut:
    complaint = Complaint(form.item, form.category, form.text, name=form.name, email=form.email, key=form.key)
    return report_view(service, take(service, complaint, service.clock.now()).id)


def _charge(service: Service, rates: Rates, account: str) -> None:
    hourly = service.settings.report_form_hourly
    allowance = rates.take(f"report form {account}", Rate(hourly / _HOUR, _HOUR), service.clock.monotonic())
    if not allowance.allowed:
        wait = int(allowance.seconds) + 1
        raise TooManyRequests(
            f"{hourly} reports an hour come from one address; report again in {wait} s",
            headers={"Retry-After": str(wait)},
        )


def _page(page: str, refusal: FeedError | None = None) -> Response:
    status = PROBLEMS[refusal.type].status if refusal is not None else 200
    return HTMLResponse(page, status, {**_HEADERS, **(refusal.headers if refusal is not None else {})})
