"""Statements and Restrictions as papers of their registers.

Register ``statements``, id = puid, ``subject`` = author: ``{"item","author","cause":{"kind","id"},"decision","from_at",
"until","fields"}``; of an act on an author ``item`` is empty, and ``due_at`` its expiry. Register ``restrictions``,
``subject`` = item: what holds it, and ``statement``, the puid of its statement. Both are ``open`` or ``ended``; a
Restriction is ``begun`` until its statement is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from controls.restrictions import Effect, Holding, Restriction
from controls.scopes import Scope
from controls.statements import StatementFields
from feed.storage.ports.store import Store
from feed.storage.register import Entry, Register

BEGUN, OPEN, ENDED = "begun", "open", "ended"
_PAGE = 1000


def statements_of(store: Store) -> Register:
    """The register of statements."""
    return store.register("statements")


def restrictions_of(store: Store) -> Register:
    """The register of Restrictions."""
    return store.register("restrictions")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: what it is about, what caused it, when, and its fields as they were issued. ``decision`` is the id
    of the decision that caused it, empty for a rule."""

    id: str
    item: str
    author: str
    cause: Mapping[str, str]
    decision: str
    from_at: int
    until: int | None
    fields: Mapping[str, Any]


def statement_paper(
    fields: StatementFields, *, item: str, author: str, kind: str, cause: str, from_at: int, due_at: int = 0
) -> Entry:
    """A new statement."""
    content = {
        "item": item,
        "author": author,
        "cause": {"kind": kind, "id": cause},
        "decision": cause if kind == "decision" else "",
        "from_at": from_at,
        "until": None,
        "fields": fields.document(),
    }
    return Entry(fields.puid, _text(content), state=OPEN, subject=author, at=from_at, due_at=due_at)


def statement_of(entry: Entry) -> Statement:
    """The statement of a paper."""
    told = orjson.loads(entry.content)
    return Statement(
        id=entry.id,
        item=told["item"],
        author=told["author"],
        cause=told["cause"],
        decision=told["decision"],
        from_at=told["from_at"],
        until=told["until"],
        fields=told["fields"],
    )


def restriction_paper(restriction: Restriction, author: str, statement: str, state: str) -> Entry:
    """A Restriction."""
    held = restriction.holding
    content = {
        "item": restriction.item,
        "author": author,
        "cause": {"kind": held.kind, "id": held.id},
        "effects": [effect.value for effect in held.effects],
        "scope": {
            "surfaces": list(held.scope.surfaces),
            "regions": list(held.scope.regions),
            "audience": held.scope.audience,
        },
        "statement": statement,
        "from_at": restriction.from_at,
        "until": restriction.until,
    }
    return Entry(restriction.id, _text(content), state=state, subject=restriction.item, at=restriction.from_at)


def restriction_of(entry: Entry) -> Restriction:
    """The Restriction of a paper."""
    told = orjson.loads(entry.content)
    scope, cause = told["scope"], told["cause"]
    held = Holding(
        cause["kind"],
        cause["id"],
        tuple(Effect(effect) for effect in told["effects"]),
        Scope(tuple(scope["surfaces"]), tuple(scope["regions"]), scope["audience"]),
    )
    return Restriction(told["item"], held, told["from_at"], told["until"])


def with_end(entry: Entry, until: int | None, state: str) -> Entry:
    """The paper with another end and state."""
    return replace(entry, content=_text({**orjson.loads(entry.content), "until": until}), state=state)


def unless_open(papers: Mapping[str, Entry], stored: Mapping[str, Entry]) -> list[Entry]:
    """An edit: new ones, and ended ones that begin again."""
    return [paper for id, paper in papers.items() if id not in stored or stored[id].state == ENDED]


def unless_there(paper: Entry, stored: Mapping[str, Entry]) -> list[Entry]:
    """An edit: the paper, unless it is there."""
    return [] if paper.id in stored else [paper]


def in_state(old: str, new: str, stored: Mapping[str, Entry]) -> list[Entry]:
    """An edit: those in one state come into another."""
    return [replace(entry, state=new) for entry in stored.values() if entry.state == old]


def ending(ends: Mapping[str, int | None], stored: Mapping[str, Entry]) -> list[Entry]:
    """An edit: what has not ended ends, each at its second."""
    return [with_end(entry, ends[id], ENDED) for id, entry in stored.items() if entry.state != ENDED]


def every(register: Register, *, state: str = "", subject: str = "", since: int = 0) -> Iterator[Entry]:
    """All such entries, newest first. Blocks."""
    after: tuple[int, str] | None = None
    while page := register.find(state=state, subject=subject, since=since, after=after, limit=_PAGE):
        yield from page
        after = (page[-1].at, page[-1].id)


def _text(content: Mapping[str, Any]) -> str:
    return orjson.dumps(content).decode()
