"""Cataloguing: items as their publishers put them become records; an author's token reaches its own items only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from controls.causes import Cause
from controls.foresight import HELD, PUBLISHED, WITHHELD
from feed.access.caller import ADMIN, Caller
from feed.errors import Fault, FeedError, InputInvalid, NotYours, UnknownItem
from feed.future import DUE, ahead
from feed.items.sketches import likeness
from feed.schemas.items import CopyOut, ItemIn, ItemOut, PutOut
from feed.schemas.verdicts import CauseOut
from feed.storage.records import ItemRecord

_REMEDIES = {
    PUBLISHED: "",
    HELD: "wait for its review: it is shown once it is released, or once no rule of `why` holds it; another title or "
    "text begins the review anew",
    WITHHELD: "what `why` names is told with its reason in the statement that its author gets; appeal it there",
}


def record_of(item: str, body: ItemIn, stored: ItemRecord | None, caller: Caller, now: int) -> ItemRecord:
    """The record of an item put by a caller over the one stored; raises ``NotYours`` for another author's item, and
    ``InputInvalid`` for one that is to be published later: it would stand before everything until then."""
    if early := ahead(body.published_at, now, DUE):
        raise InputInvalid(f"published_at {early}", faults=[Fault("published_at", early)])
    author = body.author
    if ADMIN not in caller.scopes:
        author = author or caller.subject
        require_own(caller, item, author)
        if stored is not None:
            require_own(caller, item, stored.author)
    published_at = body.published_at
    if published_at is None:
        published_at = stored.published_at if stored is not None else now
    return ItemRecord(
        id=item,
        author=author,
        title=body.title,
        topics=tuple(dict.fromkeys(body.topics)),
        published_at=published_at,
        language=body.language,
        region=body.region,
        community=body.community,
        text=body.text,
    )


@dataclass(slots=True)
class Putting:
    """Items put by a caller at a second, as an edit of the store: each is judged against what is stored in the very
    transaction that writes it, so that of two who put the same new item one owns it, and the other is told."""

    caller: Caller
    bodies: Sequence[tuple[str, ItemIn]]
    now: int
    outcomes: list[ItemRecord | FeedError] = field(default_factory=list)
    """What became of each, in order, once the edit is done."""

    def __call__(self, stored: Mapping[str, ItemRecord]) -> list[ItemRecord]:
        """The items to be written, each once."""
        known, made = dict(stored), dict[str, ItemRecord]()
        self.outcomes = []
        for item, body in self.bodies:
            try:
                known[item] = made[item] = record_of(item, body, known.get(item), self.caller, self.now)
            except (NotYours, InputInvalid) as refusal:
                self.outcomes.append(refusal)
            else:
                self.outcomes.append(made[item])
        return list(made.values())


@dataclass(slots=True)
class Withdrawing:
    """An item withdrawn by a caller, as an edit of the store."""

    caller: Caller
    item: str
    outcomes: list[ItemRecord | FeedError] = field(default_factory=list)

    def __call__(self, stored: Mapping[str, ItemRecord]) -> list[ItemRecord]:
        """The item to be written; nothing when it is withdrawn already."""
        known = stored.get(self.item)
        try:
            if known is None:
                raise UnknownItem(self.item)
            require_own(self.caller, self.item, known.author)
        except (NotYours, UnknownItem) as refusal:
            self.outcomes = [refusal]
            return []
        withdrawn = replace(known, withdrawn=True)
        self.outcomes = [withdrawn]
        return [withdrawn] if withdrawn != known else []


def require_own(caller: Caller, item: str, author: str) -> None:
    """Raise ``NotYours`` unless the item's author is the caller, or the caller an administrator."""
    if ADMIN not in caller.scopes and author != caller.subject:
        raise NotYours(f"item {item!r} is another author's; an author token reaches its own items only")


def shown(record: ItemRecord) -> ItemOut:
    """An item as the wire shows it."""
    return ItemOut(**_shown(record))


def entered(record: ItemRecord, state: str, why: Sequence[Cause], case: str) -> PutOut:
    """An item that was put, as the wire shows it."""
    causes = tuple(CauseOut(cause.kind, cause.id, cause.words) for cause in why)
    return PutOut(**_shown(record), state=state, why=causes, remedy=_REMEDIES[state], case=case)


def _shown(record: ItemRecord) -> dict[str, Any]:
    return {name.name: getattr(record, name.name) for name in fields(ItemOut)}


def copy_of(record: ItemRecord, other: ItemRecord) -> CopyOut:
    """An item as the copy of another one."""
    alike = round(likeness((record.title, record.text), (other.title, other.text)), 3)
    return CopyOut(other.id, other.author, other.title, other.published_at, other.withdrawn, alike)
