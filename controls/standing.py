"""Standing: which services an author's points leave, and which decisions keep them so (law 9).

Pure. Points are what the store says of an author less the points of strikes in force (:class:`AuthorView`). Crossing a
threshold of the policy is answered by an ordinary decision of the service's own account, recovering by its reversal.
Where a person reversed such a decision, it is not made again before another strike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from controls.authors import FULL_STANDING, AuthorView
from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.parameters import Service
from controls.policy import Policy
from controls.proposals import Proposal
from controls.thresholds import StandingDocument, ThresholdDocument

SERVICE_ACTOR = "weir"
"""Who decides when a threshold is crossed: the service's own account."""

_MOST_EVIDENCE = 50
_DOES = {
    Service.PRE_REVIEW: "new items are held for review",
    Service.NO_RECOMMENDATION: "items are not recommended",
    Service.RATE: "fewer items are taken a day",
    Service.SUSPENDED: "publishing is suspended",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A decision that standing asks for: a limit of a service to be made, or one to be reversed."""

    author: str
    standing: float
    threshold: ThresholdDocument | None = None
    reverses: Decision | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it the same change, whatever the points are meanwhile."""
        ended = self.reverses.id if self.reverses is not None else None
        return self.author, self.threshold, ended


def limits_of(policy: Policy | None, standing: float | None) -> tuple[ThresholdDocument, ...]:
    """The thresholds that a standing lies below, of the rates the strictest alone; none for one that is not known."""
    if policy is None or policy.standing is None or standing is None:
        return ()
    crossed = [threshold for threshold in policy.standing.thresholds if standing < threshold.below]
    rates = [threshold for threshold in crossed if threshold.service is Service.RATE]
    strictest = min(rates, key=lambda one: (one.per_day or 0, one.below), default=None)
    return tuple(one for one in crossed if one.service is not Service.RATE or one is strictest)


def by_standing(decision: Decision) -> bool:
    """Whether the service made this decision because a threshold was crossed."""
    made = decision.type is DecisionType.RESTRICT_AUTHOR and decision.actor == SERVICE_ACTOR
    return made and "below" in decision.parameters


def changes(author: str, view: AuthorView, stored: float | None, policy: Policy | None) -> list[Change]:
    """What has to be decided so that an author's services are those that their standing leaves."""
    standing = view.standing(stored)
    points = FULL_STANDING if standing is None else standing
    held = [decision for decision in view.restrictions if by_standing(decision)]
    wanted = {_terms(threshold): threshold for threshold in limits_of(policy, standing)}
    found = []
    for decision in held:
        kept = wanted.pop(_said(decision), None)
        if kept is None:
            found.append(Change(author, points, reverses=decision))
    return [*found, *(Change(author, points, threshold=threshold) for threshold in wanted.values())]


def overruled(change: Change, about: Sequence[Decision]) -> bool:
    """Whether a person undid this limit since the author's last strike. ``about``: every decision about the author."""
    if change.threshold is None:
        return False
    mine = {made.id for made in about if by_standing(made) and _said(made) == _terms(change.threshold)}
    undone = [one.revision for one in about if one.reverses in mine and one.actor != SERVICE_ACTOR]
    struck = [one.revision for one in about if one.type is DecisionType.STRIKE]
    return max(undone, default=0) > max(struck, default=0)


def proposal_of(change: Change, view: AuthorView, standing: StandingDocument | None, now: int) -> Proposal:
    """The decision that a change asks for, with its reason; ``standing`` is the policy's section, if it has one."""
    points = f"{change.standing:g} of {FULL_STANDING} points"
    undone = change.reverses
    if undone is not None:
        below = undone.parameters["below"]
        kept = change.standing >= int(str(below))
        why = f"which is not below {below} any more" if kept else f"and the policy has no such limit below {below}"
        return Proposal(
            type=DecisionType.REVERSE,
            subject=None,
            reason=f"The author's standing is {points}, {why}.",
            basis=undone.basis,
            reverses=undone.id,
            idempotency_key=f"standing:{undone.id}",
        )
    threshold = change.threshold
    assert threshold is not None and standing is not None  # a change is one or the other
    ground = standing.basis
    parameters: dict[str, object] = {"service": threshold.service.value, "below": threshold.below}
    if threshold.per_day is not None:
        parameters["per_day"] = threshold.per_day
    return Proposal(
        type=DecisionType.RESTRICT_AUTHOR,
        subject=Subject(SubjectKind.AUTHOR, change.author),
        reason=f"The author's standing is {points}, below {threshold.below}: {_DOES[threshold.service]}.",
        basis=Basis(ground.kind, ground.clause, ground.url, ground.category),
        review_by=now + standing.review_after,
        parameters=parameters,
        evidence=tuple(f"strike {made.id}" for made in view.strikes[-_MOST_EVIDENCE:]),
        idempotency_key=f"standing:{change.author}",
    )


class Steady:
    """Lets through what was asked for at every look over a number of seconds, so that flapping decides nothing."""

    def __init__(self, quiet: int) -> None:
        self._quiet = quiet
        self._since: dict[tuple[object, ...], int] = {}

    def through(self, asked: Iterable[Change], now: int) -> list[Change]:
        """Of what is asked for at a second, what has been asked for long enough."""
        found = list(asked)
        self._since = {change.key: self._since.get(change.key, now) for change in found}
        return [change for change in found if now - self._since[change.key] >= self._quiet]

    @property
    def waiting(self) -> bool:
        """Whether something waits to be asked for long enough."""
        return bool(self._since)


def _terms(threshold: ThresholdDocument) -> tuple[object, ...]:
    return threshold.service.value, threshold.below, threshold.per_day


def _said(decision: Decision) -> tuple[object, ...]:
    said: Mapping[str, object] = decision.parameters
    return said["service"], said["below"], said.get("per_day")
