"""Experiments in the service: which there are and were, as the ledger tells (laws 1, 9 and 12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from controls.decisions import Decision, DecisionType
from controls.experiments import Experiment, experiment_of
from controls.proposals import Proposal
from controls.scopes import Scope
from controls.service import PLATFORM
from feed.bootstrap import Service
from feed.decisions.deciding import basis_of
from feed.errors import NotFound
from feed.schemas.decisions import plain_arms
from feed.schemas.experiments import ArmOut, ExperimentIn, ExperimentOut, RunningOut, StopIn
from feed.storage.ports.store import Ledger
from ranking.snapshot import Snapshot

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Run:
    """An experiment with the decision that started it, and the one that ended it before its time, if any did."""

    experiment: Experiment
    started: Decision
    stopped: Decision | None

    @property
    def until(self) -> int:
        """The second from which on it has no effect."""
        return self.experiment.expires_at if self.stopped is None else self.stopped.decided_at

    def state(self, now: int) -> str:
        """``planned``, ``running``, ``ended`` or ``stopped``."""
        if self.stopped is not None:
            return "stopped"
        if now >= self.experiment.expires_at:
            return "ended"
        return "running" if now >= self.experiment.starts_at else "planned"


def runs(ledger: Ledger) -> list[Run]:
    """Every experiment that was decided, newest first. Blocks."""
    found: list[Run] = []
    ended: dict[str, Decision] = {}
    before: int | None = None
    while page := ledger.listing(before=before, limit=_PAGE, subject=PLATFORM.id):
        for decision in page:
            if decision.type is DecisionType.START_EXPERIMENT:
                found.append(_run(decision, ended.get(decision.id)))
            else:
                # From the newest on, so that the first one that ended it is the last one seen.
                ended |= dict.fromkeys(_ends(decision), decision)
        before = page[-1].revision
        if before <= 1:
            break
    return found


def run_of(ledger: Ledger, id: str) -> Run:
    """One experiment; raises ``NotFound``. Blocks."""
    run = next((run for run in runs(ledger) if run.experiment.id == id), None)
    if run is None:
        raise NotFound(f"no experiment {id!r} was started; check the id")
    return run


def starting(body: ExperimentIn, key: str = "") -> Proposal:
    """The decision that starts an experiment."""
    return Proposal(
        type=DecisionType.START_EXPERIMENT,
        subject=None,
        reason=body.reason,
        basis=basis_of(body.basis),
        starts_at=body.starts_at,
        expires_at=body.expires_at,
        scope=Scope(body.scope.surfaces, body.scope.regions, body.scope.audience),
        parameters={
            "name": body.name,
            "arms": plain_arms(body.arms),
            "outcome": body.outcome,
            "measure": body.measure,
        },
        idempotency_key=key,
    )


def stopping(id: str, body: StopIn, key: str = "") -> Proposal:
    """The decision that stops one."""
    basis, parameters = basis_of(body.basis), {"experiment": id}
    act = DecisionType.STOP_EXPERIMENT
    return Proposal(act, None, body.reason, basis, parameters=parameters, idempotency_key=key)


def _run(started: Decision, ended: Decision | None) -> Run:
    experiment = experiment_of(started)
    before_its_time = ended is not None and ended.decided_at < experiment.expires_at
    return Run(experiment, started, ended if before_its_time else None)


def _ends(decision: Decision) -> tuple[str, ...]:
    if decision.type is DecisionType.STOP_EXPERIMENT:
        return (str(decision.parameters["experiment"]),)
    return (decision.reverses,) if decision.reverses is not None else ()


def arms_of(experiment: Experiment) -> list[ArmOut]:
    """The arms as the wire shows them."""
    return [ArmOut(arm.name, arm.share, dict(arm.sets)) for arm in experiment.arms]


def shown(run: Run, now: int) -> ExperimentOut:
    """An experiment as the wire shows it."""
    experiment, started = run.experiment, run.started
    return ExperimentOut(
        id=experiment.id,
        revision=started.revision,
        name=experiment.name,
        state=run.state(now),
        arms=arms_of(experiment),
        outcome=experiment.outcome,
        measure=experiment.measure,
        scope=asdict(experiment.scope),
        starts_at=experiment.starts_at,
        expires_at=experiment.expires_at,
        until=run.until,
        stopped_by=run.stopped.id if run.stopped is not None else None,
        actor=started.actor,
        role=started.role,
        reason=started.reason,
        basis=asdict(started.basis),
    )


def running_now(service: Service, snapshot: Snapshot) -> list[RunningOut]:
    """The experiments in force, for anybody to read. Blocks."""
    told = []
    for experiment in snapshot.governance.experiments:
        started = service.store.ledger.by_id(experiment.id)
        told.append(
            RunningOut(
                experiment.name,
                arms_of(experiment),
                experiment.outcome,
                experiment.measure,
                experiment.scope.surfaces,
                experiment.expires_at,
                started.reason if started is not None else "",
            )
        )
    return told


def page_of(found: Sequence[Run], before: int | None, limit: int) -> tuple[list[Run], int | None]:
    """The runs started below a revision, at most so many, and below which the rest are."""
    older = [run for run in found if before is None or run.started.revision < before]
    shown_now = older[:limit]
    return shown_now, shown_now[-1].started.revision if len(older) > limit else None
