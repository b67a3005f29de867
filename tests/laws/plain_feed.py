"""What may stand on a page, in plain Python: items, labels, authors and decisions as they were told, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from controls.decisions import Decision, DecisionType
from controls.policy import Policy
from controls.scopes import Audience, SurfaceKind
from controls.verdicts import OPEN_SHARES, Shares
from ranking.journal import AuthorChanged, Entry, ItemPublished, ItemWithdrawn, LabelGiven
from ranking.page import Page
from ranking.reader import CONSUMED, EventKind, Mode, Reader, Request, Surface
from tests.laws.plain_governance import PlainVerdict, in_force, plain_verdict, policy_in_force
from tests.unit.controls.plain_columns import PlainItem

SOURCES = ("graph", "popular", "fresh", "editorial", "exploration", "pin")
TIERS = ("encouraged", "standard", "restricted", "blocked")
RESTRICTED = TIERS.index("restricted")


@dataclass
class Session:
    """A scroll under way: what its cursor carries."""

    surface: Surface
    audience: Audience
    served: list[int] = field(default_factory=list)
    tiers: list[int] = field(default_factory=list)


@dataclass
class PlainFeed:
    """The model. Rows are the places of ``ids``, in the order of first publication."""

    policies: dict[str, Policy]
    ids: list[str] = field(default_factory=list)
    items: dict[str, PlainItem] = field(default_factory=dict)
    labels: dict[str, dict[str, tuple[float, int]]] = field(default_factory=dict)
    authors: dict[str, AuthorChanged] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    as_of: int = 0

    def publish(self, batch: Sequence[Entry]) -> None:
        for entry in batch:
            if isinstance(entry, ItemPublished):
                if entry.id not in self.items:
                    self.ids.append(entry.id)
                self.items[entry.id] = PlainItem(
                    entry.id,
                    author=entry.author,
                    topics=entry.topics,
                    published_at=entry.published_at,
                    language=entry.language,
                    community=entry.community,
                )
            elif isinstance(entry, ItemWithdrawn) and entry.id in self.items:
                self.items[entry.id] = replace(self.items[entry.id], withdrawn=True)
            elif isinstance(entry, AuthorChanged):
                self.authors[entry.id] = entry
            elif isinstance(entry, LabelGiven):
                labels = self.labels.setdefault(entry.item, {})
                if entry.given_at >= labels.get(entry.name, (0.0, 0))[1]:
                    labels[entry.name] = (entry.score, entry.given_at)

    def verdict(self, item: str, session: Session) -> PlainVerdict:
        plain = self.items[item]
        author = self.authors.get(plain.author)
        known = replace(
            plain,
            labels=self.labels.get(item, {}),
            standing=None if author is None else float(author.standing),
            kind="" if author is None else author.kind,
        )
        kind = session.surface.kind
        return plain_verdict(known, self.decisions, self.policies, self.as_of, session.audience, kind)

    def shares(self) -> Shares:
        policy = policy_in_force(self.decisions, self.policies, self.as_of)
        if policy is None:
            return OPEN_SHARES
        return replace(OPEN_SHARES, restricted_max=int(policy.tiers.restricted.max_share * OPEN_SHARES.window))

    def acting(self, kind: DecisionType) -> list[Decision]:
        return [made for made in in_force(self.decisions, self.as_of) if made.type is kind]

    def look_at(self, page: Page, session: Session, reader: Reader, request: Request) -> None:
        """Assert all that law 5 promises of a page; the session does not hold it yet."""
        had = [self.ids[row] for row in session.served]
        placed = [self.ids[row] for row in page.rows]
        assert len(set(had + placed)) == len(had) + len(placed), "an item twice in one session"
        most, tiers = self.shares().restricted_max, list(session.tiers)
        window = self.shares().window
        for item, source, tier in zip(placed, page.sources.tolist(), page.tiers.tolist(), strict=True):
            verdict = self.verdict(item, session)
            assert verdict.eligible, f"{item} is served and may not be"
            assert SOURCES[source] in verdict.sources, f"{item} may not come from {SOURCES[source]}"
            assert TIERS[tier] == verdict.tier
            assert self.may_show(item, session, reader), f"{item} is not for this reader on this page"
            if tier == RESTRICTED:
                assert tiers[-(window - 1) :].count(RESTRICTED) < most, "more restricted items than allowed"
            tiers.append(tier)
        if len(placed) < request.limit:
            assert page.exhausted
            room = tiers[-(window - 1) :].count(RESTRICTED) < most
            left = [item for item in self.ids if item not in had + placed]
            missed = [item for item in left if self.should_show(item, session, reader, request, room)]
            assert not missed, f"a short page, though {missed} are in the pool"

    def may_show(self, item: str, session: Session, reader: Reader) -> bool:
        """Whether an item is of the page's pool and not excluded by the reader's choices."""
        plain, chosen, surface = self.items[item], reader.settings, session.surface
        inside = {
            SurfaceKind.HOME: True,
            SurfaceKind.TOPIC: surface.key in plain.topics,
            SurfaceKind.COMMUNITY: surface.key == plain.community,
            SurfaceKind.RELATED: surface.key != item,
        }[surface.kind]
        muted = plain.author in chosen.muted_authors or set(plain.topics).intersection(chosen.muted_topics)
        return inside and item not in chosen.hidden and not muted

    def should_show(self, item: str, session: Session, reader: Reader, request: Request, room: bool) -> bool:
        """Whether an item that is not shown would have had to fill a short page."""
        verdict = self.verdict(item, session)
        if not verdict.eligible or not self.may_show(item, session, reader):
            return False
        if verdict.tier == "restricted" and not room:
            return False
        if self.acting(DecisionType.FREEZE):
            return "editorial" in verdict.sources and any(
                made.subject.id == item and made.scope.covers(session.surface.kind, session.audience, restricting=False)
                for made in self.acting(DecisionType.FEATURE)
            )
        personal = request.mode is Mode.PERSONALIZED and session.surface.kind is not SurfaceKind.RELATED
        if personal and reader.settings.personalization:
            hidden = {int(line[0]) for line in reader.history if line[2] == EventKind.HIDE}
            consumed = {int(line[0]) for line in reader.seen if line[1] == CONSUMED}
            if self.ids.index(item) in hidden | consumed:
                return False
        return "fresh" in verdict.sources
