"""Law 5: no path serves a blocked item. Random items, decisions, policies, readers, modes, surfaces and cursors drive
the fold and ``rank()``; a plain-Python model, which shares nothing with them, looks at every page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.policy import Policy
from controls.scopes import Audience, Scope, SurfaceKind
from feed.pages.listing import items_json
from ranking.explanation import why
from ranking.fold import Fold
from ranking.graph import ItemGraph
from ranking.journal import AuthorChanged, Entry, ItemPublished, ItemWithdrawn, LabelGiven, ListPublished
from ranking.pipeline import rank
from ranking.reader import CONSUMED, Mode, Reader, Request, Settings, Surface
from tests.laws.governed_worlds import AUDIENCES, UNDOING, parameters, policies, rightly, scopes
from tests.laws.plain_feed import PlainFeed, Session
from tests.laws.small_worlds import Dice, int32s
from tests.unit.controls.building import policy
from tests.unit.controls.building import rule as policy_rule

pytestmark = pytest.mark.law

IDS = tuple(f"i{n}" for n in range(24))
AUTHORS, TOPICS, COMMUNITIES = ("", "x", "y"), ("s", "t"), ("", "c")
PLATFORM = (DecisionType.PUBLISH_POLICY, DecisionType.ACTIVATE_MODEL, DecisionType.FREEZE)
KINDS = (
    *DecisionType,
    *(DecisionType.PIN, DecisionType.FEATURE, DecisionType.BOOST, DecisionType.RESTORE, DecisionType.REVERSE),
    *(DecisionType.PIN, DecisionType.TAKEDOWN, DecisionType.PUBLISH_POLICY),
    *(DecisionType.LABEL, DecisionType.STRIKE, DecisionType.RELEASE, DecisionType.RESTRICT_AUTHOR),
)
"""Kinds of decisions, the more telling ones more often."""

STRICT = policy(
    policy_rule({"signal": "label.l", "min": 0.5}, id="rumour", tier="restricted"),
    policy_rule({"signal": "label.m", "max": 0.25}, id="spam", tier="blocked", scope={"surfaces": ["home"]}),
    policy_rule({"signal": "author.id", "in": ["x"]}, id="newcomer", tier="restricted", effect={"notice": "new"}),
    policy_rule({"signal": "item.age", "above": 30}, id="old", tier="blocked", scope={"audience": "minor"}),
    tiers={"restricted": {"max_share": 0.05, "weight": 0.4}},
)
KIND = policy(
    policy_rule({"signal": "topic", "in": ["s"]}, id="wanted", tier="encouraged"),
    policy_rule({"signal": "author.standing", "below": 60}, id="watched", tier="restricted", missing="skip"),
    tiers={"encouraged": {"min_share": 0.2, "max_share": 0.5, "weight": 1.3}, "restricted": {"max_share": 0.03}},
)

identifiers = st.sampled_from(IDS)
published = st.builds(
    ItemPublished,
    id=identifiers,
    author=st.sampled_from(AUTHORS),
    topics=st.lists(st.sampled_from(TOPICS), unique=True).map(tuple),
    published_at=st.integers(1, 40),
    language=st.sampled_from(("", "de")),
    community=st.sampled_from(COMMUNITIES),
)
withdrawn = st.builds(ItemWithdrawn, id=identifiers)
changed = st.builds(
    AuthorChanged,
    id=st.sampled_from(("x", "y")),
    standing=st.sampled_from((0, 50, 100)),
    kind=st.sampled_from(("", "person")),
)
labelled = st.builds(
    LabelGiven,
    item=identifiers,
    name=st.sampled_from(("l", "m")),
    score=st.sampled_from((0.0, 0.25, 0.5, 1.0)),
    given_by=st.just("a model"),
    given_at=st.integers(1, 40),
)
listed = st.builds(
    ListPublished,
    name=st.just("popular"),
    pool=st.sampled_from(("home", "topic:s")),
    items=st.lists(identifiers, unique=True).map(tuple),
)
entries: st.SearchStrategy[Entry] = st.one_of(published, published, withdrawn, changed, labelled, listed)
subjects = st.one_of(
    *([st.builds(Subject, st.just(SubjectKind.ITEM), identifiers)] * 5),
    st.builds(Subject, st.just(SubjectKind.AUTHOR), st.sampled_from(("x", "y"))),
    st.builds(Subject, st.just(SubjectKind.TOPIC), st.sampled_from(TOPICS)),
    st.builds(Subject, st.just(SubjectKind.COMMUNITY), st.just("c")),
)
surfaces = st.one_of(
    *([st.just(Surface())] * 3),
    st.builds(Surface, st.just(SurfaceKind.TOPIC), st.sampled_from(TOPICS)),
    st.just(Surface(SurfaceKind.COMMUNITY, "c")),
    st.builds(Surface, st.just(SurfaceKind.RELATED), identifiers),
)


class GovernedFeed(RuleBasedStateMachine):
    """The fold beside the model."""

    @initialize(
        other=policies(),
        first_policy=st.sampled_from(("strict", "kind", "other")),
        seed=st.integers(0, 2**32 - 1),
        first=st.lists(published, min_size=12, max_size=24, unique_by=lambda entry: entry.id),
    )
    def begin(self, other: Policy, first_policy: str, seed: int, first: list[Entry]) -> None:
        self.model = PlainFeed({"strict": STRICT, "kind": KIND, "other": other})
        self.fold = Fold(self.model.policies.__getitem__, {"v1": a_graph(Dice(seed), 12)}.__getitem__)
        self.sessions: list[Session] = []
        self.publish(first)
        self.decide(DecisionType.ACTIVATE_MODEL, parameters={"model": "v1"})
        self.decide(DecisionType.PUBLISH_POLICY, parameters={"policy": first_policy})

    def decide(self, kind: DecisionType, **fields: Any) -> None:
        made = Decision(
            id=f"d{len(self.model.decisions)}",
            type=kind,
            subject=Subject(SubjectKind.PLATFORM, ""),
            actor="ada",
            role="editor",
            reason="because",
            basis=Basis("terms", "4.2"),
            decided_at=self.model.as_of,
            starts_at=self.model.as_of,
            revision=len(self.model.decisions) + 1,
        )
        self.model.decisions.append(replace(made, **fields))
        self.fold.decide(self.model.decisions[-1:])

    @rule(batch=st.lists(entries, min_size=1, max_size=8))
    def publish(self, batch: list[Entry]) -> None:
        self.fold.journal(self.fold.edition + 1, batch)
        self.model.publish(batch)

    @rule(
        kind=st.sampled_from(KINDS),
        subject=subjects,
        scope=st.just(Scope()) | scopes,
        wait=st.sampled_from((0, 0, 0, 3)),
        lasts=st.none() | st.integers(1, 12),
        number=st.integers(0, 30),
        data=st.data(),
    )
    def somebody_decides(
        self,
        kind: DecisionType,
        subject: Subject,
        scope: Scope,
        wait: int,
        lasts: int | None,
        number: int,
        data: st.DataObject,
    ) -> None:
        start = self.model.as_of + (0 if kind in UNDOING else wait)
        ends = None if lasts is None or kind in UNDOING else start + lasts
        if kind is DecisionType.FREEZE:
            ends = start + 2
        if kind in PLATFORM:
            subject, scope = Subject(SubjectKind.PLATFORM, ""), Scope()
        subject = data.draw(rightly(kind, subject, IDS))
        given: dict[DecisionType, dict[str, object]] = {
            DecisionType.PIN: {"position": number % 6},
            DecisionType.PUBLISH_POLICY: {"policy": ("strict", "kind", "other")[number % 3]},
            DecisionType.ACTIVATE_MODEL: {"model": ("v1", "v1", "missing")[number % 3]},
        }
        target = f"d{number % len(self.model.decisions)}" if kind is DecisionType.REVERSE else None
        self.decide(
            kind,
            subject=subject,
            scope=scope,
            starts_at=start,
            expires_at=ends,
            parameters=given[kind] if kind in given else data.draw(parameters.get(kind, st.just({}))),
            reverses=target,
        )

    @rule(by=st.integers(1, 5))
    def time_passes(self, by: int) -> None:
        self.model.as_of += by
        self.fold.advance(self.model.as_of)

    @rule(
        surface=surfaces,
        audience=st.sampled_from(AUDIENCES),
        continued=st.none() | st.integers(0, 20),
        seed=st.integers(0, 2**32 - 1),
        modes=st.lists(st.sampled_from((Mode.PERSONALIZED, *Mode)), min_size=1, max_size=3),
        limit=st.integers(1, 12),
    )
    def pages_are_asked_for(
        self, surface: Surface, audience: Audience, continued: int | None, seed: int, modes: list[Mode], limit: int
    ) -> None:
        """Pages of a new session, or of one begun before whatever was decided since."""
        if continued is None or not self.sessions:
            self.sessions.append(Session(surface, audience))
        session = self.sessions[(continued or -1) % len(self.sessions)]
        reader = a_reader(Dice(seed), len(self.model.ids))
        for mode in modes:
            self.ask_for_a_page(session, reader, mode, limit, seed % len(self.model.ids))

    def ask_for_a_page(self, session: Session, reader: Reader, mode: Mode, limit: int, row: int) -> None:
        snapshot = self.fold.snapshot()
        tiers = np.array(session.tiers, dtype=np.uint8)
        request = Request(session.surface, session.audience, limit, mode, int32s(session.served), tiers)
        page = rank(snapshot, reader, request, snapshot.parameters)
        self.model.look_at(page, session, reader, request)
        objects = orjson.loads(items_json(page, snapshot, request))
        assert [one["id"] for one in objects] == [self.model.ids[row] for row in page.rows]
        for one in objects:
            verdict = self.model.verdict(one["id"], session)
            told = (one["tier"], tuple(one["notices"]), tuple(one["disabled"]))
            assert told == (verdict.tier, verdict.notices, verdict.disabled)
            assert all(self.model.verdict(named, session).eligible for named in one["reason"]["items"])
        answer = why(snapshot, reader, request, row, snapshot.parameters)
        assert answer["eligible"] == self.model.verdict(answer["id"], session).eligible
        named = [term["item"] for term in answer["contributions"] if term["item"] is not None]
        assert all(self.model.verdict(item, session).eligible for item in named)
        session.served += page.rows.tolist()
        session.tiers += page.tiers.tolist()


def a_graph(dice: Dice, rows: int) -> ItemGraph:
    neighbours = [dice.some([other for other in range(rows) if other != row], 6) for row in range(rows)]
    table = np.array([(line + [-1] * 6)[:6] for line in neighbours])
    weights = np.array([[dice.number(-5, 100) for _ in range(6)] for _ in range(rows)], dtype=np.float64)
    return ItemGraph.from_arrays(table, np.where(table < 0, 0.0, weights), trainer="drawn")


def a_reader(dice: Dice, rows: int) -> Reader:
    """A reader with any past and any explicit choices."""
    known = list(range(rows))
    history = [(dice.one(known), n, dice.number(1, 6 + dice.often(0.2))) for n in range(dice.one((0, 4, 12)))]
    seen = [(row, dice.one((CONSUMED, 1, 1, 3))) for row in dice.some(known, dice.one((0, 5)))]
    chosen = Settings(
        personalization=dice.often(0.8),
        hidden=tuple(dice.some(IDS, dice.one((0, 0, 2)))),
        muted_authors=dice.one(((), (), (), ("x",))),
        muted_topics=dice.one(((), (), (), ("t",))),
        more_topics=dice.one(((), ("s",))),
        less_topics=dice.one(((), (), ("s",))),
    )
    arrays = (np.array(history, dtype=np.int64).reshape(-1, 3), np.array(seen, dtype=np.int32).reshape(-1, 2))
    return Reader(*arrays, chosen)


GovernedFeed.TestCase.settings = settings(max_examples=120, stateful_step_count=50)
TestNoBlockedItemIsOnAnyPage = GovernedFeed.TestCase
