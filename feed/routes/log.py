"""The ledger as a public log: checkpoints, entries and proofs, for anybody (law 1).

An entry shows what was decided, about what and when, and commitments in place of reasons, persons and evidence, which
``/v1/decisions`` shows to those who may see them.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from feed.errors import Fault, InputInvalid
from feed.http.wire import PUBLIC, ServiceNow, answer, router, tagged
from feed.ledger import proofs
from feed.schemas.log import ConsistencyOut, InclusionOut, LogEntriesOut, LogKeyOut, LogKeysOut

routes = router("log")

_Position = Annotated[int, Query(ge=1, le=1 << 53)]
_Size = Annotated[int | None, Query(ge=1, le=1 << 53)]


@routes.get(
    "/v1/log/checkpoint",
    summary="The signed checkpoint",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {}}}},
)
def checkpoint(service: ServiceNow) -> Response:
    """The ledger's size and root, signed, in the C2SP checkpoint text form. Keep it: every later ledger must be
    consistent with it."""
    note = proofs.checkpoint(service.store, service.log_keys)
    return PlainTextResponse(note, headers={"Cache-Control": "no-cache"})


@routes.get("/v1/log/keys", summary="The ledger's keys", responses={200: {"model": LogKeysOut}})
def keys(request: Request, service: ServiceNow) -> Response:
    """The ledger's name and the public keys of its checkpoints: the one that signs now, and those that did before."""
    held = service.log_keys
    listed = [LogKeyOut(str(key), key == held.signer.verifier) for key in held.public]
    return tagged(request, LogKeysOut(held.origin, listed), PUBLIC)


@routes.get("/v1/log/entries", summary="Entries of the ledger", responses={200: {"model": LogEntriesOut}})
def entries(service: ServiceNow, start: _Position = 1, end: _Size = None) -> Response:
    """Entries from revision `start` to `end`, both included; at most 1000 an answer. `leaf` is to be hashed as its
    bytes stand; an entry never changes, whatever is erased beside it."""
    return answer(proofs.entries(service.store, start, end))


@routes.get("/v1/log/proof", summary="A proof", responses={200: {"model": InclusionOut | ConsistencyOut}})
def proof(
    service: ServiceNow,
    revision: _Size = None,
    size: _Size = None,
    first: _Size = None,
    second: _Size = None,
) -> Response:
    """With `revision`: that it is in the ledger, or in its first `size` entries. With `first`: that so many entries
    are the beginning of the ledger, or of its first `second` entries (RFC 9162)."""
    if (revision is None) == (first is None) or (size and first) or (second and revision):
        message = "name revision (and size), or first (and second)"
        raise InputInvalid(message, faults=(Fault("revision", message),))
    if revision is not None:
        return answer(proofs.inclusion(service.store, service.log_keys, revision, size))
    assert first is not None
    return answer(proofs.consistency(service.store, first, second))
