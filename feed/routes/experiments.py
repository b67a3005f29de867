"""Experiments: started and stopped by decisions, read by those who run and those who audit them."""

from __future__ import annotations

from typing import Annotated

import anyio.to_thread
from fastapi import Depends, Path, Query
from starlette.responses import Response

from feed.access.caller import Caller
from feed.decisions.deciding import key_of
from feed.decisions.pending import propose
from feed.experiments.registry import page_of, run_of, runs, shown, starting, stopping
from feed.experiments.results import results_of
from feed.http.wire import Allow, OnceOnly, ServiceNow, answer, router
from feed.schemas.decisions import DecidedOut
from feed.schemas.experiments import ExperimentIn, ExperimentOut, ExperimentsOut, ResultsOut, StopIn
from feed.schemas.fields import Id

routes = router("experiments")

ExperimentId = Annotated[Id, Path(description="Id of the decision that started it")]
Experimenter = Annotated[Caller, Depends(Allow("experimenter"))]
ReadingCaller = Annotated[Caller, Depends(Allow("experimenter", "auditor"))]


@routes.get("/v1/experiments", summary="List experiments", responses={200: {"model": ExperimentsOut}})
def listing(
    service: ServiceNow,
    caller: ReadingCaller,
    before: Annotated[int | None, Query(ge=1, le=1 << 53, description="Started below this revision")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Every experiment that was started, newest first: planned, running, ended and stopped ones."""
    found, following = page_of(runs(service.store.ledger), before, limit)
    now = service.clock.now()
    return answer(ExperimentsOut([shown(run, now) for run in found], following))


@routes.post("/v1/experiments", summary="Start an experiment", status_code=201, responses={201: {"model": DecidedOut}})
async def start(body: ExperimentIn, service: ServiceNow, caller: Experimenter, once: OnceOnly) -> Response:
    """Start an experiment by a decision, now or at `starts_at`; it ends at `expires_at`. Its id is the decision's.

    Readers come into arms by a hash of the experiment's id and theirs; their personalized pages are made with what
    the arm sets, and say so under `arms`. Pages that are not personalized are in no experiment. Refused with
    `experiment-clash` is what would set the same parameter as another experiment for some of the same pages.
    """
    return await propose(service, caller, starting(body, key_of(once)), once)


@routes.get("/v1/experiments/{experiment}", summary="Read an experiment", responses={200: {"model": ExperimentOut}})
def one(experiment: ExperimentId, service: ServiceNow, caller: ReadingCaller) -> Response:
    """One experiment: its arms, until when it runs or ran, and who started it why."""
    return answer(shown(run_of(service.store.ledger, experiment), service.clock.now()))


@routes.get(
    "/v1/experiments/{experiment}/results", summary="Results of an experiment", responses={200: {"model": ResultsOut}}
)
def results(experiment: ExperimentId, service: ServiceNow, caller: ReadingCaller) -> Response:
    """What the readers did who were served with each arm, the difference to the first arm with its interval, and what
    may be concluded: nothing before the experiment is over, from few readers, or when the sizes of the arms tell that
    something beside the lot decided who was counted."""
    store = service.store
    run = run_of(store.ledger, experiment)
    service.servings.flush(1.0)
    return answer(results_of(store, run, service.clock.now(), service.settings.servings_days))


@routes.post(
    "/v1/experiments/{experiment}/stop",
    summary="Stop an experiment",
    status_code=201,
    responses={201: {"model": DecidedOut}},
)
async def stop(
    experiment: ExperimentId, body: StopIn, service: ServiceNow, caller: Experimenter, once: OnceOnly
) -> Response:
    """Stop an experiment by a decision, or call off one that has not begun: everybody has the usual pages at once."""
    await anyio.to_thread.run_sync(run_of, service.store.ledger, experiment)
    return await propose(service, caller, stopping(experiment, body, key_of(once)), once)
