"""Stating: from a Restriction, or an act on an author, to the statement of its reasons (DSA art. 17, law 9).

What the database wants to know is worked out of what governance knows: visibility from effects, ground from the basis,
category from the operator's table, territory from the scope's regions, automation from who acted. Nothing here names
the author, the item, or who decided.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from controls.categories import category_of
from controls.decisions import Basis, Decision, DecisionType
from controls.dsa import (
    LANGUAGES,
    TERRITORIES,
    Account,
    AccountType,
    AutomatedDecision,
    ContentType,
    Ground,
    Provision,
    SourceType,
    Visibility,
    YesNo,
)
from controls.parameters import Service
from controls.restrictions import Effect, Restriction
from controls.scopes import EVERYWHERE, Scope
from controls.statements import LATEST, LONGEST, OLDEST_APPLICATION, OLDEST_CONTENT, StatementFields, impersonal

ACCOUNT_ACTS = frozenset({DecisionType.RESTRICT_AUTHOR, DecisionType.STRIKE})
"""Acts on an author that have a statement of their own, whatever they do to items."""

_VISIBILITY = {
    Effect.BLOCKED: Visibility.DISABLED,
    Effect.SUPPRESSED: Visibility.DEMOTED,
    Effect.HELD: Visibility.DISABLED,
    Effect.DEMOTED: Visibility.DEMOTED,
    Effect.AGE_GATED: Visibility.AGE_RESTRICTED,
    Effect.DISABLED: Visibility.INTERACTION_RESTRICTED,
    Effect.LABELLED: Visibility.LABELLED,
}
_SAID = {
    Effect.BLOCKED: "is not shown",
    Effect.SUPPRESSED: "is left out of all recommendations",
    Effect.HELD: "is kept back until more is known of it",
    Effect.DEMOTED: "is recommended less often",
    Effect.AGE_GATED: "is shown only to readers who are known to be adult",
    Effect.DISABLED: "is shown without some of the ways to interact with it",
    Effect.LABELLED: "is shown with a notice",
}
_SERVICES = {
    Service.PRE_REVIEW: "new items of the account are looked at before they are published",
    Service.NO_RECOMMENDATION: "items of the account are not recommended",
    Service.RATE: "the account publishes at most a number of items a day",
    Service.SUSPENDED: "the account is suspended",
}
_ACCOUNT_TYPES = {"business": AccountType.BUSINESS, "person": AccountType.PRIVATE}
_LAST_SECOND = 253_402_300_799
"""Of the year 9999, the last that dates know."""


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why: the basis, an explanation in plain words, who acted and how it was found."""

    basis: Basis
    explanation: str
    automated: AutomatedDecision
    detected: YesNo
    """Whether it was found by automated means."""
    source: SourceType = SourceType.VOLUNTARY


@dataclass(frozen=True, slots=True)
class Concerned:
    """What the statement is about: when it was published, its language, its author's kind. ``names`` are cleared from
    every text: ids and names of the author, the item and whoever decided."""

    published_at: int = 0
    language: str = ""
    author_kind: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Desk:
    """What the operator chose: categories by the words that policies and decisions use in their basis, each a
    ``STATEMENT_CATEGORY_``, or one with a ``KEYWORD_`` behind a slash; and the types of content."""

    categories: Mapping[str, str]
    content_types: tuple[ContentType, ...] = (ContentType.TEXT,)
    content_type_other: str = ""


def territory(scope: Scope) -> tuple[str, ...] | None:
    """The countries of the European Economic Area that a scope reaches; None when it reaches none."""
    if EVERYWHERE in scope.regions:
        return TERRITORIES
    return tuple(code for code in TERRITORIES if code in scope.regions) or None


def restriction_stated(
    restriction: Restriction,
    reasons: Reasons,
    concerned: Concerned,
    desk: Desk,
    *,
    decision: Decision | None = None,
) -> StatementFields:
    """The statement of a Restriction; ``decision`` is its cause where that is one. Its ``puid`` is the Restriction's
    id."""
    held = restriction.holding
    taken_down = decision is not None and decision.type is DecisionType.TAKEDOWN and EVERYWHERE in held.scope.regions
    shown = [_VISIBILITY[effect] for effect in held.effects]
    visibility = [Visibility.REMOVED if taken_down and one is Visibility.DISABLED else one for one in shown]
    said = "; it ".join(_SAID[effect] for effect in held.effects)
    ends = decision.expires_at if decision is not None else None
    facts = f"From {_time(restriction.from_at)} on, the item {said}. {_where(held.scope)}{_end(ends)}"
    fields = {
        "decision_visibility": tuple(dict.fromkeys(visibility)),
        "end_date_visibility_restriction": _end_date(ends, restriction.from_at),
        "territorial_scope": territory(held.scope),
    }
    return _stated(restriction.id, restriction.from_at, facts, reasons, concerned, desk, fields)


def act_stated(decision: Decision, reasons: Reasons, concerned: Concerned, desk: Desk, *, puid: str) -> StatementFields:
    """The statement of an act on an author, a ``restrict_author`` or a ``strike``."""
    ends = decision.expires_at
    end_date = _end_date(ends, decision.starts_at)
    fields: dict[str, object] = {"territorial_scope": territory(decision.scope)}
    if decision.type is DecisionType.STRIKE:
        points = decision.parameters.get("points")
        said = f"a strike takes {points} points from the standing of the account"
        fields |= {
            "decision_visibility": (Visibility.OTHER,),
            "decision_visibility_other": "A strike against the account's standing, on which its services depend",
            "end_date_visibility_restriction": end_date,
        }
    else:
        service = Service(str(decision.parameters["service"]))
        said = _SERVICES[service]
        if service is Service.SUSPENDED:
            fields |= {"decision_account": Account.SUSPENDED, "end_date_account_restriction": end_date}
        elif service is Service.NO_RECOMMENDATION:
            fields |= {"decision_visibility": (Visibility.DEMOTED,), "end_date_visibility_restriction": end_date}
        else:
            fields |= {
                "decision_provision": Provision.PARTIAL_SUSPENSION,
                "end_date_service_restriction": end_date,
            }
        if service is Service.RATE:
            said = f"the account publishes at most {decision.parameters.get('per_day')} items a day"
    facts = f"From {_time(decision.starts_at)} on, {said}. {_where(decision.scope)}{_end(ends)}"
    return _stated(puid, decision.starts_at, facts, reasons, concerned, desk, fields)


def _stated(
    puid: str,
    at: int,
    facts: str,
    reasons: Reasons,
    concerned: Concerned,
    desk: Desk,
    fields: Mapping[str, object],
) -> StatementFields:
    category, keyword = category_of(reasons.basis.category, reasons.basis.kind, desk.categories)
    illegal = reasons.basis.kind == "law"
    ground = _clipped(impersonal(reasons.basis.clause, concerned.names), LONGEST["line"])
    why = _clipped(impersonal(reasons.explanation, concerned.names), LONGEST["explanation"])
    prefix = "illegal_content" if illegal else "incompatible_content"
    url = reasons.basis.url if reasons.basis.url.startswith(("http://", "https://")) else ""
    language = concerned.language.upper()[:2]
    applied = _clamped(at, OLDEST_APPLICATION)
    return StatementFields.model_validate(
        {
            **fields,
            "account_type": _ACCOUNT_TYPES.get(concerned.author_kind),
            "decision_facts": _clipped(facts, LONGEST["facts"]),
            "decision_ground": Ground.ILLEGAL if illegal else Ground.INCOMPATIBLE,
            "decision_ground_reference_url": url[: LONGEST["line"]] or None,
            "illegal_content_legal_ground" if illegal else "incompatible_content_ground": ground,
            f"{prefix}_explanation": why,
            "content_type": desk.content_types,
            "content_type_other": desk.content_type_other if ContentType.OTHER in desk.content_types else None,
            "category": category,
            "category_specification": (keyword,) if keyword is not None else None,
            "content_language": language if language in LANGUAGES else None,
            "content_date": _clamped(concerned.published_at or at, OLDEST_CONTENT),
            "application_date": applied,
            "source_type": reasons.source,
            "automated_detection": reasons.detected,
            "automated_decision": reasons.automated,
            "puid": puid,
        }
    )


def day_of(second: int) -> datetime.date:
    """The day (UTC) of a second."""
    return _moment(second).date()


def _clamped(second: int, oldest: datetime.date) -> datetime.date:
    """A second's day, within the dates that the database takes."""
    return min(max(day_of(second), oldest), LATEST)


def _end_date(ends: int | None, at: int) -> datetime.date | None:
    """The day of an end; None for none, and for one that the database would take for a mistake."""
    if ends is None:
        return None
    day = day_of(ends)
    return day if _clamped(at, OLDEST_APPLICATION) <= day <= LATEST else None


def _time(second: int) -> str:
    return _moment(second).strftime("%Y-%m-%d %H:%M UTC")


def _moment(second: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(min(max(second, 0), _LAST_SECOND), datetime.UTC)


def _end(ends: int | None) -> str:
    return f" It ends on {_time(ends)} unless it is lifted before." if ends is not None else ""


def _where(scope: Scope) -> str:
    everywhere = EVERYWHERE in scope.regions
    where = "everywhere" if everywhere else f"in {', '.join(scope.regions)}"
    surfaces = "" if EVERYWHERE in scope.surfaces else f", on these surfaces: {', '.join(scope.surfaces)}"
    whom = {"adult": ", for adults", "minor": ", for minors"}.get(scope.audience, "")
    return f"This holds {where}{surfaces}{whom}."


def _clipped(text: str, longest: int) -> str:
    said = text.strip() or "not specified"
    return said if len(said) <= longest else f"{said[: longest - 1]}…"
