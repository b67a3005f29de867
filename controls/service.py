"""DecisionService: the only door through which decisions reach the ledger (laws 1, 9 and 12).

It checks authority, the proposal by itself, and the proposal against what is in force; then it appends. Where a check
could be overtaken by another decision, the append is refused by the ledger if it was, and the checks are made again. A
decision on a subject that is not known yet is taken and waits for it (``waits`` tells so); nothing is ever written for
a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from controls.authority import Principal
from controls.checking import PLATFORM, Checks
from controls.decisions import Decision, Subject
from controls.errors import Conflict, DecidedSince, InvalidDecision, PolicyError
from controls.experiments import Settable
from controls.governance import Governance
from controls.ledger_port import LedgerPort
from controls.policy import Policy
from controls.proposals import Proposal
from controls.signals import Columns
from controls.undoing import takedowns_left

__all__ = ["PLATFORM", "DecisionService", "LedgerPort", "refuse_repeated"]

_STANDING = (Conflict, DecidedSince, InvalidDecision, PolicyError)
"""Refusals by what stands now, which a request that was decided before met as its own doing."""


class DecisionService:
    """Checks and appends decisions. ``governance`` and ``columns`` give the present views; ``policy_known`` and
    ``model_known`` tell whether a version is stored and loads (law 4). ``new_id`` makes ids that never come twice.
    ``policies`` gives a stored policy, which is then linted before it is published. ``settable`` tells what is wrong
    with a parameter of ranking that an experiment would set. With ``approvals``, high-impact acts need a second person.
    """

    def __init__(
        self,
        ledger: LedgerPort,
        *,
        governance: Callable[[], Governance],
        columns: Callable[[], Columns],
        policy_known: Callable[[str], bool],
        model_known: Callable[[str], bool],
        new_id: Callable[[], str],
        policies: Callable[[str], Policy] | None = None,
        settable: Settable = lambda name, value: f"{name} cannot be set here",
        approvals: bool = False,
    ) -> None:
        self._ledger = ledger
        self._checks = Checks(ledger, governance, columns, policy_known, model_known, policies, settable, approvals)
        self.new_id = new_id

    def decide(
        self,
        proposal: Proposal,
        principal: Principal,
        now: int,
        once: Any = None,
        approver: Principal | None = None,
        *,
        id: str = "",
    ) -> Future[Decision]:
        """Make a decision at second ``now``; the future is done once it is durable. Raises :class:`ControlsError`
        subclasses for what is refused, each naming the field and what to do. A request that was decided before is
        answered with that decision. ``id``: its id, a new one if empty. Blocks on the ledger where another decision
        could overtake the checks."""
        while True:
            after = self._ledger.head()
            try:
                decision = self._checks.decision(proposal, principal, now, approver, id or self.new_id(), held=False)
            except _STANDING:
                first = self._ledger.decided_under(once) if once is not None else None
                if first is None:
                    raise
                return _done(first)
            matters = self._checks.overtaking(decision, proposal)
            if matters is None:
                return self._ledger.append(decision, once)
            appended = self._ledger.append_unless(matters, after, decision, once).result()
            if appended is not None:
                return _done(appended)

    def decide_all(
        self,
        proposals: Sequence[Proposal],
        principal: Principal,
        now: int,
        once: Any = None,
        approver: Principal | None = None,
        *,
        id: str,
    ) -> list[Decision]:
        """Make many decisions in one transaction of the ledger, all or none; they are durable when this returns. The
        n-th, from 0, has the id ``{id}.{n}``. Raises what :meth:`decide` does, for the first that is refused, and
        :class:`InvalidDecision` when one says what another says already."""
        while True:
            after = self._ledger.head()
            try:
                decisions = [
                    self._checks.decision(proposal, principal, now, approver, f"{id}.{place}", held=False)
                    for place, proposal in enumerate(proposals)
                ]
            except _STANDING:
                first = self._ledger.decided_under(once) if once is not None else None
                if first is None:
                    raise
                return self.bulk(first.id.rpartition(".")[0])
            refuse_repeated(decisions)
            questions = list(map(self._checks.overtaking, decisions, proposals))
            overtaking = [matters for matters in questions if matters is not None]

            def matters(other: Decision, overtaking: Sequence[Callable[[Decision], bool]] = overtaking) -> bool:
                return any(matters(other) for matters in overtaking)

            revisions = self._ledger.append_all_unless(matters, after, decisions, once).result()
            if revisions is not None:
                return self._ledger.since(revisions.start - 1)[: len(revisions)]

    def bulk(self, id: str) -> list[Decision]:
        """The decisions that were made together under an id, in order; none if it is unknown."""
        first = self._ledger.by_id(f"{id}.0")
        found = [] if first is None else [first]
        while found and (page := self._ledger.since(found[-1].revision)):
            together = [decision for decision in page if decision.id.rpartition(".")[0] == id]
            found += together
            if len(together) < len(page):
                break
        return found

    def examine(self, proposal: Proposal, principal: Principal, now: int) -> Decision:
        """The decision that a proposal would make once a second person approves it; raises as :meth:`decide` does,
        and writes nothing. Blocks on the ledger."""
        return self._checks.decision(proposal, principal, now, None, self.new_id(), held=True)

    def awaits_second(self, proposal: Proposal, principal: Principal) -> bool:
        """Whether a proposal has to be approved by a second person before it is a decision."""
        return self._checks.awaits_second(proposal, principal)

    def undone_by(self, decision: Decision) -> Decision | None:
        """The decision that reversed this one, or restored what it took down; None while none did."""
        return self._checks.undone_by(decision)

    def newest_about(self, subject: Subject) -> Decision | None:
        """The last decision about a subject, or None. Blocks on the ledger."""
        return self._checks.newest_about(subject)

    def takedowns(self, subject: Subject, now: int) -> list[Decision]:
        """The takedowns of a subject that a restore would end, oldest first. Blocks on the ledger."""
        return takedowns_left(self._checks.about(subject), now)

    def waits(self, decision: Decision) -> bool:
        """Whether a decision's subject has no item yet, so that it waits for the first."""
        return self._checks.waits(decision)


def refuse_repeated(decisions: Sequence[Decision]) -> None:
    """Raise for an act that is made twice together: undoing one of them would leave the other."""
    seen: dict[object, int] = {}
    for place, decision in enumerate(decisions):
        parameters = frozenset((name, str(value)) for name, value in decision.parameters.items())
        act = decision.reverses or (decision.type, decision.subject, decision.scope, parameters)
        first = seen.setdefault(act, place)
        if first != place:
            about = f"{decision.type.value} of {decision.subject.kind.value} {decision.subject.id!r}"
            raise InvalidDecision(f"{about} is decided twice, as {first} and as {place}; leave one out", "decisions")


def _done(decision: Decision) -> Future[Decision]:
    future: Future[Decision] = Future()
    future.set_result(decision)
    return future
