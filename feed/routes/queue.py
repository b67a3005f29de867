"""The queue: cases that wait for somebody, first things first, and whether there are people enough for them."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import Annotated, Literal

from fastapi import Depends, Query
from starlette.responses import Response

from controls.cases import UNRESOLVED, CaseKind, CaseState
from feed.access.caller import Caller
from feed.cases.capacity import capacity_out, measured_capacity
from feed.cases.papers import case_of, cases_of
from feed.cases.views import case_view
from feed.errors import Fault, InputInvalid
from feed.http.wire import Allow, ServiceNow, answer, router
from feed.schemas.cases import CapacityOut, QueueOut
from feed.storage.ports.store import Store
from feed.storage.register import Entry, Order

routes = router("cases")

WatchingCaller = Annotated[Caller, Depends(Allow("moderator", "auditor"))]
_PAGE = 200


@routes.get("/v1/queue", summary="The queue", responses={200: {"model": QueueOut}})
def queue(
    service: ServiceNow,
    caller: WatchingCaller,
    order: Annotated[Literal["priority", "due"], Query(description="What comes first")] = "priority",
    state: Annotated[CaseState | None, Query(description="Only cases that were left in this state")] = None,
    kind: Annotated[CaseKind | None, Query(description="Only cases of this kind")] = None,
    overdue: Annotated[bool, Query(description="Only cases past their deadline")] = False,
    after: Annotated[
        str, Query(max_length=160, pattern=r"^([0-9]{1,18}\.[!-~]+)?$", description="`next` of the page before")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Cases without an answer, by priority (severity × live reach × what reports weigh) or by deadline. Resolved ones
    are listed when `state` asks for them.
    """
    by = Order.PRIORITY if order == "priority" else Order.DUE
    states = UNRESOLVED if state is None else (state,)
    due_before = service.clock.now() if overdue else 0
    place = _place(after)
    lists = [_entries(service.store, one, by, due_before, place) for one in states]
    sign = 1 if by.rising else -1
    merged = merge(*lists, key=lambda entry: (sign * getattr(entry, by.value), entry.id))
    wanted = (entry for entry in merged if kind is None or case_of(entry).kind is kind)
    page = list(islice(wanted, limit))
    more = next(wanted, None) is not None
    last = f"{getattr(page[-1], by.value)}.{page[-1].id}" if more else None
    return answer(QueueOut([case_view(service, entry) for entry in page], last))


@routes.get("/v1/capacity", summary="Capacity of the review team", responses={200: {"model": CapacityOut}})
def capacity(service: ServiceNow, caller: WatchingCaller) -> Response:
    """Hours of review that the cases of the last weeks ask for, against those there are (`WEIR_REVIEW_HOURS`)."""
    return answer(capacity_out(measured_capacity(service.store, service.clock.now(), service.settings.review_hours)))


def _entries(
    store: Store, state: CaseState, order: Order, due_before: int, after: tuple[int, str] | None
) -> Iterator[Entry]:
    while page := cases_of(store).find(state=state.value, due_before=due_before, order=order, after=after, limit=_PAGE):
        yield from page
        after = (getattr(page[-1], order.value), page[-1].id)


def _place(after: str) -> tuple[int, str] | None:
    if not after:
        return None
    value, _, id = after.partition(".")
    if not value.isdecimal() or not value.isascii() or len(value) > 18 or not id:
        fault = "is no place in the queue; use `next` of the page before"
        raise InputInvalid(f"after {fault}", faults=[Fault("after", fault)])
    return int(value), id
