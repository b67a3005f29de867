"""Authors: what rules may know of those who publish. Standing, kind and identity are not for authors to say."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from feed.access.caller import ADMIN, INSPECTORS, Caller
from feed.decisions.account_history import standing_of
from feed.errors import NotAllowed, NotFound
from feed.http.wire import Allow, ServiceNow, answer, router, tagged
from feed.schemas.fields import Id
from feed.schemas.items import AuthorIn, AuthorOut
from feed.schemas.standings import StandingOut
from feed.storage.answers import durable
from feed.storage.records import AuthorRecord

routes = router("authors")

AuthorId = Annotated[Id, Path()]


def _shown(record: AuthorRecord) -> AuthorOut:
    return AuthorOut(record.id, record.name, record.standing, record.kind, record.identity)


@routes.put("/v1/authors/{author}", summary="Create or change an author", responses={200: {"model": AuthorOut}})
async def put(
    author: AuthorId,
    body: AuthorIn,
    service: ServiceNow,
    caller: Annotated[Caller, Depends(Allow("author"))],
) -> Response:
    """Store an author; rules see it with the next edition. What is absent stays as it is.

    An author's token may change its own `name`; standing, kind and identity need the scope `admin`.
    """
    caller.require_own("author", author)
    given = body.model_dump(exclude_unset=True, exclude_none=True)
    if ADMIN not in caller.scopes and given.keys() - {"name"}:
        raise NotAllowed("an author token may change the name only; standing, kind and identity need the scope admin")
    changed = service.store.items.edit_author(author, lambda stored: replace(stored or AuthorRecord(author), **given))
    return answer(_shown(await durable(changed)))


@routes.get("/v1/authors/{author}", summary="Read an author", responses={200: {"model": AuthorOut}})
def read(
    request: Request,
    author: AuthorId,
    service: ServiceNow,
    caller: Annotated[Caller, Depends(Allow("author", *INSPECTORS))],
) -> Response:
    """An author as it is stored: to the author, and to those who decide or audit."""
    caller.require_own("author", author, *INSPECTORS)
    stored = service.store.items.author(author)
    if stored is None:
        raise NotFound(f"no author {author!r} is known; check the id")
    return tagged(request, _shown(stored))


@routes.get(
    "/v1/authors/{author}/standing", summary="Read an author's standing", responses={200: {"model": StandingOut}}
)
def standing(
    author: AuthorId,
    service: ServiceNow,
    caller: Annotated[Caller, Depends(Allow("author", *INSPECTORS))],
    before: Annotated[int | None, Query(ge=1, le=1 << 53, description="Acts of revisions below this one")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Points, the services that they leave, and every strike, limit of a service and attestation with its reason, its
    end and what undid it, newest first: to the author, and to those who decide or audit. Nobody is named."""
    caller.require_own("author", author, *INSPECTORS)
    return answer(standing_of(service, author, before, limit))
