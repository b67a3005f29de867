"""Labels: what classifiers say of items, for rules to test. They act from the next edition on."""

from __future__ import annotations

from typing import Annotated

import anyio.to_thread
from fastapi import Depends
from starlette.responses import Response

from feed.auth import Caller
from feed.future import ahead
from feed.schemas.items import LabelIn, LabelResult, LabelsIn, LabelsOut
from feed.storage.records import LabelRecord
from feed.wire import Allow, OnceOnly, ServiceNow, answer, durable, router

routes = router("labels")


@routes.post("/v1/labels", summary="Give labels", responses={200: {"model": LabelsOut}})
async def give(
    body: LabelsIn, service: ServiceNow, caller: Annotated[Caller, Depends(Allow("moderator"))], once: OnceOnly
) -> Response:
    """Give up to 1000 labels to items. A newer label of the same item and name replaces the older one.

    Labels of unknown items, and labels from the future, are rejected; the others are taken.
    """
    now = service.clock.now()
    items = list({label.item for label in body.labels})
    known = await anyio.to_thread.run_sync(service.store.items.items, items)
    results, records = [], []
    for label in body.labels:
        reason = _reason(label, label.item in known, now)
        results.append(LabelResult(label.item, label.name, "rejected" if reason else "accepted", reason))
        if not reason:
            given_at = now if label.given_at is None else label.given_at
            records.append(LabelRecord(label.item, label.name, label.score, label.given_by or caller.subject, given_at))
    if records:
        await durable(service.store.items.give_labels(records, once))
    return answer(LabelsOut(len(records), len(results) - len(records), results))


def _reason(label: LabelIn, known: bool, now: int) -> str:
    if not known:
        return "item: not known; put it first"
    early = ahead(label.given_at, now)
    return f"given_at: {early}" if early else ""
