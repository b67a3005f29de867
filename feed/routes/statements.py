"""Statements of reasons, shown to whom they concern (law 9)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from feed.access.caller import INSPECTORS, Caller
from feed.bootstrap import Service
from feed.errors import Fault, InputInvalid, NotFound
from feed.http.wire import Allow, ServiceNow, answer, router, tagged
from feed.schemas.fields import Id
from feed.schemas.statements import ExposuresOut, RemedyOut, StatementOut, StatementReadOut, StatementsOut
from feed.storage.ports.store import Events
from feed.transparency.statement_papers import ENDED, OPEN, Statement, statement_of, statements_of

routes = router("statements")

EXPOSURE_SECONDS = 7 * 86_400
"""Exposures are counted so long before an act, and so long after it."""

_DAY = 86_400
ReadingCaller = Annotated[Caller, Depends(Allow("author", *INSPECTORS))]


@routes.get(
    "/v1/authors/{author}/statements", summary="Statements to an author", responses={200: {"model": StatementsOut}}
)
def of_author(
    author: Annotated[Id, Path()],
    service: ServiceNow,
    caller: ReadingCaller,
    state: Annotated[str, Query(pattern="^(open|ended|)$", description="`open` or `ended` ones only")] = "",
    after: Annotated[
        str,
        Query(max_length=600, pattern=r"^([0-9]{1,15}\.[^\x00-\x1f\x7f]+)?$", description="`next` of the last answer"),
    ] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Every restriction of the author's items and account, each with its reasons and how to appeal, newest first. An
    author's token reads its own."""
    caller.require_own("author", author, *INSPECTORS)
    found = statements_of(service.store).find(
        subject=author, state={"open": OPEN, "ended": ENDED}.get(state, ""), after=_place(after), limit=limit
    )
    following = f"{found[-1].at}.{found[-1].id}" if len(found) == limit else None
    return answer(StatementsOut([_shown(service, statement_of(entry)) for entry in found], following))


@routes.get("/v1/statements/{statement}", summary="Read a statement", responses={200: {"model": StatementReadOut}})
def one(request: Request, statement: Annotated[Id, Path()], service: ServiceNow, caller: ReadingCaller) -> Response:
    """One statement of reasons, and how often the item was shown in the seven days before the act and after it. An
    author's token reads those that are addressed to it; others are not found."""
    entry = statements_of(service.store).get(statement)
    if entry is None or (not caller.may(*INSPECTORS) and entry.subject != caller.subject):
        raise NotFound(f"no statement {statement!r} is known here; check the id")
    told = statement_of(entry)
    exposures = exposures_around(service.store.events, told.item, told.from_at) if told.item else None
    return tagged(request, StatementReadOut(_shown(service, told), exposures))


def exposures_around(events: Events, item: str, at: int) -> ExposuresOut:
    """Exposures of an item before and after a second. Blocks."""
    before = events.exposures(item, after=at - EXPOSURE_SECONDS, before=at)
    return ExposuresOut(EXPOSURE_SECONDS, before, events.exposures(item, after=at, before=at + EXPOSURE_SECONDS))


def _place(after: str) -> tuple[int, str] | None:
    if not after:
        return None
    at, _, id = after.partition(".")
    if not (at.isascii() and at.isdecimal()) or not id or len(at) > 15:
        message = "not what an answer told as next; leave it out to begin at the newest"
        raise InputInvalid(f"after: {message}", faults=(Fault("after", message),))
    return int(at), id


def _shown(service: Service, told: Statement) -> StatementOut:
    until = told.from_at + service.settings.appeal_days * _DAY
    return StatementOut(
        id=told.id,
        item=told.item,
        author=told.author,
        cause=told.cause,
        decision=told.decision,
        from_at=told.from_at,
        until=told.until,
        fields=told.fields,
        appeal=RemedyOut("/v1/appeals", {"statement": told.id}, until),
    )
