"""Governance in plain Python, one item at a time, straight from the words of the laws: the oracle of their tests.

It shares nothing with the fold but the policy documents and the decision records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from controls.conditions import AgePredicate, AllOf, AnyOf, Condition, LabelPredicate, MemberPredicate, Not
from controls.decisions import Decision, DecisionType, SubjectKind
from controls.policy import Policy
from controls.scopes import AgeClass, Audience, Scope, SurfaceKind
from tests.unit.controls.plain_columns import PlainItem

TIERS = ("encouraged", "standard", "restricted", "blocked")
ENDING_OTHERS = (DecisionType.REVERSE, DecisionType.RESTORE, DecisionType.REVOKE, DecisionType.STOP_EXPERIMENT)
SOURCES = ("graph", "popular", "fresh", "editorial", "exploration", "pin")


@dataclass(frozen=True)
class PlainVerdict:
    """Eligible, tier, weight in 1/1024, names of the allowed sources, notices, disabled interactions."""

    eligible: bool
    tier: str
    weight: int
    sources: frozenset[str]
    notices: tuple[str, ...]
    disabled: tuple[str, ...]


def in_force(decisions: Sequence[Decision], as_of: int) -> list[Decision]:
    """The decisions of a ledger that act at a second."""
    acting = []
    for place, made in enumerate(decisions):
        if made.type in ENDING_OTHERS:
            continue
        reversed_ = any(other.type is DecisionType.REVERSE and other.reverses == made.id for other in decisions)
        restored = made.type is DecisionType.TAKEDOWN and any(
            other.type is DecisionType.RESTORE and other.subject == made.subject for other in decisions[place:]
        )
        revoked = made.type is DecisionType.GRANT and any(
            other.type is DecisionType.REVOKE
            and other.subject == made.subject
            and dict(other.parameters) == dict(made.parameters)
            for other in decisions[place:]
        )
        stopped = made.type is DecisionType.START_EXPERIMENT and any(
            other.type is DecisionType.STOP_EXPERIMENT and other.parameters["experiment"] == made.id
            for other in decisions[place:]
        )
        ended = made.expires_at is not None and made.expires_at <= as_of
        begun = made.starts_at <= max(as_of, made.decided_at)
        if begun and not (reversed_ or restored or revoked or stopped or ended):
            acting.append(made)
    return acting


def policy_in_force(decisions: Sequence[Decision], policies: dict[str, Policy], as_of: int) -> Policy | None:
    """The policy published last among those in force."""
    published = [d for d in in_force(decisions, as_of) if d.type is DecisionType.PUBLISH_POLICY]
    return policies[str(published[-1].parameters["policy"])] if published else None


def plain_verdict(
    item: PlainItem,
    decisions: Sequence[Decision],
    policies: dict[str, Policy],
    as_of: int,
    audience: Audience,
    surface: SurfaceKind,
) -> PlainVerdict:
    """The verdict of one item."""

    def covers(scope: Scope, favouring: bool = False) -> bool:
        return scope.covers(surface, audience, restricting=not favouring)

    item = as_told(item, in_force(decisions, as_of))
    held = released = False
    eligible, tiers, weights, notices, disabled = not item.withdrawn, {"standard"}, [], set(), set()
    named: set[str] = set()
    policy = policy_in_force(decisions, policies, as_of)
    for rule in policy.rules if policy is not None else ():
        truth = holds(rule.when, item, policy, as_of) if policy is not None else False
        scope = rule.scope.scope
        if rule.mode == "shadow" or truth is False:
            continue
        if truth is None and rule.missing != "apply":
            held |= rule.missing == "hold" and covers(scope)
            continue
        if covers(scope, favouring=rule.tier == "encouraged"):
            named.add(rule.tier)
        weights.append((Fraction(round(rule.effect.weight * 1024), 1024), scope))
        if covers(scope):
            notices |= {rule.effect.notice} - {None}
            disabled |= set(rule.effect.disable)
            gated = rule.effect.age_gate == "adult" and audience.age is not AgeClass.ADULT
            eligible &= not gated
            held |= rule.effect.hold
            if rule.effect.sensitive is not None:
                choice = audience.sensitive or rule.effect.sensitive.unchosen
                if audience.age is not AgeClass.ADULT:
                    choice = min(choice, rule.effect.sensitive.minors, key=("hide", "warn", "show").index)
                eligible &= choice != "hide"
                notices |= {rule.effect.sensitive.notice} if choice == "warn" else set()
    for made in in_force(decisions, as_of):
        if not about(made, item):
            continue
        if made.type is DecisionType.TAKEDOWN and covers(made.scope):
            named.add("blocked")
        elif made.type is DecisionType.SUPPRESS and covers(made.scope):
            eligible &= "hold" in made.parameters
            held |= "hold" in made.parameters
        elif made.type is DecisionType.RESTRICT and covers(made.scope):
            named.add("restricted")
        elif made.type is DecisionType.CORRECT and covers(made.scope):
            notices.add(str(made.parameters["notice"]))
        elif made.type is DecisionType.RELEASE:
            released |= covers(made.scope, favouring=True)
        elif made.type is DecisionType.RESTRICT_AUTHOR and covers(made.scope):
            service = made.parameters["service"]
            eligible &= service not in ("no_recommendation", "suspended")
            held |= service == "pre_review" and (item.published_at >= made.starts_at or not item.published_at)
        elif made.type is DecisionType.BOOST:
            weights.append((Fraction(round(float(str(made.parameters["factor"])) * 1024), 1024), made.scope))
    tier = max(named or tiers, key=TIERS.index)
    sources, own = frozenset(SOURCES), Fraction(1)
    if policy is not None and tier in ("encouraged", "restricted"):
        settings = policy.tiers.encouraged if tier == "encouraged" else policy.tiers.restricted
        sources, own = frozenset(settings.sources or SOURCES), Fraction(round(settings.weight * 1024), 1024)
    if tier in ("restricted", "blocked"):
        sources -= {"pin"}
    down = up = Fraction(1)
    for weight, scope in [*weights, (own, Scope())]:
        if weight < 1 and covers(scope):
            down *= weight
        if weight > 1 and covers(scope, favouring=True):
            up *= weight
    lift = Fraction(1) if tier in ("restricted", "blocked") else min(Fraction(4), Fraction(int(up * 1024), 1024))
    return PlainVerdict(
        eligible=eligible and tier != "blocked" and (released or not held),
        tier=tier,
        weight=max(32, int(down * lift * 1024)),
        sources=sources,
        notices=tuple(sorted(str(notice) for notice in notices)),
        disabled=tuple(sorted(disabled)),
    )


def as_told(item: PlainItem, acting: Sequence[Decision]) -> PlainItem:
    """An item as the decisions that act tell of it and its author."""
    labels, standing, identity = dict(item.labels), item.standing, item.identity
    told = sorted((one for one in acting if about(one, item)), key=lambda one: (one.starts_at, one.decided_at))
    given = [one for one in told if one.type is DecisionType.LABEL]
    given.sort(key=lambda one: (one.starts_at, one.decided_at, float(str(one.parameters["score"]))))
    for one in given:
        labels[str(one.parameters["name"])] = (float(str(one.parameters["score"])), max(one.starts_at, 1))
    for one in told:
        if one.type is DecisionType.STRIKE:
            standing = max(0.0, (100.0 if standing is None else standing) - int(str(one.parameters["points"])))
    attested = [one for one in told if one.type is DecisionType.VERIFY_IDENTITY]
    if attested:
        newest = max(attested, key=lambda one: (one.starts_at, one.decided_at, str(one.parameters["identity"])))
        identity = str(newest.parameters["identity"])
    return replace(item, labels=labels, standing=standing, identity=identity)


def holders(decisions: Sequence[Decision], as_of: int) -> set[tuple[str, str, str]]:
    """Who holds which power in which community."""
    granted = [one for one in in_force(decisions, as_of) if one.type is DecisionType.GRANT]
    return {(one.subject.id, str(one.parameters["power"]), str(one.parameters["person"])) for one in granted}


def experiments_running(decisions: Sequence[Decision], as_of: int) -> list[str]:
    """The ids of the experiments in force."""
    return sorted(one.id for one in in_force(decisions, as_of) if one.type is DecisionType.START_EXPERIMENT)


def about(made: Decision, item: PlainItem) -> bool:
    """Whether a decision speaks of an item."""
    kind, name = made.subject.kind, made.subject.id
    return {
        SubjectKind.ITEM: name == item.id,
        SubjectKind.AUTHOR: name == item.author,
        SubjectKind.TOPIC: name in item.topics,
        SubjectKind.COMMUNITY: name == item.community,
        SubjectKind.PLATFORM: False,
    }[kind]


def holds(condition: Condition, item: PlainItem, policy: Policy, as_of: int) -> bool | None:
    """Whether a condition holds of an item; None where a missing signal decides it."""
    if isinstance(condition, Not):
        inner = holds(condition.not_, item, policy, as_of)
        return None if inner is None else not inner
    if isinstance(condition, AllOf | AnyOf):
        parts = condition.all if isinstance(condition, AllOf) else condition.any
        answers = [holds(part, item, policy, as_of) for part in parts]
        deciding = isinstance(condition, AnyOf)
        if deciding in answers:
            return deciding
        return None if None in answers else not deciding
    if isinstance(condition, MemberPredicate):
        values = policy.sets[condition.in_set] if condition.in_set is not None else condition.values or ()
        had = _values(item, condition.signal)
        return None if not had else not set(values).isdisjoint(had)
    if isinstance(condition, LabelPredicate):
        score, given = item.labels.get(condition.signal.removeprefix("label."), (None, 0))
        if score is None or (condition.max_age is not None and as_of - given > condition.max_age):
            return None
        return (condition.min is None or score >= condition.min) and (condition.max is None or score <= condition.max)
    if isinstance(condition, AgePredicate):
        number = float(as_of - item.published_at) if item.published_at else None
    else:
        number = item.standing
    if number is None:
        return None
    return (condition.below is None or number < condition.below) and (
        condition.above is None or number > condition.above
    )


def _values(item: PlainItem, signal: str) -> tuple[str, ...]:
    if signal == "topic":
        return item.topics
    value = {
        "item.id": item.id,
        "author.id": item.author,
        "author.kind": item.kind,
        "author.identity": item.identity,
        "community": item.community,
        "language": item.language,
        "region": item.region,
    }[signal]
    return (value,) if value else ()
