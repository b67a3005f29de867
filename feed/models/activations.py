"""Activations: which model served when, who let it serve, and which one would come back, as the ledger tells.

Going back is a reversal of the activation. The graph that it brings back is loaded before the reversal is appended, so
that the fold never waits (law 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controls.decisions import Decision, DecisionType
from controls.service import PLATFORM
from feed.bootstrap import Service
from feed.storage.ports.store import Ledger
from ranking.errors import GraphError

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Term:
    """A span in which a model served: from a decision until the next one, None while it lasts."""

    model: str
    decision: Decision
    """The activation by which it served."""

    since: int
    until: int | None


def terms(ledger: Ledger) -> list[Term]:
    """Every span in which a model served, oldest first, by the decisions alone: a start or expiry that an activation
    sets for later counts from its decision. Blocks."""
    found: list[Term] = []
    standing: list[Decision] = []
    serving: Decision | None = None
    for decision in _about_models(ledger):
        if decision.type is DecisionType.ACTIVATE_MODEL:
            standing.append(decision)
        else:
            standing = [one for one in standing if one.id != decision.reverses]
        now = standing[-1] if standing else None
        if now is serving:
            continue
        if serving is not None:
            last = found[-1]
            found[-1] = Term(last.model, last.decision, last.since, decision.decided_at)
        if now is not None:
            found.append(Term(str(now.parameters["model"]), now, decision.decided_at, None))
        serving = now
    return found


def model_after_reversal(ledger: Ledger, reversed_id: str) -> str | None:
    """The model that serves once a decision is reversed; None when it is no activation, or none is left. Blocks."""
    decisions = _about_models(ledger)
    if not any(one.id == reversed_id and one.type is DecisionType.ACTIVATE_MODEL for one in decisions):
        return None
    gone = {one.reverses for one in decisions if one.reverses} | {reversed_id}
    left = [one for one in decisions if one.type is DecisionType.ACTIVATE_MODEL and one.id not in gone]
    return str(left[-1].parameters["model"]) if left else None


def load_before_reversal(service: Service, reversed_id: str) -> None:
    """Load the graph that a reversal would bring back. One that cannot be loaded is no reason to keep a model that
    somebody wants gone: the other sources then serve, and readyz says so. Blocks."""
    version = model_after_reversal(service.store.ledger, reversed_id)
    if version is not None:
        try:
            service.graphs(version)
        except GraphError:
            return


def _about_models(ledger: Ledger) -> Sequence[Decision]:
    """Activations and their reversals, oldest first."""
    decisions: list[Decision] = []
    before: int | None = None
    while page := ledger.listing(before=before, limit=_PAGE, subject=PLATFORM.id):
        decisions += page
        before = page[-1].revision
        if before <= 1:
            break
    decisions.reverse()
    activations = {one.id for one in decisions if one.type is DecisionType.ACTIVATE_MODEL}
    return [one for one in decisions if one.id in activations or one.reverses in activations]
