"""Terms of cases: how soon each is to be answered, how severe it is, and which comes first.

The table is a start for operators to change, by category and by kind; docs/cases.md is held to it by a test. Nothing in
it says what may be published: policies do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from controls.cases import MOST_SEVERE, CaseKind
from controls.errors import InvalidCase
from controls.reliability import FULL

_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds from the opening to the deadline, and severity from 1 to 10."""

    seconds: int
    severity: int


CATEGORIES: Mapping[str, Terms] = MappingProxyType(
    {
        "danger": Terms(4 * _HOUR, 10),
        "illegal": Terms(24 * _HOUR, 8),
        "rights": Terms(48 * _HOUR, 6),
        "misleading": Terms(48 * _HOUR, 6),
        "terms": Terms(72 * _HOUR, 4),
        "other": Terms(168 * _HOUR, 2),
    }
)
"""Of reports, by category."""

KINDS: Mapping[CaseKind, Terms] = MappingProxyType(
    {
        CaseKind.REPORT: CATEGORIES["other"],
        CaseKind.REVIEW: Terms(72 * _HOUR, 5),
        CaseKind.INSPECTION: Terms(168 * _HOUR, 2),
        CaseKind.APPEAL: Terms(168 * _HOUR, 5),
        CaseKind.ORDER: Terms(24 * _HOUR, 9),
    }
)
"""Of the other kinds, and of categories that are not listed."""


class TermsTable:
    """The table with an operator's changes: ``hours`` and ``severities`` by category or kind; a category that the
    default does not know is added. Raises :class:`InvalidCase` for numbers that cannot be."""

    def __init__(self, hours: Mapping[str, float] | None = None, severities: Mapping[str, int] | None = None) -> None:
        hours, severities = hours or {}, severities or {}
        for name, number in hours.items():
            if not 0 < number <= 10_000:
                raise InvalidCase(f"{name}: a deadline lies more than 0 and at most 10000 hours ahead", "hours")
        for name, severity in severities.items():
            if not 1 <= severity <= MOST_SEVERE:
                raise InvalidCase(f"{name}: a severity is a whole number from 1 to {MOST_SEVERE}", "severity")

        def changed(name: str, terms: Terms) -> Terms:
            return Terms(int(hours.get(name, terms.seconds / _HOUR) * _HOUR), severities.get(name, terms.severity))

        self._kinds = {kind: changed(kind.value, terms) for kind, terms in KINDS.items()}
        added = (hours.keys() | severities.keys()) - CATEGORIES.keys() - set(CaseKind)
        known = {**CATEGORIES, **dict.fromkeys(sorted(added), self._kinds[CaseKind.REPORT])}
        self._categories = {name: changed(name, terms) for name, terms in known.items()}

    @property
    def categories(self) -> tuple[str, ...]:
        """What a report may be filed under."""
        return tuple(self._categories)

    def of(self, kind: CaseKind, category: str) -> Terms:
        """The terms of a case; kinds other than reports have their own, whatever the category."""
        if kind is not CaseKind.REPORT:
            return self._kinds[kind]
        return self._categories.get(category, self._kinds[kind])


def priority(severity: int, reach: int, support: int = FULL) -> int:
    """What comes first: severity × (1 + live reach) × support / 1000, at least 1. ``reach``: exposures of the last day;
    ``support``: 0 to 1000 (``controls.reliability``), full for what needs no reporter's word."""
    return max(1, severity * (1 + max(reach, 0)) * support // FULL)
