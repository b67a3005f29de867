"""Decisions, policies and states for tests, with everything filled in that a test does not speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from controls.decisions import Basis, Decision, DecisionType, Subject, SubjectKind
from controls.governance import Governance
from controls.policy import Policy, validated
from controls.scopes import AgeClass, Audience, SurfaceKind
from controls.state import State
from tests.unit.controls.plain_columns import PlainColumns, PlainItem

ADULT = Audience("DE", AgeClass.ADULT, "de")
MINOR = Audience("DE", AgeClass.MINOR, "de")
NOBODY_KNOWN = Audience()
HOME = SurfaceKind.HOME


def subject(text: str) -> Subject:
    """``item:i1``, ``author:a``, ``topic:t``, ``community:c``, or ``platform:``."""
    kind, _, name = text.partition(":")
    return Subject(SubjectKind(kind), name)


def decision(kind: str, about: str = "platform:", **fields: Any) -> Decision:
    """A decision in force from second 0 on, with the fields given."""
    made = Decision(
        id=f"{kind} {about}",
        type=DecisionType(kind),
        subject=subject(about),
        actor="ada",
        role="editor",
        reason="because it was asked for",
        basis=Basis("terms", "4.2"),
        decided_at=0,
        starts_at=0,
    )
    return replace(made, **fields)


def numbered(decisions: Sequence[Decision], first: int = 1) -> list[Decision]:
    """The decisions with consecutive revisions."""
    return [replace(made, revision=first + place) for place, made in enumerate(decisions)]


def rule(when: Mapping[str, object], **fields: object) -> dict[str, object]:
    """A rule as a document, restricted unless said otherwise."""
    made: dict[str, object] = {"id": "a-rule", "tier": "restricted", "when": when, "missing": "skip"}
    made |= {"basis": {"kind": "terms", "clause": "4.2"}, "review_by": "2030-01-01"}
    return made | fields


def policy(*rules: dict[str, object], **fields: object) -> Policy:
    """A policy of rules, as documents."""
    return validated({"name": "a policy", "rules": list(rules)} | fields)


def empty_state() -> State:
    """A State that knows no policy."""
    policies: dict[str, Policy] = {}
    return State(policies.__getitem__)


class Sandbox:
    """A State over items, with policies by any name, told what happens in plain words."""

    def __init__(self, *items: PlainItem, **policies: Policy) -> None:
        self.state = State(policies.__getitem__)
        self.revision = 0
        self.items(*items)

    def items(self, *items: PlainItem) -> None:
        """Take these items instead of those before; all rows count as changed."""
        columns = PlainColumns(items)
        self.state.columns_changed(columns, np.arange(columns.rows, dtype=np.int32))

    def decide(self, *decisions: Decision) -> None:
        """Fold decisions with the next revisions."""
        self.state.decide(numbered(decisions, self.revision + 1))
        self.revision += len(decisions)

    def publish(self, name: str) -> None:
        """Fold the publication of a policy."""
        made = decision("publish_policy", parameters={"policy": name}, id=f"publish {name} {self.revision}")
        self.decide(made)

    def verdict(
        self, row: int, audience: Audience = ADULT, surface: SurfaceKind = HOME
    ) -> tuple[bool, str, int, tuple[str, ...]]:
        """(eligible, tier, weight, words of the causes) of a row."""
        return verdict(self.state.governance(), row, audience, surface)

    def eligible(self, row: int, audience: Audience = ADULT, surface: SurfaceKind = HOME) -> bool:
        """Whether a row may be shown."""
        return self.verdict(row, audience, surface)[0]


def verdict(
    governance: Governance, row: int, audience: Audience = ADULT, surface: SurfaceKind = HOME
) -> tuple[bool, str, int, tuple[str, ...]]:
    """(eligible, tier, weight, words of the causes) of a row."""
    cls = int(governance.class_of[row])
    table = governance.table(audience, surface)
    tiers = ("encouraged", "standard", "restricted", "blocked")
    words = tuple(cause.words for cause in governance.causes(cls))
    return bool(table.eligible[cls]), tiers[table.tier[cls]], int(table.weight[cls]), words
