"""The application: a Service behind routes and the gate. ``create_app(open_service(settings))`` is all of it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from importlib.metadata import version

import anyio.to_thread
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute

from feed.bootstrap import Service
from feed.clock import SystemClock
from feed.http import refusals
from feed.http.gate import Gate
from feed.http.overload import Overload
from feed.observing.metrics import Gauges
from feed.openapi import describe
from feed.operations.upkeep import upkeep
from feed.pages.revocations import Revocations
from feed.routes import (
    appeals,
    authors,
    cases,
    communities,
    corrections,
    decisions,
    events,
    evidence,
    experiments,
    handbook,
    health,
    items,
    keys,
    labels,
    log,
    models,
    policy,
    queue,
    readers,
    report_form,
    reports,
    statements,
    transparency,
    verdicts,
    why,
)
from feed.routes.hot_routes import hot_routes, straight
from feed.transparency.reports import Tallies

_NOUNS = (
    events,
    items,
    verdicts,
    why,
    authors,
    labels,
    readers,
    decisions,
    statements,
    transparency,
    reports,
    report_form,
    communities,
    appeals,
    queue,
    cases,
    evidence,
    corrections,
    log,
    policy,
    models,
    experiments,
    keys,
    health,
    handbook,
)


def create_app(service: Service) -> FastAPI:
    """The ASGI application of a Service that was not started; the server's lifespan starts and closes it."""

    overload = Overload(service.settings, service.metrics, SystemClock().monotonic)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(service.start)
        try:
            async with upkeep(service), overload.watching():
                yield
        finally:
            await anyio.to_thread.run_sync(service.close)

    # The hot route comes first, because routes are tried in order.
    hot = hot_routes(service)
    routes: list[BaseRoute] = [*hot]
    routes += [route for noun in _NOUNS for route in noun.routes.routes]
    app = FastAPI(
        title="Weir",
        version=version("weir"),
        lifespan=lifespan,
        routes=routes,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    app.state.overload = overload
    app.state.revocations = Revocations()
    app.state.tallies = Tallies(service.store, service.clock.monotonic)
    rates = service.deployment.rates
    app.state.rates = rates
    service.replica.on_swap(app.state.revocations.swapped)
    service.metrics.read(_gauges(service, overload))
    refusals.install(app)
    app.add_middleware(
        Gate,
        settings=service.settings,
        authenticator=service.authenticator,
        metrics=service.metrics,
        clock=service.clock,
        rates=rates,
        overload=overload,
        straight=straight(hot),
    )
    if service.settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=service.settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"],
            expose_headers=["ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "Server-Timing", "X-Request-Id"],
        )
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


def _gauges(service: Service, overload: Overload) -> Gauges:
    def read() -> dict[tuple[str, str], float]:
        snapshot = service.replica.latest()
        return {
            ("weir_revision", ""): snapshot.revision,
            ("weir_edition", ""): snapshot.edition,
            ("weir_lease_fresh", ""): float(service.replica.fresh()),
            ("weir_duties", ""): float(service.duties.held),
            ("weir_loop_delay_seconds", ""): overload.delay,
            ("weir_items", ""): snapshot.catalogue.rows,
            ("weir_model_active", ""): float(bool(snapshot.model)),
            ("weir_reader_states", ""): len(service.readers),
            ("weir_reader_state_bytes", ""): service.readers.bytes,
            ("weir_queue_depth", "writer"): service.store.queue_depth(),
            ("weir_queue_depth", "servings"): service.servings.depth(),
            ("weir_queue_depth", "journal"): service.store.journal.pending(),
            ("weir_disk_free_bytes", ""): shutil.disk_usage(service.settings.home).free,
            ("weir_servings", "recorded"): service.servings.recorded,
            ("weir_servings", "dropped"): service.servings.dropped,
        }

    return read
