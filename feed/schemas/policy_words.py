"""The policy and the ranking in plain language, on the wire."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CriterionOut:
    """One criterion of the ranking: what it is, why it weighs what it does, and which parameters set it."""

    name: str
    what: str
    why: str
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OptionOut:
    """Something that a reader can change: by which request, and when it takes effect."""

    name: str
    what: str
    how: str
    takes_effect: str


@dataclass(frozen=True, slots=True)
class RuleWordsOut:
    """One rule of the policy: when it holds and what follows, where and for whom, on which ground, and the day by which
    it is looked at again."""

    id: str
    tier: str
    mode: str
    words: str
    where: str
    basis: str
    review_by: str | None
