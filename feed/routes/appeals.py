"""Appeals: authors and reporters have a decision, a statement or the end of a report looked at by somebody else."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from feed.access.caller import Caller
from feed.cases.appeals import Appellant, Grievance, found_appeal, take_appeal
from feed.cases.views import appeal_view
from feed.http.wire import IdempotencyKey, ServiceNow, answer, router
from feed.schemas.cases import AppealIn, AppealOut
from feed.schemas.fields import Id

routes = router("appeals")


@routes.post(
    "/v1/appeals",
    summary="Appeal",
    status_code=201,
    responses={200: {"model": AppealOut}, 201: {"model": AppealOut}},
)
def make(body: AppealIn, request: Request, service: ServiceNow, idempotency_key: IdempotencyKey = None) -> Response:
    """Appeal against a decision or statement (the author concerned, or a reader who reported the item), or against the
    end of a report without action (its reporter; by the receipt alone when it was made by the public form).

    Each can be appealed once by each, within the operator's days; the same appeal again is answered 200 with the first.
    The answer's `id` follows it to its outcome. It is decided by another person than the first decision.
    """
    caller = cast(Caller, request.state.caller)
    if not body.report:
        caller.require("author", "reader")
    appellant = Appellant(
        author=caller.subject if caller.may("author") else "", reader=caller.subject if caller.may("reader") else ""
    )
    grievance = Grievance(body.text, body.decision, body.statement, body.report)
    id, new = take_appeal(service, grievance, appellant, service.clock.now())
    # Each appellant has one appeal against each thing, so that a key has nothing to add.
    del idempotency_key
    return answer(appeal_view(service, found_appeal(service.store, id)), 201 if new else 200)


@routes.get("/v1/appeals/{appeal}", summary="Follow an appeal", responses={200: {"model": AppealOut}})
def read(appeal: Annotated[Id, Path()], service: ServiceNow) -> Response:
    """What became of an appeal, for whoever has its id."""
    return answer(appeal_view(service, found_appeal(service.store, appeal)))
