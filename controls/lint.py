"""Lint: what is wrong with a policy that is well-formed, each finding with what, where, why and how to fix (law 9).

A *fatal* finding keeps a policy from being published; the others are advice.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from controls.compile import session_shares
from controls.conditions import LabelPredicate, MemberPredicate
from controls.documents import Path, line_of, read
from controls.errors import PolicyError, Problem
from controls.policy import Policy, Rule, predicates, validated
from controls.reasoning import alternatives, implies
from controls.scopes import EVERYWHERE, Scope
from controls.signals import LABEL_PREFIX
from controls.tiers import Tier
from controls.verdicts import OPEN_SHARES


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: ``kind`` is a stable slug, ``where`` a path into the document (with its line where known)."""

    kind: str
    fatal: bool
    where: Path
    line: int | None
    what: str
    why: str
    fix: str

    @property
    def problem(self) -> Problem:
        """The finding as a :class:`controls.errors.Problem`."""
        return Problem(".".join(map(str, self.where)), self.line, f"{self.what}; {self.why}", self.fix)


def lint(text: str, now: int, labels: frozenset[str] | None = None) -> list[Finding]:
    """Everything found in a policy text, in document order; what cannot be read at all is found too."""
    try:
        document, lines = read(text)
        policy = validated(document, lines)
    except PolicyError as error:
        why = "a policy that cannot be read is refused, and the old one stays in force"
        return [
            Finding("invalid", True, tuple(p.path.split(".")) if p.path else (), p.line, p.message, why, p.remedy)
            for p in error.problems
        ]
    return check_policy(policy, now, labels, lines)


def check_policy(
    policy: Policy, now: int, labels: frozenset[str] | None = None, lines: Mapping[Path, int] | None = None
) -> list[Finding]:
    """Everything found in a policy at second ``now``, in document order. ``labels`` are the names of labels in use;
    None skips that check."""
    known = lines or {}
    found = [*_shares(policy), *_sets(policy)]
    for index, rule in enumerate(policy.rules):
        where: Path = ("rules", index)
        found += [
            *_grounds(rule, where, now),
            *_missing(rule, where),
            *_held(rule, where),
            *_capped(rule, where),
            *_truth(policy, rule, where),
        ]
        found += [*_labels(rule, where, labels), *_shadowed(policy, index, where)]
    return [
        Finding(f.kind, f.fatal, f.where, line_of(f.where, known) if known else None, f.what, f.why, f.fix)
        for f in found
    ]


def _finding(kind: str, where: Path, what: str, why: str, fix: str, *, fatal: bool = True) -> Finding:
    return Finding(kind, fatal, where, None, what, why, fix)


def _shares(policy: Policy) -> Iterator[Finding]:
    tier, where = policy.tiers.encouraged, ("tiers", "encouraged", "min_share")
    shares = session_shares(policy)
    if tier.min_share > tier.max_share:
        yield _finding(
            "shares-do-not-fit",
            where,
            f"min_share {tier.min_share:g} is above max_share {tier.max_share:g}",
            "no page can keep both, and the maximum would win every time",
            "lower min_share or raise max_share",
        )
    elif tier.min_share > shares.encouraged_min / shares.window:
        yield _finding(
            "shares-do-not-fit",
            where,
            f"of a session's {shares.window} items, max_share {tier.max_share:g} leaves {shares.encouraged_max}",
            f"min_share {tier.min_share:g} can then never be kept",
            f"raise max_share so that {shares.window} items hold one more",
        )
    rules = [rule for rule in policy.rules if rule.mode == "live" and rule.tier == "encouraged"]
    if tier.min_share > 0 and not rules:
        yield _finding(
            "shares-do-not-fit",
            where,
            "min_share asks for encouraged items, and no live rule encourages any",
            "the minimum would be reported as missed on every page",
            "add a rule with tier encouraged, or remove min_share",
            fatal=False,
        )


def _capped(rule: Rule, where: Path) -> Iterator[Finding]:
    window = OPEN_SHARES.window
    if rule.effect.max_share * window < 1:
        yield _finding(
            "share-shows-nothing",
            (*where, "effect", "max_share"),
            f"max_share {rule.effect.max_share:g} of a session's {window} items is less than one item",
            "what the rule matches is then shown to nobody, which the rule does not say",
            f"raise max_share to {1 / window:g} at least, or write hold: true",
            fatal=False,
        )


def _sets(policy: Policy) -> Iterator[Finding]:
    tests = [p for rule in policy.rules for p in predicates(rule.when) if isinstance(p, MemberPredicate)]
    used = {p.in_set for p in tests}
    for name, values in policy.sets.items():
        if not values:
            what, why = f"the set {name!r} is empty", "a predicate that tests it never holds"
            yield _finding("empty-set", ("sets", name), what, why, "add values to it", fatal=False)
        elif name not in used:
            what, why = f"no rule tests the set {name!r}", "it looks like a rule was forgotten"
            yield _finding("unused-set", ("sets", name), what, why, "test it, or remove it", fatal=False)


def _grounds(rule: Rule, where: Path, now: int) -> Iterator[Finding]:
    fatal = rule.mode == "live"
    if rule.basis is None:
        yield _finding(
            "missing-basis",
            where,
            f"rule {rule.id!r} has no basis",
            "every restriction and placement must name its ground, or nobody can appeal it",
            "add basis: {kind: terms, clause: ...}",
            fatal=fatal,
        )
    if rule.review_by is None:
        yield _finding(
            "missing-review-date",
            where,
            f"rule {rule.id!r} has no review date",
            "every act has an end or is looked at again",
            "add review_by: YYYY-MM-DD",
            fatal=fatal,
        )
    elif rule.review_by <= datetime.datetime.fromtimestamp(now, datetime.UTC).date():
        yield _finding(
            "review-overdue",
            (*where, "review_by"),
            f"the review of rule {rule.id!r} was due on {rule.review_by}",
            "a rule that nobody looks at again outlives its reason",
            "review it and set a later date",
            fatal=False,
        )


def _missing(rule: Rule, where: Path) -> Iterator[Finding]:
    if rule.tier == "blocked" and rule.missing == "skip":
        yield _finding(
            "blocked-skips",
            (*where, "missing"),
            f"rule {rule.id!r} blocks, and skips items whose signal is missing",
            "controls fail closed: what has not been looked at yet would be shown",
            "use missing: hold, or apply",
        )


def _held(rule: Rule, where: Path) -> Iterator[Finding]:
    if rule.tier == "encouraged" and rule.effect.hold:
        yield _finding(
            "encourages-what-it-holds",
            (*where, "effect", "hold"),
            f"rule {rule.id!r} encourages items and holds them",
            "what is held is shown to nobody, so the minimum share of its tier waits in vain",
            "remove hold, or the tier",
            fatal=False,
        )


def _truth(policy: Policy, rule: Rule, where: Path) -> Iterator[Finding]:
    ways = alternatives(rule.when, policy.sets)
    if ways is None or all(way.possible for way in ways):
        return
    if any(way.possible for way in ways):
        what, why = f"a part of rule {rule.id!r} can never be true", "it looks like a slip in a bound or a list"
        fix = "correct the bounds and lists that contradict one another, or remove that part"
        yield _finding("contradiction", (*where, "when"), what, why, fix, fatal=False)
    else:
        what, why = f"rule {rule.id!r} can never be true", "it would protect nobody and look as if it did"
        fix = "correct the bounds and lists that contradict one another, or remove the rule"
        yield _finding("never-true", (*where, "when"), what, why, fix)


def _labels(rule: Rule, where: Path, labels: frozenset[str] | None) -> Iterator[Finding]:
    tested = {predicate.signal.removeprefix(LABEL_PREFIX) for predicate in _labels_of(rule)}
    for name in sorted(tested - labels) if labels is not None else ():
        yield _finding(
            "unknown-signal",
            (*where, "when"),
            f"rule {rule.id!r} tests the label {name!r}, which no item has",
            f"the signal is missing everywhere, so the rule will {rule.missing}",
            "correct the name, or start the classifier that gives the label",
            fatal=False,
        )


def _shadowed(policy: Policy, index: int, where: Path) -> Iterator[Finding]:
    rule = policy.rules[index]
    for place, other in enumerate(policy.rules):
        if place == index or not _redundant(rule, other, policy):
            continue
        # Of two rules that say the same, the later one is the one too many.
        if place < index or not _redundant(other, rule, policy):
            yield _finding(
                "shadowed",
                where,
                f"rule {rule.id!r} changes nothing: wherever it holds, {other.id!r} holds and is as strict",
                "a rule without effect misleads whoever reads the policy",
                f"narrow {other.id!r}, remove {rule.id!r}, or give it an effect of its own",
                fatal=False,
            )
            return


def _redundant(rule: Rule, other: Rule, policy: Policy) -> bool:
    """Whether ``other`` leaves ``rule`` without any effect of its own, wherever ``rule`` holds."""
    if other.mode == "shadow" or rule.mode == "shadow" or not _contains(other.scope.scope, rule.scope.scope):
        return False
    effect, own = other.effect, rule.effect
    if other.tier == "blocked":
        idle = rule.missing == "skip" or other.missing != "skip"
    else:
        as_strict = Tier.from_word(other.tier) >= Tier.from_word(rule.tier)
        as_broad = rule.missing == "skip" or rule.missing == other.missing == "apply"
        shown = own.notice in (None, effect.notice) and set(own.disable) <= set(effect.disable)
        kept = (effect.hold or not own.hold) and own.age_gate in (None, effect.age_gate)
        kept = kept and own.sensitive in (None, effect.sensitive)
        kept = kept and effect.max_share <= own.max_share
        idle = as_strict and as_broad and shown and kept and own.weight == 1
    return idle and (rule.missing == "skip" or _as_stale(rule, other)) and implies(rule.when, other.when, policy.sets)


def _as_stale(rule: Rule, other: Rule) -> bool:
    """Whether every label that is too old for ``rule``, and so missing, is too old for ``other`` as well."""
    oldest = {p.signal: p.max_age for p in _labels_of(other)}
    for predicate in _labels_of(other):
        age, known = predicate.max_age, oldest[predicate.signal]
        oldest[predicate.signal] = None if age is None or known is None else max(age, known)
    return all(
        (bound := oldest.get(p.signal, 0)) is not None and bound <= p.max_age
        for p in _labels_of(rule)
        if p.max_age is not None
    )


def _labels_of(rule: Rule) -> list[LabelPredicate]:
    return [p for p in predicates(rule.when) if isinstance(p, LabelPredicate)]


def _contains(outer: Scope, inner: Scope) -> bool:
    return (
        (EVERYWHERE in outer.surfaces or set(inner.surfaces) <= set(outer.surfaces))
        and (EVERYWHERE in outer.regions or set(inner.regions) <= set(outer.regions))
        and outer.audience in ("any", inner.audience)
    )
