"""Drafts: policies that somebody proposes, and who approved them, in the register ``drafts`` (laws 4 and 9).

A draft is named by its content hash, so that what was approved is what is published. The text itself stands among the
policies of the store; the register tells whose it is. An approval is an entry of its own, so that each is erased with
its person.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from controls.authority import Principal, require
from controls.decisions import DecisionType
from controls.differences import differences
from controls.errors import NeedsApproval, PolicyError
from controls.lint import Finding, check_policy
from controls.policy import Policy
from feed.bootstrap import Service
from feed.errors import NotFound
from feed.schemas.policies import ChangeOut, DraftListOut, DraftOut, DraftSummaryOut, FindingOut
from feed.storage.ports.store import Store
from feed.storage.register import Entry, Register
from feed.storage.rules import NO_PERSONS

REGISTER = "drafts"
DRAFT, APPROVAL = "draft", "approval"
_APPROVED = "/approval"


def drafts_of(store: Store) -> Register:
    """The register of drafts and their approvals."""
    return store.register(REGISTER)


def stored(service: Service, version: str) -> Policy:
    """A stored policy; raises ``NotFound``. Blocks."""
    try:
        return service.policies(version)
    except KeyError:
        raise NotFound(f"no policy {version!r} is stored; store it with POST /v1/policy/drafts first") from None


def keep(service: Service, version: str, policy: Policy, principal: Principal) -> None:
    """Note whose draft it is; the first stays its maker. Blocks until it is durable."""
    made = Entry(
        id=version,
        content=orjson.dumps({"name": policy.name, "by": principal.subject}).decode(),
        state=DRAFT,
        subject=version,
        person=_person(principal.subject),
        at=service.clock.now(),
    )
    drafts_of(service.store).edit([version], lambda found: [] if found else [made]).result()


def approve(service: Service, version: str, principal: Principal) -> None:
    """Approve a draft as a second person; raises ``NeedsApproval`` for its maker and ``PolicyError`` for one that
    cannot be published. Approving again renews the approval. Blocks until it is durable."""
    require(principal, DecisionType.PUBLISH_POLICY)
    policy, now = stored(service, version), service.clock.now()
    draft = drafts_of(service.store).get(version)
    if draft is not None and _by(draft) == principal.subject:
        raise NeedsApproval("nobody approves their own draft; have somebody else approve it")
    fatal = [finding.problem for finding in check_policy(policy, now) if finding.fatal]
    if fatal:
        raise PolicyError(fatal)
    content = {"by": principal.subject, "role": principal.role, "scopes": sorted(principal.scopes)}
    made = Entry(
        id=version + _APPROVED,
        content=orjson.dumps(content).decode(),
        state=APPROVAL,
        subject=version,
        person=_person(principal.subject),
        at=now,
        due_at=now + service.settings.approval_hours * 3600,
    )
    drafts_of(service.store).edit([made.id], lambda found: [made]).result()


def approver_of(service: Service, version: str) -> Principal | None:
    """Who approved a draft, while the approval holds. Blocks."""
    entry = drafts_of(service.store).get(version + _APPROVED)
    if entry is None or entry.due_at <= service.clock.now():
        return None
    told = orjson.loads(entry.content)
    return Principal(told["by"], frozenset(told["scopes"]), told["role"])


def told(
    service: Service, version: str, findings: Sequence[Finding] | None = None, against: str | None = None
) -> DraftOut:
    """A draft with its findings and what it changes, of the policy in force or another. Blocks."""
    policy, now = stored(service, version), service.clock.now()
    snapshot = service.replica.latest()
    if findings is None:
        findings = check_policy(policy, now, frozenset(snapshot.catalogue.labels))
    base = snapshot.governance.policy if against is None else against
    changes = differences(stored(service, base) if base else Policy(name=policy.name), policy)
    draft = drafts_of(service.store).get(version)
    approval = drafts_of(service.store).get(version + _APPROVED)
    holds = approval is not None and approval.due_at > now
    return DraftOut(
        version=version,
        active=snapshot.governance.policy == version,
        findings=[_finding(finding) for finding in findings],
        name=policy.name,
        by=_by(draft) if draft is not None else "",
        at=draft.at if draft is not None else 0,
        approved_by=_by(approval) if approval is not None and holds else "",
        approved_until=approval.due_at if approval is not None and holds else None,
        against=base,
        changes=[ChangeOut(change.kind, change.where, change.old, change.new) for change in changes],
    )


def listed(service: Service, limit: int, after: str) -> DraftListOut:
    """A page of drafts, newest first; ``after`` is where the page before ended. Blocks."""
    at, _, id = after.partition(".")
    found = drafts_of(service.store).find(state=DRAFT, after=(int(at), id) if after else None, limit=limit)
    active = service.replica.latest().governance.policy
    shown = [
        DraftSummaryOut(entry.id, str(orjson.loads(entry.content)["name"]), _by(entry), entry.at, entry.id == active)
        for entry in found
    ]
    following = f"{found[-1].at}.{found[-1].id}" if len(found) == limit else None
    return DraftListOut(shown, following)


def _finding(finding: Finding) -> FindingOut:
    problem = finding.problem
    severity = "error" if finding.fatal else "warning"
    return FindingOut(severity, problem.path, problem.line, problem.message, problem.remedy)


def _by(entry: Entry) -> str:
    return str(orjson.loads(entry.content)["by"])


def _person(subject: str) -> str:
    return "" if subject in NO_PERSONS else subject
