"""Cases: opened by people, claimed, handed on, given back and resolved by those who review."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import anyio.to_thread
from fastapi import Depends, Path
from starlette.responses import Response

from controls.cases import CaseKind, CaseState, claim, escalate, release
from controls.decisions import Subject
from controls.errors import InvalidCase
from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.cases.appeals import barred_from
from feed.cases.keeping import open_case, opened
from feed.cases.papers import Change, changed, found_case, made_once, request_of
from feed.cases.resolving import Ending, end
from feed.cases.views import case_detail, case_view
from feed.decisions.deciding import proposal_of
from feed.http.wire import Allow, ExpectedVersion, OnceOnly, ServiceNow, answer, router
from feed.schemas.cases import CaseDetailOut, CaseIn, CaseOut, EscalationIn, OrderIn, ResolutionIn
from feed.schemas.fields import Id
from feed.storage.ports.store import Once
from feed.storage.register import Entry

routes = router("cases")

CaseId = Annotated[Id, Path()]
ReviewingCaller = Annotated[Caller, Depends(Allow("moderator"))]


def _shown(service: Service, entry: Entry, status: int = 200) -> Response:
    view = case_view(service, entry)
    return answer(view, status, {"ETag": f'"{view.version}"'})


@routes.post("/v1/cases", summary="Open a case", status_code=201, responses={201: {"model": CaseOut}})
def make(body: CaseIn, service: ServiceNow, caller: ReviewingCaller, once: OnceOnly) -> Response:
    """Ask for a review or an inspection. While one of the same kind, subject and category waits, that one is it."""
    subject = Subject(body.subject.kind, body.subject.id)
    opening = partial(
        open_case,
        service,
        CaseKind(body.kind),
        subject,
        body.category,
        body.reason,
        severity=body.severity,
        at=service.clock.now(),
    )
    return _shown(service, found_case(service.store, made_once(service.store, once, opening))[1], 201)


@routes.post("/v1/orders", summary="Enter an order", status_code=201, responses={201: {"model": CaseOut}})
def order(body: OrderIn, service: ServiceNow, caller: ReviewingCaller, once: OnceOnly) -> Response:
    """Enter the order of an authority. It is a case with the order's deadline; its answer is given when it is resolved.
    The same reference of the same authority, while it waits, is the same case.
    """
    now = service.clock.now()
    if body.deadline is not None and body.deadline <= now:
        raise InvalidCase("the deadline lies in the past; leave it out, and say in the text when it was", "deadline")
    opening = partial(
        opened,
        service,
        f"order\0{body.authority}\0{body.reference}",
        CaseKind.ORDER,
        Subject(body.subject.kind, body.subject.id),
        "order",
        body.text,
        severity=0,
        at=now,
        due_at=body.deadline or 0,
        about={
            "authority": body.authority,
            "reference": body.reference,
            "ground": body.ground,
            "territory": ",".join(body.territory),
        },
    )
    return _shown(service, found_case(service.store, made_once(service.store, once, opening))[1], 201)


@routes.get("/v1/cases/{case}", summary="Read a case", responses={200: {"model": CaseDetailOut}})
def read(
    case: CaseId, service: ServiceNow, caller: Annotated[Caller, Depends(Allow("moderator", "auditor"))]
) -> Response:
    """A case with what was written in it, and the decisions about its subject since it was opened."""
    detail = case_detail(service, found_case(service.store, case)[1])
    return answer(detail, headers={"ETag": f'"{detail.case.version}"'})


@routes.post("/v1/cases/{case}/claim", summary="Claim a case", responses={200: {"model": CaseOut}})
async def take_on(
    case: CaseId, service: ServiceNow, caller: ReviewingCaller, expected: ExpectedVersion, once: OnceOnly
) -> Response:
    """Take a case on, for as long as the lease says; claiming it again holds it for longer. Nobody claims an appeal
    against their own decision, a case about what is their own, or one that they escalated.
    """
    found, _ = await anyio.to_thread.run_sync(found_case, service.store, case)
    barred = await anyio.to_thread.run_sync(barred_from, service.store, found)
    lease = service.settings.case_lease
    act = partial(claim, who=caller.subject, now=service.clock.now(), lease=lease, barred=barred, expected=expected)
    return await _done(service, case, act, once)


@routes.post("/v1/cases/{case}/release", summary="Give a case back", responses={200: {"model": CaseOut}})
async def give_back(
    case: CaseId, service: ServiceNow, caller: ReviewingCaller, expected: ExpectedVersion, once: OnceOnly
) -> Response:
    """Give a case back unanswered, for somebody else to claim."""
    act = partial(release, who=caller.subject, now=service.clock.now(), expected=expected)
    return await _done(service, case, act, once)


@routes.post("/v1/cases/{case}/escalate", summary="Escalate a case", responses={200: {"model": CaseOut}})
async def hand_on(
    case: CaseId,
    body: EscalationIn,
    service: ServiceNow,
    caller: ReviewingCaller,
    expected: ExpectedVersion,
    once: OnceOnly,
) -> Response:
    """Hand a case that one holds to somebody else, saying why."""
    act = partial(escalate, who=caller.subject, note=body.note, now=service.clock.now(), expected=expected)
    return await _done(service, case, act, once)


@routes.post(
    "/v1/cases/{case}/resolve",
    summary="Resolve a case",
    responses={200: {"model": CaseOut}, 202: {"model": CaseOut}},
)
async def resolve(
    case: CaseId,
    body: ResolutionIn,
    service: ServiceNow,
    caller: ReviewingCaller,
    expected: ExpectedVersion,
    once: OnceOnly,
) -> Response:
    """End a case that one holds: with decisions, made together and all or none, or without action. The outcome and the
    answer are told to those who asked. Sending the same again, after a failure on the way, decides nothing twice.

    Upholding an appeal reverses the decision it names, and the strikes of the same case; where a rule holds the item,
    `decisions` say what lifts it.

    When a decision needs a second person, nothing is decided yet: the answer is 202, the case is `awaiting_approval`,
    and `proposal` is what somebody else approves (`POST /v1/decisions/{id}/approve`), which ends the case. Declined, or
    not approved in time, the case is open again.
    """
    asked = Once("resolve", f"{case} {caller.subject} {body.model_dump_json()}")
    ending = Ending(
        outcome=body.outcome,
        answer=body.answer,
        request=request_of(asked),
        proposals=tuple((proposal_of(decision, None), decision.copies) for decision in body.decisions),
        made=body.made,
    )
    ended = await end(service, caller, case, ending, expected)
    _, entry = await anyio.to_thread.run_sync(found_case, service.store, case)
    waits = ended.state is CaseState.AWAITING
    response = await anyio.to_thread.run_sync(_shown, service, entry, 202 if waits else 200)
    if waits:
        response.headers["Location"] = f"/v1/decisions/pending/{ended.proposal}"
    return response


async def _done(service: Service, case: str, act: Change, once: Once | None) -> Response:
    _, entry = await changed(service.store, case, act, request_of(once))
    return await anyio.to_thread.run_sync(_shown, service, entry)
