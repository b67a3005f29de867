"""Stating in the service: what a statement says of an item, a rule or a decision, read from the store (law 9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

import orjson

from controls.authority import SERVICE_ROLE
from controls.communities import confined, prefix_of
from controls.decisions import Basis, Decision
from controls.dsa import AutomatedDecision, ContentType, SourceType, YesNo
from controls.governance import Governance
from controls.policy import Policy, Rule, Tiers
from controls.restrictions import Holding, Restriction
from controls.rule_words import rule_in_words
from controls.statements import StatementFields
from controls.stating import ACCOUNT_ACTS, Concerned, Desk, Reasons, act_stated, restriction_stated
from feed.settings import Settings
from feed.storage.ports.store import Store
from feed.storage.records import AuthorRecord, ItemRecord

_CASE = "case:"
_SOURCES = {"report": SourceType.ARTICLE_16, "order": SourceType.OTHER_NOTIFICATION}
_NOBODY = AuthorRecord("")
_UNKNOWN = ItemRecord("")


def puid_of_act(decision: Decision) -> str:
    """The name of the statement of an act on an author: the same whenever it is worked out."""
    return f"a{decision.starts_at:010x}{blake2b(decision.id.encode(), digest_size=11).hexdigest()}"


def desk_of(settings: Settings) -> Desk:
    """What statements take from the operator."""
    types = tuple(ContentType[word] for word in settings.content_types)
    return Desk(settings.statement_categories or {}, types, settings.content_type_other)


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a cause, and the decision that it is, if it is one."""

    reasons: Reasons
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Stater:
    """Makes statements. ``policies`` gives a policy by content hash, ``governance`` what is in force. Blocks."""

    store: Store
    policies: Callable[[str], Policy]
    governance: Callable[[], Governance]
    desk: Desk

    def cause(self, held: Holding) -> Told:
        """What is told of a cause in every statement that is owed for it."""
        if held.kind != "decision":
            return Told(self._of_rule(held.id))
        decision = self.store.ledger.by_id(held.id)
        return Told(_unexplained(held.id) if decision is None else self._of_decision(decision), decision)

    def restriction(
        self, restriction: Restriction, told: Told, item: ItemRecord | None, author: AuthorRecord | None
    ) -> tuple[StatementFields | None, str]:
        """The fields of a Restriction's statement, and its puid. No fields where an act on the author caused it: then
        the statement of that act is the Restriction's, too."""
        decision = told.decision
        if decision is not None and decision.type in ACCOUNT_ACTS:
            return None, puid_of_act(decision)
        item, author = item or _UNKNOWN, author or _NOBODY
        names = _named([restriction.item, item.author, author.name, *_persons(decision)])
        concerned = Concerned(item.published_at, item.language, author.kind, names)
        return restriction_stated(restriction, told.reasons, concerned, self.desk, decision=decision), restriction.id

    def act(self, decision: Decision) -> StatementFields:
        """The statement of an act on an author."""
        author = self.store.items.author(decision.subject.id) or _NOBODY
        names = _named([decision.subject.id, author.name, *_persons(decision)])
        concerned = Concerned(author_kind=author.kind, names=names)
        return act_stated(decision, self._of_decision(decision), concerned, self.desk, puid=puid_of_act(decision))

    def _of_rule(self, id: str) -> Reasons:
        policy = self._policy_with(id)
        rule: Rule | None = next((one for one in policy.rules if one.id == id), None) if policy is not None else None
        if policy is None or rule is None:
            return _unexplained(id)
        basis = Basis("terms", f"rule {id}")
        if rule.basis is not None:
            basis = Basis(rule.basis.kind, rule.basis.clause, rule.basis.url, rule.basis.category)
        why = f"Rule {id!r} of {policy.name!r}. {rule_in_words(rule, policy.tiers)}"
        return Reasons(basis, why, AutomatedDecision.FULLY, YesNo.YES)

    def _policy_with(self, id: str) -> Policy | None:
        """The policy in force that a rule of this name belongs to: the platform's, or a community's."""
        governance = self.governance()
        platform = self.policies(governance.policy) if governance.policy else None
        for community, version in governance.community_policies.items():
            if id.startswith(prefix_of(community)):
                tiers = platform.tiers if platform is not None else Tiers()
                return confined(self.policies(version), community, tiers)
        return platform

    def _of_decision(self, decision: Decision) -> Reasons:
        by_itself = decision.role == SERVICE_ROLE
        automated = AutomatedDecision.FULLY if by_itself else AutomatedDecision.NOT
        detected = YesNo.YES if by_itself else YesNo.NO
        return Reasons(decision.basis, decision.reason, automated, detected, self._source(decision))

    def _source(self, decision: Decision) -> SourceType:
        """Whether a notice or an order led to a decision: told by the case that it was made in."""
        cases = [piece.removeprefix(_CASE) for piece in decision.evidence if piece.startswith(_CASE)]
        entry = self.store.register("cases").get(cases[-1]) if cases else None
        if entry is None:
            return SourceType.VOLUNTARY
        told = orjson.loads(entry.content)
        kind = str(told.get("kind", "")) if isinstance(told, Mapping) else ""
        return _SOURCES.get(kind, SourceType.VOLUNTARY)


def _unexplained(id: str) -> Reasons:
    """Of a rule that is no longer part of the policy, and of a decision that cannot be read."""
    return Reasons(Basis("terms", f"rule {id}"), f"Rule {id!r} of the policy.", AutomatedDecision.FULLY, YesNo.YES)


def _persons(decision: Decision | None) -> list[str]:
    return [decision.actor, decision.approved_by or "", decision.subject.id] if decision is not None else []


def _named(names: list[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name)
