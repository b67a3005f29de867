"""Callers: who makes a request, with which scopes, and what of others they reach (law 12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controls.scopes import Audience
from feed.errors import NotAuthenticated, NotYours, ScopeMissing

UNKNOWN = Audience()
"""The audience of which nothing is known."""

SCOPES: Mapping[str, str] = {
    "feed": "fetch pages for any reader",
    "events": "report events of any reader",
    "reader": "everything of one reader: the token's subject",
    "author": "items and standing of one author: the token's subject",
    "classifier": "give labels in its own name",
    "editor": "pin, boost, suppress and feature",
    "moderator": "labels, takedowns and restorations, suppress and freeze",
    "policy": "draft and publish policies",
    "experimenter": "activate models, start and stop experiments, read them and the decisions",
    "auditor": "read decisions, verdicts, models and policies",
    "admin": "everything",
}
"""Every scope and what it opens."""

ADMIN = "admin"
CLASSIFIER = "classifier"
PERSONAL = frozenset(("reader", "author"))
INSPECTORS = ("editor", "moderator", "policy", "auditor")
"""Scopes of those who decide or audit: they see items, authors and verdicts whatever the verdict."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request. ``subject`` is empty without credentials; ``account`` names the rate limit's bucket."""

    subject: str
    scopes: frozenset[str]
    role: str
    audience: Audience
    account: str

    @property
    def anonymous(self) -> bool:
        """Whether no credentials were given."""
        return not self.subject

    @property
    def personal(self) -> bool:
        """Whether the caller is one reader or author, or nobody known, rather than a service."""
        return self.scopes <= PERSONAL

    def may(self, *scopes: str) -> bool:
        """Whether the caller has one of the scopes; ``admin`` has all."""
        return ADMIN in self.scopes or not self.scopes.isdisjoint(scopes)

    def require(self, *scopes: str) -> None:
        """Raise ``NotAuthenticated`` or ``ScopeMissing`` unless the caller has one of the scopes."""
        if self.anonymous:
            raise NotAuthenticated("this needs credentials; send Authorization: Bearer <token or key>")
        if not self.may(*scopes):
            wanted = " or ".join(sorted({*scopes, ADMIN}))
            raise ScopeMissing(f"this needs the scope {wanted}; the credentials carry {listed(self.scopes)}")

    def require_own(self, kind: str, id: str, *others: str) -> None:
        """Raise unless the caller has one of ``others``, or the personal scope ``kind`` and is ``id`` itself."""
        self.require(kind, *others)
        if not self.may(*others) and self.subject != id:
            raise NotYours(f"a {kind} token reaches only its own {kind}; use the id that is the token's subject")


def listed(scopes: frozenset[str]) -> str:
    """Scopes in words."""
    return " ".join(sorted(scopes)) or "none"
