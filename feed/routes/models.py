"""Models: what was trained, and which one serves. Activation is a decision, and so is going back."""

from __future__ import annotations

from typing import Annotated

import anyio.to_thread
import orjson
from fastapi import Depends, Path
from starlette.responses import Response

from controls.decisions import Basis, DecisionType
from controls.proposals import Proposal
from feed.auth import Caller
from feed.bootstrap import Service
from feed.deciding import decide, key_of
from feed.errors import ModelWorse, NotFound
from feed.model_files import registered
from feed.schemas.decisions import DecidedOut
from feed.schemas.fields import Id
from feed.schemas.models import ActivationIn, ModelOut, ModelsOut
from feed.storage.records import ModelRecord
from feed.wire import Allow, OnceOnly, ServiceNow, answer, router

routes = router("models")

BASIS = Basis("operations", "model activation")
QUALITY = "ndcg@20"
"""The hold-out metric by which models are compared."""


@routes.get("/v1/models", summary="List models", responses={200: {"model": ModelsOut}})
def listing(
    service: ServiceNow,
    caller: Annotated[Caller, Depends(Allow("experimenter", "policy", "auditor"))],
) -> Response:
    """The registered models with their hold-out metrics, newest first, and which one is active."""
    active = service.replica.latest().model
    models = [
        ModelOut(model.version, model.trainer, model.created_at, orjson.loads(model.metrics), model.version == active)
        for model in service.store.models.listing()
    ]
    return answer(ModelsOut(active, models))


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

    A model whose hold-out score is below the active one's is refused unless `force` says so.
    """
    await anyio.to_thread.run_sync(_check, service, version, body.force)
    proposal = Proposal(
        type=DecisionType.ACTIVATE_MODEL,
        subject=None,
        reason=body.reason,
        basis=BASIS,
        parameters={"model": version},
        idempotency_key=key_of(once),
    )
    return answer(await decide(service, caller, proposal, once), 201)


def _check(service: Service, version: str, force: bool) -> None:
    model = registered(service.store, service.settings.models_folder, version)
    if model is None:
        raise NotFound(f"no model {version!r} is registered; `weir train` makes one")
    service.graphs(version)
    active = service.store.models.get(service.replica.latest().governance.model)
    if active is None or force:
        return
    score, standing = _quality(model), _quality(active)
    if score is not None and standing is not None and score < standing:
        raise ModelWorse(
            f"{QUALITY} is {score:.4f}, the active model's {standing:.4f}; train again, or say force with the reason"
        )


def _quality(model: ModelRecord) -> float | None:
    value = orjson.loads(model.metrics).get(QUALITY)
    return float(value) if isinstance(value, int | float) else None
