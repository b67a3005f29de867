"""Rules in plain language, for those whom they concern and for the public (DSA art. 14, 17 and 27).

Single items and authors are never named: who reads a rule learns what it tests, not whom it met.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from controls.conditions import (
    AgePredicate,
    AllOf,
    AnyOf,
    Condition,
    LabelPredicate,
    MemberPredicate,
    StandingPredicate,
)
from controls.parameters import Service
from controls.policy import Rule, Tiers
from controls.thresholds import StandingDocument

_Bound = TypeVar("_Bound", int, float)
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_MEMBERS = {
    "topic": "a topic of it",
    "community": "its community",
    "author.kind": "the kind of its author",
    "author.identity": "the state of its author's identity",
    "language": "its language",
    "region": "its region",
    "author.id": "its author",
    "item.id": "it",
}
_SERVICES = {
    Service.PRE_REVIEW: "the author's new items wait until somebody has looked at them",
    Service.NO_RECOMMENDATION: "the author's items are recommended to nobody",
    Service.RATE: "fewer of the author's items are taken a day",
    Service.SUSPENDED: "the author's items are recommended to nobody, and new ones are refused",
}
_NAMELESS = ("author.id", "item.id")
_MISSING = {
    "apply": "Where a signal is missing, the rule holds all the same.",
    "skip": "Where a signal is missing, the rule does not hold.",
    "hold": "Where a signal is missing, the item waits until it is there.",
}


def seconds_in_words(seconds: int) -> str:
    """A duration, as ``2 hours``."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'}"


def condition_in_words(condition: Condition) -> str:
    """When a condition holds, as a clause about ``it``, the item."""
    if isinstance(condition, AllOf):
        return _joined(condition.all, " and ")
    if isinstance(condition, AnyOf):
        return _joined(condition.any, " or ")
    if isinstance(condition, LabelPredicate):
        return _label(condition)
    if isinstance(condition, StandingPredicate):
        return f"its author's standing is {_between(condition.below, condition.above, _points)}"
    if isinstance(condition, AgePredicate):
        return f"its age is {_between(condition.below, condition.above, seconds_in_words)}"
    if isinstance(condition, MemberPredicate):
        return _member(condition)
    return f"not ({condition_in_words(condition.not_)})"


def outcome_in_words(rule: Rule, tiers: Tiers) -> list[str]:
    """What a rule does to an item that it matches, a sentence each."""
    said = []
    if rule.tier == "blocked":
        said.append("It is not shown.")
    elif rule.tier == "restricted":
        factor = tiers.restricted.weight * rule.effect.weight
        said.append(f"It is restricted: its score counts {factor:g} times, so that it is recommended less often.")
        if tiers.restricted.max_share < 1:
            said.append(f"Restricted items are at most {tiers.restricted.max_share:.0%} of a session.")
        if tiers.restricted.sources is not None:
            said.append(f"Only these sources may bring them: {', '.join(tiers.restricted.sources)}.")
    elif rule.tier == "encouraged":
        factor = tiers.encouraged.weight * rule.effect.weight
        said.append(f"It is encouraged: its score counts {factor:g} times.")
    elif rule.effect.weight != 1:
        said.append(f"Its score counts {rule.effect.weight:g} times.")
    effect = rule.effect
    if effect.max_share < 1:
        said.append(f"What the rule matches is at most {effect.max_share:.0%} of a session.")
    if effect.hold:
        said.append("It is kept back while this is so.")
    if effect.age_gate is not None:
        said.append("It is shown only to readers who are known to be adult.")
    if effect.sensitive is not None:
        said.append("It is sensitive: readers choose whether it is hidden, shown with a notice, or shown as it is.")
    if effect.notice is not None:
        said.append(f"The notice {effect.notice!r} is shown with it.")
    if effect.disable:
        said.append(f"Readers cannot {' or '.join(effect.disable)} it.")
    return said


def rule_in_words(rule: Rule, tiers: Tiers) -> str:
    """A whole rule: when it holds, what follows, and what a missing signal means."""
    when = condition_in_words(rule.when)
    tried = "This rule is only being tried: it is recorded, not applied." if rule.mode == "shadow" else ""
    said = [f"An item is met when {when}.", *outcome_in_words(rule, tiers), _MISSING[rule.missing], tried]
    return " ".join(filter(None, said))


def standing_in_words(standing: StandingDocument | None) -> list[str]:
    """What becomes of authors as their standing falls, a sentence for each threshold, the highest first."""
    found = []
    for one in sorted(standing.thresholds if standing is not None else (), key=lambda limit: -limit.below):
        does = _SERVICES[one.service]
        if one.per_day is not None:
            does = f"at most {one.per_day} of the author's items are taken a day"
        found.append(f"Below {one.below} points of standing, {does}.")
    return found


def _joined(parts: tuple[Condition, ...], word: str) -> str:
    said = [condition_in_words(part) for part in parts]
    return (
        said[0] if len(said) == 1 else word.join(f"({one})" if " or " in one or " and " in one else one for one in said)
    )


def _label(condition: LabelPredicate) -> str:
    name = condition.signal.partition(".")[2]
    bounds = []
    if condition.min is not None:
        bounds.append(f"at least {condition.min:g}")
    if condition.max is not None:
        bounds.append(f"at most {condition.max:g}")
    age = f", given within the last {seconds_in_words(condition.max_age)}" if condition.max_age is not None else ""
    return f"its label {name!r} scores {' and '.join(bounds)} of 1{age}"


def _points(points: float) -> str:
    return f"{points:g} points"


def _between(below: _Bound | None, above: _Bound | None, said: Callable[[_Bound], str]) -> str:
    bounds = [f"{word} {said(bound)}" for word, bound in (("above", above), ("below", below)) if bound is not None]
    return " and ".join(bounds)


def _member(condition: MemberPredicate) -> str:
    what = _MEMBERS[condition.signal]
    if condition.signal in _NAMELESS:
        return f"{what} is one of those that the rule lists"
    if condition.in_set is not None:
        return f"{what} is in the list {condition.in_set!r}"
    return f"{what} is {' or '.join(condition.values or ())}"
