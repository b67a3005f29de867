"""Refusals: every error the service can meet becomes one answer with a stable problem type (RFC 9457).

Answers say what was wrong, where and what to do; they never carry input values, paths, secrets or stack traces.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from controls.errors import ControlsError, PolicyError
from feed.control.errors import ControlError
from feed.errors import Fault, FeedError
from feed.http.problems import PROBLEMS, reference
from feed.schemas.fields import fault_words
from feed.storage.errors import (
    DiskFull,
    IdempotencyConflict,
    RecordRefused,
    StorageError,
    StoreBusy,
    VersionConflict,
)
from ranking.errors import GraphError, RankingError

MEDIA_TYPE = "application/problem+json"

_log = structlog.get_logger("weir")

_TRACED = ("internal", "storage-failed")

_BY_STATUS = {
    400: "body-unreadable",
    401: "not-authenticated",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-large",
    415: "media-type-refused",
    422: "input-invalid",
    429: "too-many-requests",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is answered: the problem's name, what to say, the faults by field, and headers."""

    name: str
    detail: str
    faults: tuple[Fault, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, request_id: str = "") -> Response:
        """The answer as ``application/problem+json``."""
        problem = PROBLEMS[self.name]
        body: dict[str, object] = {
            "type": reference(self.name),
            "title": problem.title,
            "status": problem.status,
            "detail": self.detail,
        }
        if self.faults:
            body["errors"] = [
                {"field": fault.field, "message": fault.message} | ({"line": fault.line} if fault.line else {})
                for fault in self.faults
            ]
        if request_id:
            body["request_id"] = request_id
        return Response(orjson.dumps(body), problem.status, dict(self.headers), MEDIA_TYPE)


def refusal_of(error: Exception) -> Refusal:
    """How an error is answered; one that nobody expected is answered ``internal`` without its words."""
    match error:
        case FeedError():
            return Refusal(error.type, error.detail, error.faults, error.headers)
        case ControlError():
            return Refusal("controls-stale", str(error), headers={"Retry-After": "1"})
        case PolicyError():
            faults = tuple(
                Fault(problem.path, f"{problem.message}; {problem.remedy}", problem.line) for problem in error.problems
            )
            return Refusal(error.type, f"the policy has {len(faults)} problems; the active one stays", faults)
        case ControlsError() if error.type in PROBLEMS:
            return Refusal(error.type, error.message, (Fault(error.field, error.message),) if error.field else ())
        case StorageError():
            return _storage(error)
        case GraphError():
            return Refusal("model-unusable", "the model's file is missing, truncated or altered; train again")
        case RequestValidationError():
            return _validation(error)
        case HTTPException() if error.status_code in _BY_STATUS:
            return Refusal(_BY_STATUS[error.status_code], str(error.detail), headers=error.headers or {})
        case _:
            return Refusal("internal", "the service failed; it is logged with the request id")


def _storage(error: StorageError) -> Refusal:
    match error:
        case VersionConflict():
            return Refusal("version-mismatch", str(error))
        case IdempotencyConflict():
            return Refusal("idempotency-conflict", str(error))
        case RecordRefused():
            return Refusal("input-invalid", str(error))
        case StoreBusy():
            return Refusal("store-busy", str(error), headers={"Retry-After": "1"})
        case DiskFull():
            detail = "the disk is full; nothing was written"
        case _:
            detail = "the store failed; nothing was half written"
    return Refusal("storage-failed", detail, headers={"Retry-After": "5"})


def _validation(error: RequestValidationError) -> Refusal:
    details = error.errors()
    if details and details[0]["type"] == "json_invalid":
        position = details[0]["loc"][-1]
        text = error.body if isinstance(error.body, str) else ""
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) else 1
        said = str(details[0].get("ctx", {}).get("error", "not JSON"))
        return Refusal("body-unreadable", "the body is not JSON", (Fault("body", said, line),))
    faults = tuple(Fault(named(detail["loc"]), fault_words(detail["type"], detail["msg"])) for detail in details)
    return Refusal("input-invalid", _said(faults), faults)


def _said(faults: Sequence[Fault]) -> str:
    """The first fault in words, and how many more there are."""
    more = f"; {len(faults) - 1} more in errors" if len(faults) > 1 else ""
    return f"{faults[0].field}: {faults[0].message}{more}" if faults else "some fields do not hold"


def faults_of(error: ValidationError, line: int | None = None) -> tuple[Fault, ...]:
    """What pydantic found, by field, without the values that were given."""
    return tuple(
        Fault(named(("body", *detail["loc"])), fault_words(detail["type"], detail["msg"]), line)
        for detail in error.errors(include_url=False, include_context=False, include_input=False)
    )


def named(location: tuple[int | str, ...]) -> str:
    """A field's name as its sender knows it: without the part of the request it came in."""
    parts = location[1:] if len(location) > 1 and location[0] in ("body", "query", "path", "header") else location
    return ".".join(str(part) for part in parts)


def answer(scope: Scope, error: Exception) -> Response:
    """The answer to an error; what is the service's own fault is logged, with the request id and without the query."""
    refusal = refusal_of(error)
    request_id = str(scope.get("state", {}).get("request_id", ""))
    if PROBLEMS[refusal.name].status >= 500 and refusal.name != "overloaded":
        _log.error(
            "request failed",
            problem=refusal.name,
            request_id=request_id,
            method=scope["method"],
            route=getattr(scope.get("route"), "path", "other"),
            # As text: some renderers would print the variables of every frame, credentials among them.
            traceback="".join(traceback.format_exception(error)) if refusal.name in _TRACED else "",
        )
    scope["app"].state.service.metrics.problems.labels(refusal.name).inc()
    return refusal.response(request_id)


async def _handle(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = _allowed(request.scope)
        error = HTTPException(
            405, f"{request.method} is not a method of this path; it has {allowed}", {"Allow": allowed}
        )
    elif isinstance(error, HTTPException) and error.status_code == 404:
        slash = "leave the slash at the end out, or see" if request.url.path.endswith("/") else "see"
        error = HTTPException(404, f"there is nothing at this path; {slash} /docs, which lists every path")
    return answer(request.scope, error)


def _allowed(scope: Scope) -> str:
    """Every method of the path: the framework names those of one of its routes only (RFC 9110 section 10.2.1)."""
    methods: set[str] = set()
    for route in scope["app"].routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))


def install(app: FastAPI) -> None:
    """Let the application answer every expected error by its problem; ``feed.http.gate`` answers the others."""
    for kind in (
        FeedError,
        ControlError,
        ControlsError,
        StorageError,
        RankingError,
        RequestValidationError,
        HTTPException,
    ):
        app.add_exception_handler(kind, _handle)
