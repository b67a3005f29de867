"""Models: what was trained, and which one serves. Activation is a decision, and so is going back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import anyio.to_thread
import orjson
from fastapi import Depends, Path
from starlette.responses import Response

from experiments.shadow import Shadow
from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.decisions.deciding import decide, key_of
from feed.errors import ModelWorse, NotFound
from feed.http.wire import Allow, OnceOnly, ServiceNow, answer, router
from feed.models.activations import Term, terms
from feed.models.files import registered
from feed.models.retraining_log import last_run
from feed.processes.offline import activation
from feed.schemas.decisions import DecidedOut
from feed.schemas.fields import Id
from feed.schemas.models import ActivationIn, ModelOut, ModelsOut, RetrainingOut, ShadowOut, TermOut
from feed.storage.records import ModelRecord

routes = router("models")

QUALITY = "ndcg@20"
"""The measure by which models are compared."""


@routes.get("/v1/models", summary="List models", responses={200: {"model": ModelsOut}})
def listing(
    service: ServiceNow,
    caller: Annotated[Caller, Depends(Allow("experimenter", "policy", "auditor"))],
) -> Response:
    """The registered models, newest first: what they scored on the hold-out and against the active model of their day,
    when each served and who let it; which one is active; and how the last scheduled training went."""
    active = service.replica.latest().model
    served: dict[str, list[TermOut]] = {}
    for term in terms(service.store.ledger):
        served.setdefault(term.model, []).append(_term(term))
    models = [_model(service, record, active, served) for record in service.store.models.listing()]
    return answer(ModelsOut(active, models, _retraining(service)))


@routes.post(
    "/v1/models/{version}/activate",
    summary="Activate a model",
    status_code=201,
    responses={201: {"model": DecidedOut}},
)
async def activate(
    version: Annotated[Id, Path()],
    body: ActivationIn,
    service: ServiceNow,
    caller: Annotated[Caller, Depends(Allow("experimenter"))],
    once: OnceOnly,
) -> Response:
    """Let a model serve, by a decision. It is loaded and checked before; the active one stays if it cannot be.

    A model that scored lower than the active one is refused unless `force` says so: on the newest events where it was
    judged against it there, else on the hold-out.
    """
    await anyio.to_thread.run_sync(_check, service, version, body.force)
    proposal = replace(activation(version, body.reason, body.evidence), idempotency_key=key_of(once))
    return answer(await decide(service, caller, proposal, once), 201)


def _check(service: Service, version: str, force: bool) -> None:
    folder = service.settings.models_folder
    model = registered(service.store, service.graphs, folder, version)
    if model is None:
        raise NotFound(f"no model {version!r} is registered; `weir train` makes one")
    active = service.store.models.get(service.replica.latest().governance.model)
    if active is None or force:
        return
    shadow = _shadow_of(model)
    if shadow is not None and _serves_since(service, active.version) <= model.created_at:
        tolerance = service.settings.retrain_tolerance
        if shadow.worse(tolerance):
            raise ModelWorse(f"{shadow.told(active.version)}; train again, or say force with the reason")
        return
    score, standing = _quality(model), _quality(active)
    if score is not None and standing is not None and score < standing:
        raise ModelWorse(
            f"{QUALITY} is {score:.4f}, the active model's {standing:.4f}; train again, or say force with the reason"
        )


def _model(service: Service, record: ModelRecord, active: str, served: Mapping[str, list[TermOut]]) -> ModelOut:
    shadow = _shadow_of(record)
    return ModelOut(
        record.version,
        record.trainer,
        record.created_at,
        orjson.loads(record.metrics),
        record.version == active,
        (service.settings.models_folder / record.file).is_file(),
        _shadow(shadow) if shadow is not None else None,
        served.get(record.version, []),
    )


def _term(term: Term) -> TermOut:
    made = term.decision
    return TermOut(term.since, term.until, made.id, made.actor, made.role, made.reason, made.evidence)


def _shadow(shadow: Shadow) -> ShadowOut:
    interval = shadow.difference
    figures = (interval.estimate, interval.low, interval.high)
    return ShadowOut(shadow.score, shadow.candidate, shadow.active, *figures, shadow.readers, shadow.since)


def _retraining(service: Service) -> RetrainingOut:
    every, last = service.settings.retrain_every, last_run(service.settings)
    if last is None:
        return RetrainingOut(every, None, None, None, None, None)
    return RetrainingOut(every, last.tried_at, last.outcome, last.detail, last.seconds, last.succeeded_at)


def _serves_since(service: Service, version: str) -> int:
    """Second since which the active model serves without a break."""
    now = terms(service.store.ledger)[-1]
    return now.since if now.model == version else service.clock.now()


def _shadow_of(model: ModelRecord) -> Shadow | None:
    return Shadow.from_metrics(orjson.loads(model.metrics), QUALITY)


def _quality(model: ModelRecord) -> float | None:
    value = orjson.loads(model.metrics).get(QUALITY)
    return float(value) if isinstance(value, int | float) else None
