"""Case papers: cases as entries of the register, and edits of them that are judged where they are written.

The register's columns are what the queue asks for: state, subject, deadline and priority. A case's own version counts
what people did with it; the register's version counts every write, a new priority included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Any

import orjson

from controls.cases import Case, CaseKind, CaseOutcome, CaseState, Resolution
from controls.decisions import Subject, SubjectKind
from controls.errors import ControlsError
from feed.errors import NotFound
from feed.storage.answers import durable
from feed.storage.ports.store import Once, Store
from feed.storage.register import Entry, Register
from feed.storage.rules import idempotency_conflict

CASES = "cases"
REQUESTS = "requests"
"""What requests with an idempotency key made: the key's digest, the request's as ``state``, the id as ``content``."""

Change = Callable[[Case], Case]
"""What becomes of a case; raises what ``controls`` refuses."""


def cases_of(store: Store) -> Register:
    """The register of cases."""
    return store.register(CASES)


def paper_of(case: Case, priority: int, person: str = "") -> Entry:
    """A case as it is stored. ``person``: the reader who asked, whose name the content does not hold."""
    content = asdict(case)
    for column in ("id", "state", "opened_at", "due_at"):
        del content[column]
    return Entry(
        id=case.id,
        content=orjson.dumps(content).decode(),
        state=case.state.value,
        subject=case.subject.id,
        person=person,
        kept=True,
        at=case.opened_at,
        due_at=case.due_at,
        priority=priority,
    )


def case_of(entry: Entry) -> Case:
    """The case that an entry holds."""
    content: dict[str, Any] = orjson.loads(entry.content)
    subject = content.pop("subject")
    return Case(
        **content
        | {
            "id": entry.id,
            "kind": CaseKind(content["kind"]),
            "state": CaseState(entry.state),
            "opened_at": entry.at,
            "due_at": entry.due_at,
            "subject": Subject(SubjectKind(subject["kind"]), subject["id"]),
            "resolution": _resolution(content["resolution"]),
            "drafted": _resolution(content.get("drafted")),
        }
    )


def _resolution(told: dict[str, Any] | None) -> Resolution | None:
    if told is None:
        return None
    return Resolution(CaseOutcome(told["outcome"]), told["answer"], tuple(told["decisions"]))


def found_case(store: Store, id: str) -> tuple[Case, Entry]:
    """A case with its entry; raises ``NotFound``. Blocks."""
    entry = cases_of(store).get(id)
    if entry is None:
        raise NotFound(f"no case {id!r} is known; check the id")
    return case_of(entry), entry


async def changed(store: Store, id: str, change: Change, request: str = "") -> tuple[Case, Entry]:
    """Change a case in the transaction that reads it; raises ``NotFound``, and what ``change`` raises. The same
    ``request`` once more, while nothing came after it, changes nothing."""

    def transition(before: Case) -> Case:
        return replace(change(before), request=request)

    return await _edited(store, id, transition, request)


async def noted(store: Store, id: str, change: Change) -> tuple[Case, Entry]:
    """The same for a change that is no transition: the request that made the last one stays known."""
    return await _edited(store, id, change, "")


async def _edited(store: Store, id: str, change: Change, request: str) -> tuple[Case, Entry]:
    repeated: list[Entry] = []
    refusals: list[Exception] = []

    def edit(stored: Mapping[str, Entry]) -> list[Entry]:
        refusals.clear()
        repeated.clear()
        entry = stored.get(id)
        if entry is None:
            refusals.append(NotFound(f"no case {id!r} is known; check the id"))
            return []
        before = case_of(entry)
        if request and before.request == request:
            repeated.append(entry)
            return []
        try:
            case = change(before)
        except ControlsError as refusal:
            refusals.append(refusal)
            return []
        return [replace(paper_of(case, entry.priority, entry.person), version=entry.version)]

    written = await durable(cases_of(store).edit([id], edit))
    if refusals:
        raise refusals[0]
    (entry,) = repeated or written
    return case_of(entry), entry


def request_of(once: Once | None) -> str:
    """Tells a request with an idempotency key from any other; empty without one."""
    return sha256(f"{once.key}\n{once.digest}".encode()).hexdigest() if once is not None else ""


def made_once(store: Store, once: Once | None, make: Callable[[], str], person: str = "") -> str:
    """The id that ``make`` gave to the first request with this idempotency key; raises ``IdempotencyConflict`` for
    another request under it. What ``make`` does can be repeated: a crash may lose the key. Blocks."""
    if once is None:
        return make()
    requests = store.register(REQUESTS)
    key = sha256(once.key.encode()).hexdigest()
    known = requests.get(key)
    if known is None:
        made = Entry(key, make(), state=once.digest, person=person)
        requests.edit([key], lambda stored: [] if stored else [made]).result()
        known = requests.get(key) or made
    if known.state != once.digest:
        raise idempotency_conflict(once)
    return known.content
