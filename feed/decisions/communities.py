"""Communities as the service keeps them, and what their founders and managers decide in them (law 12).

Who holds a power there is told by the ledger; a register holds the community's name and description alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import orjson

from controls.authority import Principal
from controls.cases import CaseKind
from controls.decisions import DecisionType, Subject, SubjectKind
from controls.delegation import FOUNDER, MANAGER, delegated
from controls.proposals import Proposal
from feed.bootstrap import Service
from feed.cases.keeping import open_case
from feed.errors import NotFound
from feed.schemas.communities import CommunityOut
from feed.storage.register import Entry, Register

ESCALATED = "community-escalation"
"""Category of what a community hands to the platform."""


@dataclass(frozen=True, slots=True)
class Community:
    """What a community says of itself."""

    name: str
    description: str = ""


def register_of(service: Service) -> Register:
    """The register of communities."""
    return service.store.register("communities")


def found(service: Service, community: str) -> Community:
    """A community; raises ``NotFound``. Blocks."""
    entry = register_of(service).get(community)
    if entry is None:
        raise NotFound(f"no community {community!r} is known; check the id")
    return Community(**orjson.loads(entry.content))


def describe(service: Service, community: str, said: Community, now: int) -> None:
    """Store what a community says of itself. Blocks until it is durable."""
    content = orjson.dumps(asdict(said)).decode()

    def edit(stored: Mapping[str, Entry]) -> list[Entry]:
        before = stored.get(community)
        return [Entry(community, content, at=now if before is None else before.at)]

    register_of(service).edit([community], edit).result()


def powers(service: Service, community: str, person: str) -> frozenset[str]:
    """What somebody may do in a community, by the grants in force."""
    held = service.replica.latest().governance.grants(SubjectKind.COMMUNITY, community)
    return frozenset(grant.power for grant in held if grant.person == person)


def shown(service: Service, community: str, said: Community) -> CommunityOut:
    """A community as the wire shows it."""
    governance = service.replica.latest().governance
    held = governance.grants(SubjectKind.COMMUNITY, community)
    return CommunityOut(
        id=community,
        name=said.name,
        description=said.description,
        founders=sorted({grant.person for grant in held if grant.power == FOUNDER}),
        managers=sorted({grant.person for grant in held if grant.power == MANAGER}),
        policy=governance.community_policies.get(community, ""),
    )


def as_made_here(service: Service, community: str, person: str, proposal: Proposal) -> tuple[Proposal, Principal]:
    """A proposal as somebody may make it in a community; raises what ``controls.delegation`` refuses. Blocks."""
    target = service.store.ledger.by_id(proposal.reverses) if proposal.reverses else None
    return delegated(
        proposal,
        person,
        community,
        powers(service, community, person),
        inside=lambda item: belongs(service, community, item),
        target=target if proposal.type is DecisionType.REVERSE else None,
    )


def belongs(service: Service, community: str, item: str) -> bool:
    """Whether an item is the community's."""
    catalogue = service.replica.latest().catalogue
    row = catalogue.row_of(item)
    return row >= 0 and community in catalogue.words_at("community", row)


def escalate(service: Service, community: str, item: str, reason: str, now: int) -> str:
    """Hand an item to the platform's moderators; the case's id. Blocks until it is durable."""
    subject = Subject(SubjectKind.ITEM, item)
    return open_case(service, CaseKind.REVIEW, subject, ESCALATED, reason, at=now, about={"community": community})
