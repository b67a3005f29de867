"""Strategies for small governed worlds: few names, so that items, rules and decisions meet often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.governance import Governance
from controls.policy import Policy, validated
from controls.proposals import ON_AUTHORS, ON_ITEMS, ON_POWERS, PLATFORM_ACTS
from controls.scopes import AgeClass, Audience, Scope, Sensitive, SurfaceKind
from tests.laws.plain_governance import SOURCES, PlainVerdict
from tests.unit.controls.office import experiment
from tests.unit.controls.plain_columns import PlainItem

LAST = 40
"""All seconds lie in 0..LAST."""

IDS = ("i0", "i1", "i2", "i3", "i4")
AUTHORS, TOPICS, COMMUNITIES = ("", "x", "y"), ("s", "t"), ("", "c")
AUDIENCES = (
    Audience("DE", AgeClass.ADULT),
    Audience("DE", AgeClass.MINOR),
    Audience("FR", AgeClass.UNKNOWN),
    Audience("*", AgeClass.ADULT),
    Audience(),
    Audience("DE", AgeClass.ADULT, sensitive=Sensitive.HIDE),
    Audience("DE", AgeClass.MINOR, sensitive=Sensitive.SHOW),
    Audience("FR", AgeClass.ADULT, sensitive=Sensitive.WARN),
)
SURFACES = (SurfaceKind.HOME, SurfaceKind.TOPIC)
POLICIES = ("p1", "p2", "p3")
CHOICES = ("hide", "warn", "show")

seconds = st.integers(0, LAST)
scores = st.sampled_from([0.0, 0.25, 0.5, 1.0])
scopes = st.builds(
    Scope,
    surfaces=st.sampled_from([("*",), ("home",)]),
    regions=st.sampled_from([("*",), ("DE",), ("FR", "IT")]),
    audience=st.sampled_from(["any", "any", "adult", "minor"]),
)


def item(name: str) -> st.SearchStrategy[PlainItem]:
    """One state of an item."""
    return st.builds(
        PlainItem,
        id=st.just(name),
        author=st.sampled_from(AUTHORS),
        topics=st.sets(st.sampled_from(TOPICS)).map(lambda found: tuple(sorted(found))),
        published_at=seconds,
        language=st.sampled_from(("", "de")),
        community=st.sampled_from(COMMUNITIES),
        labels=st.dictionaries(st.sampled_from(("l", "m")), st.tuples(scores, seconds)),
        standing=st.sampled_from([None, 0.0, 50.0, 100.0]),
        kind=st.sampled_from(("", "person")),
        identity=st.sampled_from(("", "", "known")),
        withdrawn=st.sampled_from([False, False, False, True]),
    )


worlds = st.tuples(*(item(name) for name in IDS))
"""One state of all items."""

predicates: st.SearchStrategy[Mapping[str, Any]] = st.one_of(
    st.builds(lambda low: {"signal": "label.l", "min": low}, scores),
    st.builds(lambda high, age: {"signal": "label.m", "max": high, "max_age": age}, scores, st.integers(1, 20)),
    st.builds(lambda points: {"signal": "author.standing", "below": points}, st.sampled_from([1, 50, 51])),
    st.builds(lambda age: {"signal": "item.age", "above": age}, st.integers(1, 20)),
    st.builds(lambda age: {"signal": "item.age", "below": age}, st.integers(1, 20)),
    st.builds(lambda names: {"signal": "topic", "in": names}, st.sampled_from([["s"], ["t"], ["s", "t"]])),
    st.sampled_from(
        [
            {"signal": "topic", "in_set": "some"},
            {"signal": "author.id", "in": ["x"]},
            {"signal": "author.kind", "in": ["person"]},
            {"signal": "author.identity", "in": ["known"]},
            {"signal": "author.identity", "in": ["sworn", "known"]},
            {"signal": "item.id", "in": ["i1", "i2"]},
            {"signal": "community", "in": ["c"]},
            {"signal": "language", "in": ["de"]},
        ]
    ),
)
conditions = st.recursive(
    predicates,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=5,
)
rules = st.fixed_dictionaries(
    {
        "tier": st.sampled_from(["encouraged", "standard", "restricted", "restricted", "blocked"]),
        "when": conditions,
        "missing": st.sampled_from(["apply", "skip", "hold"]),
        "mode": st.sampled_from(["live", "live", "live", "shadow"]),
        "scope": st.fixed_dictionaries(
            {
                "surfaces": st.sampled_from([["*"], ["home"]]),
                "regions": st.sampled_from([["*"], ["DE"]]),
                "audience": st.sampled_from(["any", "adult", "minor"]),
            }
        ),
        "effect": st.fixed_dictionaries(
            {"weight": st.sampled_from([1.0, 0.3, 0.05, 1.7])},
            optional={
                "notice": st.sampled_from(["n1", "n2"]),
                "disable": st.sampled_from([["share"], ["like", "share"]]),
                "age_gate": st.just("adult"),
                "hold": st.booleans(),
                "sensitive": st.fixed_dictionaries(
                    {"notice": st.sampled_from(["n1", "n3"])},
                    optional={"unchosen": st.sampled_from(CHOICES), "minors": st.sampled_from(CHOICES)},
                ),
            },
        ),
    }
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """A policy of up to four rules; the same rules may come back in another policy."""
    drawn = draw(st.lists(rules, max_size=4))
    document = {
        "name": "a policy",
        "tiers": {
            "encouraged": {"weight": draw(st.sampled_from([1.0, 1.3, 4.0]))},
            "restricted": {
                "weight": draw(st.sampled_from([0.4, 1.0])),
                "sources": draw(st.sampled_from([["graph"], ["graph", "pin"]])),
            },
        },
        "sets": {"some": ["t"]},
        "rules": [{"id": f"r{number}"} | rule for number, rule in enumerate(drawn)],
    }
    return validated(document)


books = st.fixed_dictionaries({name: policies() for name in POLICIES})
"""Policies by the names under which decisions publish them."""

subjects = st.one_of(
    st.builds(Subject, st.just(SubjectKind.ITEM), st.sampled_from((*IDS, "never"))),
    st.builds(Subject, st.just(SubjectKind.AUTHOR), st.sampled_from(("x", "y"))),
    st.builds(Subject, st.just(SubjectKind.TOPIC), st.sampled_from(TOPICS)),
    st.builds(Subject, st.just(SubjectKind.COMMUNITY), st.just("c")),
)

JOINING = (
    *(DecisionType.SUPPRESS, DecisionType.TAKEDOWN, DecisionType.BOOST, DecisionType.PIN, DecisionType.FEATURE),
    *(DecisionType.LABEL, DecisionType.RESTRICT, DecisionType.CORRECT, DecisionType.RELEASE, DecisionType.GRANT),
    *(DecisionType.RESTRICT_AUTHOR, DecisionType.STRIKE, DecisionType.VERIFY_IDENTITY),
)
UNDOING = (DecisionType.REVERSE, DecisionType.RESTORE, DecisionType.REVOKE, DecisionType.STOP_EXPERIMENT)


@st.composite
def ledgers(draw: st.DrawFn, kinds: tuple[DecisionType, ...] = tuple(DecisionType), most: int = 8) -> list[Decision]:
    """Decisions with ids d0, d1, … and no revision yet."""
    return [draw(decisions(f"d{number}", kinds)) for number in range(draw(st.integers(0, most)))]


@st.composite
def decisions(draw: st.DrawFn, name: str, kinds: tuple[DecisionType, ...]) -> Decision:
    """One decision; what it reverses may be any of d0..d7, itself and later ones included."""
    kind = draw(st.sampled_from(kinds))
    subject = Subject(SubjectKind.PLATFORM, "") if kind in PLATFORM_ACTS else draw(subjects)
    subject = draw(rightly(kind, subject, (*IDS, "never")))
    start = draw(seconds)
    made = Decision(
        id=name,
        type=kind,
        subject=subject,
        actor="ada",
        role="editor",
        reason="because",
        basis=Basis("terms", "4.2"),
        decided_at=draw(st.integers(0, 3)),
        starts_at=start,
        expires_at=draw(st.none() | st.integers(start + 1, LAST + 5)),
        scope=draw(scopes),
    )
    made = replace(made, parameters=draw(parameters.get(kind, st.just({}))))
    if kind is DecisionType.START_EXPERIMENT:
        made = replace(made, expires_at=made.expires_at or LAST + 5)
    if kind is DecisionType.REVERSE:
        made = replace(made, reverses=f"d{draw(st.integers(0, 7))}")
    return made if kind not in UNDOING else replace(made, expires_at=None, starts_at=0)


def rightly(kind: DecisionType, subject: Subject, items: tuple[str, ...]) -> st.SearchStrategy[Subject]:
    """A subject that a decision of this kind can be about: the one given, where it may be."""
    if kind in ON_ITEMS and subject.kind is not SubjectKind.ITEM:
        return st.builds(Subject, st.just(SubjectKind.ITEM), st.sampled_from(items))
    if kind in ON_AUTHORS and subject.kind is not SubjectKind.AUTHOR:
        return st.builds(Subject, st.just(SubjectKind.AUTHOR), st.sampled_from(("x", "y")))
    return st.just(Subject(SubjectKind.COMMUNITY, "c") if kind in ON_POWERS else subject)


powers: st.SearchStrategy[dict[str, object]] = st.fixed_dictionaries(
    {"person": st.sampled_from(("cleo", "dan")), "power": st.sampled_from(("founder", "manager"))}
)
parameters: dict[DecisionType, st.SearchStrategy[dict[str, object]]] = {
    DecisionType.PIN: st.builds(lambda value: {"position": value}, st.integers(0, 2)),
    DecisionType.BOOST: st.builds(lambda value: {"factor": value}, st.sampled_from([0.1, 0.5, 1.5, 4.0])),
    DecisionType.PUBLISH_POLICY: st.builds(lambda value: {"policy": value}, st.sampled_from(POLICIES)),
    DecisionType.ACTIVATE_MODEL: st.builds(lambda value: {"model": value}, st.sampled_from(["v1", "v2"])),
    DecisionType.SUPPRESS: st.sampled_from([{}, {"hold": "sampled"}]),
    DecisionType.LABEL: st.fixed_dictionaries({"name": st.sampled_from(("l", "m")), "score": scores}),
    DecisionType.CORRECT: st.fixed_dictionaries({"notice": st.sampled_from(("n1", "right")), "text": st.just("So.")}),
    DecisionType.RESTRICT_AUTHOR: st.sampled_from(
        [
            *({"service": service} for service in ("pre_review", "pre_review", "no_recommendation", "suspended")),
            *({"service": "rate", "per_day": number} for number in (3, 5)),
        ]
    ),
    DecisionType.STRIKE: st.builds(lambda points: {"points": points}, st.sampled_from([10, 50, 100])),
    DecisionType.VERIFY_IDENTITY: st.builds(lambda state: {"identity": state}, st.sampled_from(["known", "sworn"])),
    DecisionType.START_EXPERIMENT: st.builds(
        lambda name, value: experiment(name, {}, {"weight_click": value}),
        st.sampled_from(["weights", "places"]),
        st.integers(0, 9),
    ),
    DecisionType.STOP_EXPERIMENT: st.builds(lambda number: {"experiment": f"d{number}"}, st.integers(0, 7)),
    DecisionType.GRANT: powers,
    DecisionType.REVOKE: powers,
}
"""What the types that need parameters may say."""


def resolved(governance: Governance, audience: Audience, surface: SurfaceKind) -> list[PlainVerdict]:
    """The verdict of every row, as the tables say it."""
    table = governance.table(audience, surface)
    found = []
    for cls in governance.class_of.tolist():
        mask, effects = int(table.sources[cls]), table.effects[cls]
        found.append(
            PlainVerdict(
                eligible=bool(table.eligible[cls]),
                tier=("encouraged", "standard", "restricted", "blocked")[table.tier[cls]],
                weight=int(table.weight[cls]),
                sources=frozenset(name for bit, name in enumerate(SOURCES) if mask >> bit & 1),
                notices=effects.notices,
                disabled=effects.disabled,
            )
        )
    return found


def everything(governance: Governance) -> list[object]:
    """All that can be asked: for every audience and surface verdicts, pins and the editorial list; authors; grants;
    experiments."""
    return [
        (
            resolved(governance, audience, surface),
            governance.pins(audience, surface),
            governance.featured(audience, surface).tolist(),
        )
        for audience in AUDIENCES
        for surface in SURFACES
    ] + [
        [governance.author(name).canonical() for name in AUTHORS],
        governance.grants(SubjectKind.COMMUNITY, "c"),
        governance.experiments,
    ]
