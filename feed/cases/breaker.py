"""The breaker: a rule whose appeals are upheld too often turns to shadow, and somebody looks at it.

Judged by the lower bound of the Wilson interval of the share that was upheld, so that a few appeals do not condemn a
rule. The policy with that rule in shadow is published by the service's own account, an ordinary decision that can be
reversed; a rule is judged anew by the appeals that come after.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import anyio.to_thread
import structlog

from controls.authority import ADMIN, SERVICE_ROLE
from controls.cases import CaseKind
from controls.communities import prefix_of
from controls.decisions import Basis, DecisionType, Subject, SubjectKind
from controls.errors import ControlsError
from controls.governance import Governance
from controls.policy import Policy, canonical, content_hash
from controls.proposals import Proposal
from controls.scopes import Audience
from experiments.statistics import wilson
from feed.access.caller import Caller
from feed.bootstrap import Service
from feed.cases.appeals import overturned
from feed.cases.keeping import open_case
from feed.decisions.deciding import decide
from feed.storage.answers import durable
from feed.storage.register import Entry

ACTOR = Caller("weir", frozenset({ADMIN}), SERVICE_ROLE, Audience(), "weir")
"""The service itself."""

CATEGORY = "overturned-rule"
TRIPPED = "tripped"
"""The last second at which each rule was turned to shadow, by the rule's id."""

_DAY = 86_400
_BASIS = Basis("operations", "overturn rate")

_log = structlog.get_logger("weir")


async def look_at_rule(service: Service, rule: str) -> bool:
    """Turn a rule of the active policy, the platform's or a community's, to shadow if its appeals say so; returns
    whether it was."""
    now = service.clock.now()
    reason = await anyio.to_thread.run_sync(_against, service, rule, now)
    found = _policy_with(service.replica.latest().governance, rule) if reason else None
    policy = in_shadow(service.policies(found.version), found.rule) if found is not None else None
    if found is None or policy is None:
        return False
    opening = partial(
        open_case,
        service,
        CaseKind.REVIEW,
        Subject(SubjectKind.PLATFORM, rule),
        CATEGORY,
        reason,
        at=now,
        about={"community": found.community} if found.community else {},
    )
    await anyio.to_thread.run_sync(opening)
    await durable(service.store.policies.put(content_hash(policy), canonical(policy).decode(), now))
    proposal = Proposal(
        type=DecisionType.PUBLISH_POLICY,
        subject=Subject(SubjectKind.COMMUNITY, found.community) if found.community else None,
        reason=reason,
        basis=_BASIS,
        parameters={"policy": content_hash(policy)},
    )
    try:
        await decide(service, ACTOR, proposal, None)
    except ControlsError as refusal:
        _log.warning("a rule could not be turned to shadow; its review case is open", rule=rule, error=refusal.message)
        return False
    tripped = Entry(rule, "{}", at=now)
    await durable(service.store.register(TRIPPED).edit([rule], lambda stored: [tripped]))
    return True


@dataclass(frozen=True, slots=True)
class _Found:
    """The content hash of a policy in force, the community whose it is, and the id that a rule has in it."""

    version: str
    community: str
    rule: str


def _policy_with(governance: Governance, rule: str) -> _Found | None:
    """The policy in force that a rule of this name belongs to, if it has it."""
    for community, version in governance.community_policies.items():
        if rule.startswith(prefix_of(community)):
            return _Found(version, community, rule.removeprefix(prefix_of(community)))
    return _Found(governance.policy, "", rule) if governance.policy else None


def in_shadow(policy: Policy, rule: str) -> Policy | None:
    """The policy with one rule in shadow; None when it has no such rule that is live."""
    if not any(one.id == rule and one.mode == "live" for one in policy.rules):
        return None
    rules = tuple(one.model_copy(update={"mode": "shadow"}) if one.id == rule else one for one in policy.rules)
    return policy.model_copy(update={"rules": rules})


def _against(service: Service, rule: str, now: int) -> str:
    """What speaks against a rule; empty when too little does. Blocks."""
    settings = service.settings
    tripped = service.store.register(TRIPPED).get(rule)
    since = max(now - settings.overturn_days * _DAY, tripped.at + 1 if tripped is not None else 0)
    upheld, decided = overturned(service.store, rule, since)
    if not decided:
        return ""
    low = wilson(upheld, decided).low
    if low <= settings.overturn_limit:
        return ""
    return (
        f"rule {rule}: {upheld} of {decided} appeals were upheld, {low:.2f} or more of all by the lower bound of the "
        f"95 % interval, above {settings.overturn_limit:g}; it is in shadow until somebody has looked at it"
    )
