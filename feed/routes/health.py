"""Health: livez, readyz and metrics. Open to everybody who reaches the port: aggregates only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import anyio.to_thread
from fastapi import Query
from starlette.responses import Response

from feed.control.errors import ControlsStale
from feed.http.wire import ServiceNow, answer, router
from feed.processes import siblings
from feed.processes.readiness import Check, checks

routes = router("health")


@dataclass(frozen=True, slots=True)
class HealthOut:
    """``live``, or ``ready``, ``degraded`` or ``not-ready`` with what was looked at."""

    status: str
    checks: list[Check]


@routes.get("/livez", summary="Is it alive", responses={200: {"model": HealthOut}})
async def livez() -> Response:
    """Answers as long as the process can answer at all."""
    return answer(HealthOut("live", []))


@routes.get("/readyz", summary="Is it ready", responses={200: {"model": HealthOut}, 503: {"model": HealthOut}})
def readyz(service: ServiceNow) -> Response:
    """Whether requests should be sent here: fresh lease, writable store, room on the disk, a model.

    Without a model it is `degraded` but ready: popular, fresh and editorial lists serve.
    """
    try:
        found = checks(service)
    except ControlsStale as error:
        found = [Check("lease", "failed", str(error))]
    states = {check.state for check in found}
    if "failed" in states:
        return answer(HealthOut("not-ready", found), 503, {"Retry-After": "1"})
    return answer(HealthOut("degraded" if "degraded" in states else "ready", found))


@routes.get(
    "/metrics",
    summary="Metrics",
    responses={200: {"description": "Prometheus text format", "content": {"text/plain": {}}}},
)
async def metrics(
    service: ServiceNow,
    worker: Annotated[Literal["own", "all"], Query(description="Of this worker, or of all")] = "all",
) -> Response:
    """Counters, gauges and histograms in the Prometheus text format; where several workers serve, those of all, each
    sample labelled `worker`."""
    home = service.settings.home
    if worker == "all" and await anyio.to_thread.run_sync(siblings.has_siblings, home):
        body = await siblings.all_metrics(home)
    else:
        body = await anyio.to_thread.run_sync(service.metrics.exposition)
    return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")
