"""Policy: public to read, changed by draft, lint and a decision. The active one stays until the next is published."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import anyio.to_thread
import orjson
from fastapi import Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from controls.decisions import Basis, DecisionType
from controls.lint import lint
from controls.policy import canonical, content_hash, parse
from controls.proposals import Proposal
from feed.auth import Caller
from feed.bootstrap import Service
from feed.deciding import decide, key_of
from feed.errors import BodyUnreadable, NotFound
from feed.plain_words import field_words
from feed.schemas.decisions import DecidedOut
from feed.schemas.fields import Id
from feed.schemas.policies import DraftOut, FindingOut, ParameterOut, PolicyOut, PolicyVersionOut, PublicationIn
from feed.wire import (
    JSON_TYPES,
    PUBLIC,
    Allow,
    OnceOnly,
    ServiceNow,
    answer,
    durable,
    require_type,
    router,
    tagged,
)
from ranking.parameters import Parameters

routes = router("policy")

YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml")
BASIS = Basis("operations", "policy publication")
PolicyCaller = Annotated[Caller, Depends(Allow("policy"))]
Version = Annotated[Id, Path()]


def _ranking(parameters: Parameters) -> list[ParameterOut]:
    words = field_words(Parameters)
    return [ParameterOut(name, value, words[name]) for name, value in asdict(parameters).items()]


@routes.get("/v1/policy", summary="The policy in force", responses={200: {"model": PolicyOut}})
def current(request: Request, service: ServiceNow) -> Response:
    """The rules that hold now, and the main parameters of the ranking in plain words. Public; the ETag follows both."""
    snapshot = service.replica.latest()
    version = snapshot.governance.policy
    document = service.store.policies.get(version) if version else None
    policy = orjson.loads(document) if document is not None else None
    return tagged(request, PolicyOut(version, policy, _ranking(snapshot.parameters)), PUBLIC)


@routes.get("/v1/policy/versions/{version}", summary="A policy", responses={200: {"model": PolicyVersionOut}})
def stored(
    request: Request,
    version: Version,
    service: ServiceNow,
    caller: Annotated[Caller, Depends(Allow("policy", "moderator", "editor", "auditor"))],
) -> Response:
    """A stored policy or draft by its content hash."""
    return tagged(request, PolicyVersionOut(version, _active(service, version), _document(service, version)))


@routes.post(
    "/v1/policy/drafts",
    summary="Store a draft",
    status_code=201,
    responses={201: {"model": DraftOut}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "A policy document, in YAML or JSON",
            "content": {media: {"schema": {"type": "object"}} for media in ("application/yaml", "application/json")},
        }
    },
)
async def draft(request: Request, service: ServiceNow, caller: PolicyCaller) -> Response:
    """Check a policy document and store it under its content hash; nothing is in force by that.

    A document that breaks the schema is refused with every problem by path and line. Findings of the lint are
    returned, labels that no item has among them; those of severity `error` keep the draft from being published.
    Storing the same document again changes nothing.
    """
    require_type(request, *YAML_TYPES, *JSON_TYPES)
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError:
        raise BodyUnreadable("the body is not UTF-8; save the document as UTF-8") from None
    now = service.clock.now()
    policy = await anyio.to_thread.run_sync(parse, text)
    version = content_hash(policy)
    labels = frozenset(service.replica.latest().catalogue.labels)
    findings = await anyio.to_thread.run_sync(lint, text, now, labels)
    await durable(service.store.policies.put(version, canonical(policy).decode(), now))
    shown = [
        FindingOut(
            "error" if finding.fatal else "warning",
            finding.problem.path,
            finding.problem.line,
            finding.problem.message,
            finding.problem.remedy,
        )
        for finding in findings
    ]
    return answer(DraftOut(version, _active(service, version), shown), 201)


@routes.post(
    "/v1/policy/drafts/{version}/publish",
    summary="Publish a draft",
    status_code=201,
    responses={201: {"model": DecidedOut}},
)
async def publish(
    version: Version, body: PublicationIn, service: ServiceNow, caller: PolicyCaller, once: OnceOnly
) -> Response:
    """Put a stored draft in force, by a decision. Going back is publishing the earlier version, or reversing this."""
    await anyio.to_thread.run_sync(_document, service, version)
    proposal = Proposal(
        type=DecisionType.PUBLISH_POLICY,
        subject=None,
        reason=body.reason,
        basis=BASIS,
        parameters={"policy": version},
        idempotency_key=key_of(once),
    )
    return answer(await decide(service, caller, proposal, once), 201)


def _active(service: Service, version: str) -> bool:
    return service.replica.latest().governance.policy == version


def _document(service: Service, version: str) -> dict[str, object]:
    document = service.store.policies.get(version)
    if document is None:
        raise NotFound(f"no policy {version!r} is stored; store it with POST /v1/policy/drafts first")
    policy: dict[str, object] = orjson.loads(document)
    return policy
