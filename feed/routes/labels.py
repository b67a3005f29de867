"""Labels: what classifiers say of items, for rules to test. They act from the next edition on.

What a person says of an item is a decision of type ``label``: it has a reason, and can be appealed (law 9).
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import anyio.to_thread
from fastapi import Depends
from starlette.responses import Response

from feed.access.caller import CLASSIFIER, Caller
from feed.future import ahead
from feed.http.wire import Allow, OnceOnly, ServiceNow, answer, router
from feed.schemas.items import LabelIn, LabelResult, LabelsIn, LabelsOut
from feed.storage.answers import durable
from feed.storage.records import LabelRecord

routes = router("labels")


@routes.post("/v1/labels", summary="Give labels", responses={200: {"model": LabelsOut}})
async def give(
    body: LabelsIn,
    service: ServiceNow,
    caller: Annotated[Caller, Depends(Allow(CLASSIFIER, "moderator"))],
    once: OnceOnly,
) -> Response:
    """Give up to 1000 labels to items. A newer label of the same item and name replaces the older one.

    Labels of unknown items, with scores out of range, from the future, or in another classifier's name are rejected; a
    label older than the one that is there changes nothing and is told as `older`; the others are accepted. A classifier
    has the scope `classifier`, which opens nothing else. A moderator may pass on what a model said, by its name in
    `given_by`; what a person says of an item is a decision of type `label`.
    """
    now = service.clock.now()
    items = list({label.item for label in body.labels})
    known = await anyio.to_thread.run_sync(service.store.items.items, items)
    reasons = [_reason(label, caller, label.item in known, now) for label in body.labels]
    records = [
        LabelRecord(
            label.item,
            label.name,
            label.score,
            label.given_by or caller.subject,
            now if label.given_at is None else label.given_at,
        )
        for label, reason in zip(body.labels, reasons, strict=True)
        if not reason
    ]
    given: list[bool] = []
    if records:
        given = await durable(service.store.items.give_labels(records, once))
    added = iter(given)
    results = [
        _told(label, bool(reason) or next(added), reason) for label, reason in zip(body.labels, reasons, strict=True)
    ]
    statuses = Counter(result.status for result in results)
    return answer(LabelsOut(statuses["accepted"], statuses["older"], statuses["rejected"], results))


def _told(label: LabelIn, added: bool, reason: str) -> LabelResult:
    if reason:
        return LabelResult(label.item, label.name, "rejected", reason)
    if not added:
        return LabelResult(label.item, label.name, "older", "given_at: a newer label of this name is there; it stays")
    return LabelResult(label.item, label.name, "accepted")


def _reason(label: LabelIn, caller: Caller, known: bool, now: int) -> str:
    """Why a label is rejected; empty for one that is not."""
    if not 0 <= label.score <= 1:
        return "score: out of range; give a number from 0 to 1"
    if not known:
        return "item: not known; put it first"
    if CLASSIFIER in caller.scopes and not caller.may("moderator"):
        if label.given_by and label.given_by.partition(":")[0] != caller.subject:
            return "given_by: another classifier's name; leave it out, or give your own, a colon and a version"
    elif label.given_by in ("", caller.subject):
        return "given_by: name the model that gave it; what a person says of an item is a decision of type label"
    early = ahead(label.given_at, now)
    return f"given_at: {early}" if early else ""
