"""Policy documents: tiers, named sets, rules and thresholds of standing, as an operator writes them, nothing unknown.

A policy is named by its content hash, so that the decision which publishes it says which text it means (law 4).
"""

from __future__ import annotations

import datetime
import difflib
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from controls.conditions import (
    SHAPES,
    WRITTEN,
    AgePredicate,
    AllOf,
    AnyOf,
    Condition,
    Document,
    LabelPredicate,
    MemberPredicate,
    Name,
    Not,
    Number,
    Predicate,
    StandingPredicate,
    Text,
)
from controls.documents import Path, line_of, read
from controls.errors import PolicyError, Problem
from controls.grounds import BasisDocument
from controls.scopes import EVERYWHERE, Scope, Sensitive, SurfaceKind
from controls.sensitivity import Sensitivity
from controls.thresholds import StandingDocument, ThresholdDocument
from controls.verdicts import Source

Weight = Annotated[Number, Field(gt=0, le=4)]
Share = Annotated[Number, Field(ge=0, le=1)]
MOST_CAPPED = 8
"""Rules of a policy that may bound a share of the session: one bit of a verdict each."""

MOST_TOLD = 100
"""Problems of a document that are told one by one."""

SourceWord = Literal["graph", "popular", "fresh", "editorial", "exploration", "pin"]

_REGION = re.compile(r"^([A-Z]{2}|\*)$")


def _calendar_date(value: object) -> object:
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("a date is written as YYYY-MM-DD")
    return value


class TierSettings(Document):
    """What belonging to a tier means: ``weight`` multiplies scores once, shares bound the tier's part of a session,
    ``sources`` are the only ones that may bring such items (default: all)."""

    weight: Weight = 1.0
    min_share: Share = 0.0
    max_share: Share = 1.0
    sources: Annotated[tuple[SourceWord, ...], Field(min_length=1)] | None = None

    @property
    def mask(self) -> int:
        """The allowed sources as a bit mask over :class:`controls.verdicts.Source`."""
        words = self.sources if self.sources is not None else tuple(source.name.lower() for source in Source)
        return sum(1 << Source[word.upper()] for word in set(words))


class Tiers(Document):
    """Settings of the two tiers that have any; standard is the measure, and blocked items are not shown."""

    encouraged: TierSettings = TierSettings()
    restricted: TierSettings = TierSettings()

    @model_validator(mode="after")
    def _directions(self) -> Tiers:
        if self.encouraged.weight < 1:
            raise ValueError("encouraged.weight must be at least 1, or encouraging would demote")
        if self.restricted.weight > 1:
            raise ValueError("restricted.weight must be at most 1, or restricting would promote")
        if self.restricted.min_share > 0:
            raise ValueError("restricted has no min_share; restricted items are never owed a place")
        return self


class ScopeDocument(Document):
    """Where a rule holds. ``*`` means everywhere; ``audience`` is any, adult or minor."""

    surfaces: Annotated[tuple[str, ...], Field(min_length=1)] = (EVERYWHERE,)
    regions: Annotated[tuple[str, ...], Field(min_length=1)] = (EVERYWHERE,)
    audience: Literal["any", "adult", "minor"] = "any"

    @field_validator("surfaces")
    @classmethod
    def _known_surfaces(cls, surfaces: tuple[str, ...]) -> tuple[str, ...]:
        known = [EVERYWHERE, *(kind.value for kind in SurfaceKind)]
        for surface in surfaces:
            if surface not in known:
                raise ValueError(f"unknown surface {surface!r}; one of {', '.join(known)}")
        return surfaces

    @field_validator("regions")
    @classmethod
    def _region_codes(cls, regions: tuple[str, ...]) -> tuple[str, ...]:
        for region in regions:
            if not _REGION.fullmatch(region):
                raise ValueError(f"{region!r} is no region; write * or two capital letters (ISO 3166-1 alpha-2)")
        return regions

    @property
    def scope(self) -> Scope:
        """The scope, its parts sorted so that equal scopes are equal."""
        return Scope(tuple(sorted(set(self.surfaces))), tuple(sorted(set(self.regions))), self.audience)


class SensitiveDocument(Document):
    """What a reader's choice means for the items of a rule. Who chose ``hide`` does not get them, who chose ``warn``
    gets them with ``notice``, who chose ``show`` gets them as they are. ``unchosen`` holds for who did not choose;
    nobody who is not known to be adult has more than ``minors``."""

    notice: Name
    unchosen: Literal["hide", "warn", "show"] = "warn"
    minors: Literal["hide", "warn", "show"] = "hide"

    @property
    def sensitivity(self) -> Sensitivity:
        """The same for the join."""
        return Sensitivity(self.notice, Sensitive(self.unchosen), Sensitive(self.minors))


class EffectDocument(Document):
    """What a rule does besides its tier: ``weight`` multiplies the score on top of the tier's own weight, ``notice``
    is a code shown with the item, ``disable`` lists interactions the client withholds, ``age_gate: adult`` keeps the
    item from everybody who is not known to be adult, ``sensitive`` leaves it to the reader's choice, and ``hold`` keeps
    it from everybody while the rule matches. ``max_share`` bounds the part of a session that all it matches have."""

    weight: Weight = 1.0
    max_share: Share = 1.0
    notice: Name | None = None
    disable: tuple[Name, ...] = ()
    age_gate: Literal["adult"] | None = None
    sensitive: SensitiveDocument | None = None
    hold: Annotated[bool, Field(strict=True)] = False


class Rule(Document):
    """Items for which ``when`` holds belong to ``tier``. ``missing`` says what a signal that is not there means:
    ``apply`` the rule, ``skip`` it, or ``hold`` the item back. A ``shadow`` rule is recorded, not applied."""

    id: Name
    tier: Literal["encouraged", "standard", "restricted", "blocked"]
    when: Condition
    missing: Literal["apply", "skip", "hold"]
    scope: ScopeDocument = ScopeDocument()
    effect: EffectDocument = EffectDocument()
    basis: BasisDocument | None = None
    mode: Literal["live", "shadow"] = "live"
    review_by: Annotated[datetime.date, BeforeValidator(_calendar_date)] | None = None


class Policy(Document):
    """A whole policy document."""

    name: Text
    tiers: Tiers = Tiers()
    sets: dict[Name, tuple[Text, ...]] = Field(default_factory=dict)
    rules: Annotated[tuple[Rule, ...], Field(max_length=1_000)] = ()
    standing: StandingDocument | None = None

    @model_validator(mode="after")
    def _whole(self) -> Policy:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.id in seen:
                raise ValueError(f"two rules have the id {rule.id!r}; every rule needs its own")
            seen.add(rule.id)
            for predicate in predicates(rule.when):
                named = predicate.in_set if isinstance(predicate, MemberPredicate) else None
                if named is not None and named not in self.sets:
                    raise ValueError(f"rule {rule.id!r} tests the set {named!r}, which is not under sets")
        if len(capped_rules(self)) > MOST_CAPPED:
            raise ValueError(f"more than {MOST_CAPPED} live rules have a max_share; bound in one what belongs together")
        return self


def capped_rules(policy: Policy) -> list[Rule]:
    """The live rules that bound a share of the session, by id: their order says which bit of a verdict is whose."""
    capped = [rule for rule in policy.rules if rule.mode == "live" and rule.effect.max_share < 1]
    return sorted(capped, key=lambda rule: rule.id)


def predicates(condition: Condition) -> list[Predicate]:
    """All predicates of a condition, in document order."""
    if isinstance(condition, AllOf):
        return [predicate for part in condition.all for predicate in predicates(part)]
    if isinstance(condition, AnyOf):
        return [predicate for part in condition.any for predicate in predicates(part)]
    if isinstance(condition, Not):
        return predicates(condition.not_)
    return [condition]


def canonical(policy: Policy) -> bytes:
    """The policy as canonical JSON (RFC 8785). Defaults are left out: saying one aloud changes nothing."""
    document: dict[str, Any] = policy.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return rfc8785.dumps(document)


def content_hash(policy: Policy) -> str:
    """SHA-256 of :func:`canonical`, in hexadecimal: the name under which decisions publish the policy."""
    return hashlib.sha256(canonical(policy)).hexdigest()


def parse(text: str) -> Policy:
    """A policy from YAML or JSON text as people write it; raises :class:`PolicyError` listing every problem with its
    path and line."""
    document, lines = read(text)
    return validated(document, lines)


def load(document: str | bytes) -> Policy:
    """A policy from its canonical JSON, as :func:`canonical` writes it; raises :class:`PolicyError`."""
    try:
        data = json.loads(document)
    except ValueError as error:
        remedy = "give the canonical JSON that was stored when the policy was published"
        raise PolicyError([Problem("", None, f"not JSON ({error})", remedy)]) from error
    return validated(data)


def validated(document: object, lines: Mapping[Path, int] | None = None) -> Policy:
    """A policy from plain data; raises :class:`PolicyError` with every problem, and with lines where known."""
    if not isinstance(document, dict):
        raise PolicyError([Problem("", None, "not a mapping", "write name, tiers, sets and rules at the top")])
    try:
        return Policy.model_validate(document)
    except ValidationError as error:
        raise PolicyError(_innermost(problems_of(error, lines or {}))) from error


def problems_of(error: ValidationError, lines: Mapping[Path, int]) -> list[Problem]:
    """What pydantic found wrong, each with its path, its line where known, and what to do; of very much, the first."""
    found = error.errors(include_url=False)
    problems = [_problem(one, lines) for one in found[:MOST_TOLD]]
    if len(found) > MOST_TOLD:
        problems.append(Problem("", None, f"{len(found) - MOST_TOLD} more problems", "correct these first"))
    return problems


def _problem(found: ErrorDetails, lines: Mapping[Path, int]) -> Problem:
    path = tuple(part for part in found["loc"] if part not in SHAPES) or found["loc"]
    message, remedy = found["msg"].removeprefix("Value error, "), "correct the value"
    if found["type"] == "missing":
        message, remedy = "is missing", "add it"
    elif found["type"] == "string_pattern_mismatch" and WRITTEN in message:
        message, remedy = "holds control characters", "take them out"
    elif found["type"] == "literal_error":
        remedy = "write one of these"
    elif found["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), _FIELDS, n=1)
        message = "unknown field" + (f" (did you mean {near[0]!r}?)" if near else "")
        remedy = "correct the spelling or remove it"
        if path[-1] in ("min_share", "max_share"):
            message, remedy = "shares belong to tiers and effects", "write it under a tier, or max_share under effect"
    return Problem(".".join(map(str, path)), line_of(path, lines), message, remedy)


def _innermost(problems: list[Problem]) -> list[Problem]:
    """Without what is only the echo of a problem further in (a list that is too short for its bad entries)."""
    paths = [problem.path for problem in problems]
    return [p for p in problems if not any(other.startswith(f"{p.path}.") for other in paths if p.path)]


_FIELDS = sorted(
    {
        field.alias or name
        for model in (
            *(Policy, Tiers, TierSettings, Rule, ScopeDocument, EffectDocument, SensitiveDocument, BasisDocument),
            *(StandingDocument, ThresholdDocument),
            *(AllOf, AnyOf, Not, LabelPredicate, StandingPredicate, AgePredicate, MemberPredicate),
        )
        for name, field in model.model_fields.items()
    }
)
