"""The handbook: /docs, /openapi.json and /problems, for people and programs that read."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from feed.errors import NotFound
from feed.http.handbook import PAGE_POLICY, api_page, problems_page
from feed.http.problems import PROBLEMS
from feed.http.wire import PUBLIC, router, tagged
from feed.schemas.fields import Id

routes = router("handbook")

_HEADERS = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": PUBLIC}


@routes.get("/docs", summary="This API, as a page", response_class=HTMLResponse)
async def docs(request: Request) -> Response:
    """Every route, what it takes, what it answers, and which scopes open it."""
    return HTMLResponse(api_page(request.app.openapi()), headers=_HEADERS)


@routes.get("/openapi.json", summary="This API, as OpenAPI", responses={200: {"description": "OpenAPI 3.1"}})
async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return tagged(request, request.app.openapi(), PUBLIC)


@routes.get("/problems", summary="All problems", response_class=HTMLResponse)
async def problems() -> Response:
    """Every problem type, what it means and what to do about it."""
    return HTMLResponse(problems_page(), headers=_HEADERS)


@routes.get("/problems/{name}", summary="One problem", response_class=HTMLResponse)
async def problem(name: Annotated[Id, Path()]) -> Response:
    """What a problem type means and what to do about it."""
    if name not in PROBLEMS:
        raise NotFound(f"there is no problem {name!r}; /problems lists all")
    return HTMLResponse(problems_page(PROBLEMS[name]), headers=_HEADERS)
