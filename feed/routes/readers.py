"""Readers: settings, history, interests, export and erasure. A reader's token reaches only that reader (laws 7, 8)."""

from __future__ import annotations

from typing import Annotated

import anyio.to_thread
from fastapi import Depends, Path, Query
from starlette.responses import Response

from feed.access.caller import ADMIN, Caller
from feed.errors import Fault, InputInvalid, NotAllowed
from feed.http.wire import PRIVATE, Allow, ExpectedVersion, ServiceNow, answer, router
from feed.readers import erasure, rights
from feed.readers.settings import agreeing, change, muted, shown, unmuted
from feed.schemas.fields import Id
from feed.schemas.readers import (
    ExportOut,
    ForgottenOut,
    HistoryOut,
    InterestsOut,
    InterestsPatch,
    MuteKind,
    MuteName,
    MutePut,
    ReceiptOut,
    SettingsOut,
    SettingsPatch,
)

routes = router("readers")

ReaderId = Annotated[Id, Path()]


async def _own(reader: ReaderId, caller: Annotated[Caller, Depends(Allow("reader"))]) -> Caller:
    caller.require_own("reader", reader)
    return caller


OwnCaller = Annotated[Caller, Depends(_own)]


def _versioned(settings: SettingsOut) -> Response:
    return answer(settings, headers={"ETag": f'"{settings.version}"', "Cache-Control": PRIVATE})


@routes.get("/v1/readers/{reader}/settings", summary="Read settings", responses={200: {"model": SettingsOut}})
def read_settings(reader: ReaderId, service: ServiceNow, caller: OwnCaller) -> Response:
    """A reader's explicit settings, defaults filled in. The ETag is their version."""
    return _versioned(shown(service.store.readers.get(reader), service.clock.now()))


@routes.patch("/v1/readers/{reader}/settings", summary="Change settings", responses={200: {"model": SettingsOut}})
async def change_settings(
    reader: ReaderId, body: SettingsPatch, service: ServiceNow, caller: OwnCaller, version: ExpectedVersion
) -> Response:
    """Change settings; in force from the next request on. What is absent stays, null goes back to the default.

    With `If-Match`, the change is made only to that version. Region and age decide which rules hold, so a reader's own
    token may only tighten them: clear the region, or set the age to `minor`; the scope `admin` sets them freely.
    """
    patch = body.model_dump(mode="json", exclude_unset=True)
    if ADMIN not in caller.scopes and (patch.get("region") or patch.get("age", "minor") != "minor"):
        raise NotAllowed("a reader token may clear its region and set its age to minor; the scope admin sets them")
    record = await anyio.to_thread.run_sync(change, service, reader, lambda stored: agreeing(stored, patch), version)
    return _versioned(shown(record, service.clock.now()))


@routes.put("/v1/readers/{reader}/mutes", summary="Mute somebody or something", responses={200: {"model": SettingsOut}})
def mute(reader: ReaderId, body: MutePut, service: ServiceNow, caller: OwnCaller, version: ExpectedVersion) -> Response:
    """Mute an author or a topic for good, or until a second; in force from the next request on, in place of what was
    said of it before.

    A mute ends with the second that it names: nothing has to be written, and pages under way show the items again.
    """
    now = service.clock.now()
    if body.until is not None and body.until <= now:
        raise InputInvalid("until lies in the past", faults=[Fault("until", f"is not after {now}, which is now")])
    record = change(service, reader, lambda stored: muted(stored, body.kind, body.name, body.until), version)
    return _versioned(shown(record, now))


@routes.delete("/v1/readers/{reader}/mutes", summary="End a mute", responses={200: {"model": SettingsOut}})
def unmute(
    reader: ReaderId,
    kind: Annotated[MuteKind, Query()],
    name: Annotated[MuteName, Query()],
    service: ServiceNow,
    caller: OwnCaller,
    version: ExpectedVersion,
) -> Response:
    """End the mute of an author or a topic; in force from the next request on. One that is not there is no error."""
    record = change(service, reader, lambda stored: unmuted(stored, kind, name), version)
    return _versioned(shown(record, service.clock.now()))


@routes.get("/v1/readers/{reader}/history", summary="Read history", responses={200: {"model": HistoryOut}})
def read_history(
    reader: ReaderId, service: ServiceNow, caller: OwnCaller, limit: Annotated[int, Query(ge=1, le=10_000)] = 200
) -> Response:
    """The reader's newest events, newest first, whether they count or not."""
    return answer(HistoryOut(reader, rights.history(service, reader, limit)))


@routes.delete("/v1/readers/{reader}/history", summary="Forget history", responses={200: {"model": ForgottenOut}})
def forget_history(reader: ReaderId, service: ServiceNow, caller: OwnCaller) -> Response:
    """Delete all events of a reader; settings stay. The next page knows nothing of them."""
    return answer(ForgottenOut(reader, erasure.forget(service, reader)))


@routes.delete(
    "/v1/readers/{reader}/history/{item}",
    summary="Forget one item",
    responses={200: {"model": ForgottenOut}},
)
def forget_item(reader: ReaderId, item: Annotated[Id, Path()], service: ServiceNow, caller: OwnCaller) -> Response:
    """Delete what the history says of one item. It stays hidden if the settings hide it."""
    return answer(ForgottenOut(reader, erasure.forget(service, reader, item)))


@routes.get("/v1/readers/{reader}/interests", summary="Read interests", responses={200: {"model": InterestsOut}})
def read_interests(reader: ReaderId, service: ServiceNow, caller: OwnCaller) -> Response:
    """Topics derived from the history, with their share of its votes, and the topics the reader added or removed.

    Votes weigh as on the reader's personalized home page: where an experiment sets weights, with those of their arm.
    """
    return answer(rights.interests(service, reader, caller.audience))


@routes.patch("/v1/readers/{reader}/interests", summary="Change interests", responses={200: {"model": InterestsOut}})
def change_interests(
    reader: ReaderId, body: InterestsPatch, service: ServiceNow, caller: OwnCaller, version: ExpectedVersion
) -> Response:
    """Set the topics to see more of or less of; in force from the next request on. A list replaces the one before.

    A topic cannot be in both lists at once: send both to move it.
    """
    given = body.model_dump(mode="json", exclude_unset=True)
    patch = {f"{name}_topics": topics for name, topics in given.items()}
    change(service, reader, lambda stored: agreeing(stored, patch), version)
    return answer(rights.interests(service, reader, caller.audience))


@routes.get("/v1/readers/{reader}/export", summary="Export", responses={200: {"model": ExportOut}})
def export(reader: ReaderId, service: ServiceNow, caller: OwnCaller) -> Response:
    """Everything stored of a reader, as one JSON document."""
    headers = {"Content-Disposition": 'attachment; filename="weir-export.json"'}
    return answer(rights.export(service, reader, caller.audience), headers=headers)


@routes.delete("/v1/readers/{reader}", summary="Erase a reader", responses={200: {"model": ReceiptOut}})
def erase(reader: ReaderId, service: ServiceNow, caller: OwnCaller) -> Response:
    """Erase a reader: settings, events, and the inputs of recorded Servings. The receipt says what went.

    It also says what cannot go at once: the active model was computed with these events among others, and keeps that
    until the next training, by the second it names.
    """
    return answer(rights.erase(service, reader))
