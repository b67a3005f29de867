"""Law 2: Snapshot = fold(ledger up to revision, journal up to edition, as_of), however it was reached."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.errors import StateError
from controls.policy import Policy, content_hash
from controls.policy import load as load_policy
from controls.proposals import ON_AUTHORS, ON_ITEMS, PLATFORM_ACTS
from controls.scopes import AgeClass, Audience, SurfaceKind
from ranking.errors import EditionGap
from ranking.fold import Fold
from ranking.graph import ItemGraph
from ranking.journal import AuthorChanged, Entry, ItemPublished, ItemWithdrawn, LabelGiven, ListPublished, RowGrown
from ranking.snapshot import Snapshot
from tests.unit.controls.office import experiment

NOW = 1_800_000_000
ITEMS = tuple(f"i{n}" for n in range(8))
AUTHORS = ("a0", "a1", "a2")
TOPICS = ("t0", "t1", "t2")
POLICY = load_policy(
    """{"name": "p", "rules": [
      {"id": "rumour", "tier": "restricted", "missing": "skip", "review_by": "2030-01-01",
       "when": {"signal": "label.rumour", "min": 0.5, "max_age": "40s"},
       "basis": {"kind": "terms", "clause": "1"}},
      {"id": "young", "tier": "encouraged", "missing": "skip", "review_by": "2030-01-01",
       "when": {"signal": "item.age", "below": "60s"}, "basis": {"kind": "terms", "clause": "2"}},
      {"id": "distrusted", "tier": "blocked", "missing": "apply", "review_by": "2030-01-01",
       "when": {"signal": "author.standing", "below": 20}, "basis": {"kind": "terms", "clause": "3"}}]}"""
)
GRAPH = ItemGraph.from_arrays(np.array([[1], [0]]), np.array([[1.0], [0.5]]), trainer="test")
seconds = st.integers(NOW, NOW + 200)

entries = st.one_of(
    st.builds(
        ItemPublished,
        id=st.sampled_from(ITEMS),
        author=st.sampled_from(AUTHORS),
        topics=st.lists(st.sampled_from(TOPICS), max_size=2, unique=True).map(tuple),
        published_at=seconds,
    ),
    st.builds(ItemWithdrawn, id=st.sampled_from(ITEMS)),
    st.builds(AuthorChanged, id=st.sampled_from(AUTHORS), standing=st.integers(0, 100)),
    st.builds(
        LabelGiven,
        item=st.sampled_from(ITEMS),
        name=st.just("rumour"),
        score=st.sampled_from([0.0, 0.5, 1.0]),
        given_by=st.just("model"),
        given_at=seconds,
    ),
    st.builds(
        ListPublished,
        name=st.just("popular"),
        pool=st.sampled_from(["home", "topic:t0"]),
        items=st.lists(st.sampled_from(ITEMS), max_size=4, unique=True).map(tuple),
    ),
    st.builds(
        RowGrown,
        item=st.sampled_from(ITEMS),
        neighbours=st.lists(st.sampled_from(ITEMS), max_size=4, unique=True).map(tuple),
        weights=st.lists(st.integers(1, 1024), min_size=4, max_size=4).map(tuple),
    ),
)
subjects = st.one_of(
    st.sampled_from(ITEMS).map(lambda name: Subject(SubjectKind.ITEM, name)),
    st.sampled_from(AUTHORS).map(lambda name: Subject(SubjectKind.AUTHOR, name)),
    st.sampled_from(TOPICS).map(lambda name: Subject(SubjectKind.TOPIC, name)),
)


@st.composite
def ledgers(draw: st.DrawFn) -> list[Decision]:
    decisions: list[Decision] = []
    for revision in range(1, draw(st.integers(0, 8)) + 1):
        kind = draw(st.sampled_from([t for t in DecisionType if t is not DecisionType.REVERSE or decisions]))
        starts = draw(seconds)
        decision = Decision(
            id=f"d{revision}",
            type=kind,
            subject=draw(subjects),
            actor="someone",
            role="editor",
            reason="because",
            basis=Basis("terms", "1"),
            decided_at=NOW,
            starts_at=starts,
            expires_at=draw(st.one_of(st.none(), st.integers(starts + 1, NOW + 250))),
            revision=revision,
        )
        if kind in ON_ITEMS:
            decision = replace(decision, subject=Subject(SubjectKind.ITEM, draw(st.sampled_from(ITEMS))))
        if kind in ON_AUTHORS:
            decision = replace(decision, subject=Subject(SubjectKind.AUTHOR, draw(st.sampled_from(AUTHORS))))
        parameters: dict[DecisionType, dict[str, object]] = {
            DecisionType.PIN: {"position": draw(st.integers(0, 3))},
            DecisionType.BOOST: {"factor": draw(st.sampled_from([0.25, 0.5, 2.0]))},
            DecisionType.PUBLISH_POLICY: {"policy": content_hash(POLICY)},
            DecisionType.ACTIVATE_MODEL: {"model": GRAPH.version},
            DecisionType.LABEL: {"name": "rumour", "score": draw(st.sampled_from([0.0, 1.0]))},
            DecisionType.CORRECT: {"notice": "corrected", "text": "So."},
            DecisionType.RESTRICT_AUTHOR: {"service": draw(st.sampled_from(["pre_review", "suspended"]))},
            DecisionType.STRIKE: {"points": draw(st.sampled_from([5, 90]))},
            DecisionType.VERIFY_IDENTITY: {"identity": "verified"},
            DecisionType.GRANT: {"person": "cleo", "power": "manager"},
            DecisionType.REVOKE: {"person": "cleo", "power": "manager"},
            DecisionType.START_EXPERIMENT: experiment("weights", {}, {"weight_click": draw(st.integers(0, 9))}),
            DecisionType.STOP_EXPERIMENT: {"experiment": f"d{draw(st.integers(1, 8))}"},
        }
        if kind is DecisionType.START_EXPERIMENT:
            decision = replace(decision, expires_at=decision.expires_at or NOW + 250)
        if kind in PLATFORM_ACTS:
            decision = replace(decision, subject=Subject(SubjectKind.PLATFORM, ""))
        if kind is DecisionType.REVERSE:
            target = draw(st.sampled_from(decisions))
            decision = replace(decision, subject=target.subject, reverses=target.id, expires_at=None)
        decisions.append(replace(decision, parameters=parameters.get(kind, {})))
    return decisions


def new_fold() -> Fold:
    def policies(digest: str) -> Policy:
        return {content_hash(POLICY): POLICY}[digest]

    return Fold(policies, lambda version: {GRAPH.version: GRAPH}[version])


def plain(snapshot: Snapshot) -> dict[str, object]:
    """Everything a Snapshot says, in plain values."""
    catalogue, governance = snapshot.catalogue, snapshot.governance
    resolved = {}
    for surface in SurfaceKind:
        for age in AgeClass:
            audience = Audience("DE", age)
            table = governance.table(audience, surface)
            resolved[surface, age] = (
                *(column[governance.class_of].tolist() for column in (table.eligible, table.tier, table.weight)),
                [table.effects[cls] for cls in governance.class_of],
                governance.pins(audience, surface),
                governance.featured(audience, surface).tolist(),
                governance.shares(audience, surface),
            )
    return {
        "position": (snapshot.revision, snapshot.edition, snapshot.as_of),
        "ids": list(catalogue.ids[: catalogue.rows]),
        "columns": [
            column.tolist()
            for column in (catalogue.topics, catalogue.published, catalogue.by_time, catalogue.gone, catalogue.author)
        ],
        "resolved": resolved,
        "governance": (governance.digest(), governance.policy, governance.model, governance.frozen),
        "popular": {pool: rows.tolist() for pool, rows in snapshot.popular.items()},
        "model": snapshot.model,
        "growth": [
            array.tolist()
            for array in (
                snapshot.growth.newcomers,
                snapshot.growth.rows,
                snapshot.growth.neighbours,
                snapshot.growth.weights,
                snapshot.growth.block,
            )
        ],
    }


@given(
    ledgers(), st.lists(st.lists(entries, max_size=4), max_size=6), st.lists(seconds, max_size=5).map(sorted), st.data()
)
def test_the_same_inputs_give_the_same_snapshot_in_whatever_steps_they_arrive(
    ledger: list[Decision], editions: list[list[Entry]], times: list[int], data: st.DataObject
) -> None:
    as_of = times[-1] if times else NOW
    at_once = new_fold()
    at_once.decide(ledger)
    for number, edition in enumerate(editions, 1):
        at_once.journal(number, edition)
    at_once.advance(as_of)

    step_by_step = new_fold()
    steps: list[tuple[str, int]] = [("decide", n) for n in range(len(ledger))]
    for kind, count in (("journal", len(editions)), ("advance", len(times))):
        for number in range(count):
            # Each kind keeps its own order; how the kinds interleave is free.
            floor = max((at for at, step in enumerate(steps) if step[0] == kind), default=-1) + 1
            steps.insert(data.draw(st.integers(floor, len(steps))), (kind, number))
    for kind, number in steps:
        if kind == "decide":
            step_by_step.decide([ledger[number]])
        elif kind == "journal":
            step_by_step.journal(number + 1, editions[number])
        else:
            step_by_step.advance(times[number])
        if data.draw(st.booleans()):
            step_by_step.snapshot()
    step_by_step.advance(as_of)

    assert plain(step_by_step.snapshot()) == plain(at_once.snapshot())


def test_gaps_and_steps_backwards_are_refused() -> None:
    fold = new_fold()
    with pytest.raises(EditionGap, match="edition 2 cannot follow 0"):
        fold.journal(2, [])
    fold.advance(NOW)
    with pytest.raises(StateError):
        fold.advance(NOW - 1)


def test_an_older_snapshot_is_not_changed_by_what_is_folded_later() -> None:
    fold = new_fold()
    fold.journal(1, [ItemPublished("i0", "a0", ("t0",), NOW), ItemPublished("i1", "a1", ("t0",), NOW)])
    fold.advance(NOW)
    before = fold.snapshot()
    said = plain(before)
    fold.journal(2, [ItemPublished("i0", "a2", ("t1",), NOW + 5), ItemPublished("i2", "a2", (), NOW)])
    fold.advance(NOW + 1)
    fold.snapshot()
    assert plain(before) == said
