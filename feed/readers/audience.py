"""Audience: who a page is for, joined from token claims, stored settings and the query (law 6: strictest wins).

What is unknown is the strictest: a restricting scope reaches it, a favouring one does not. So two sources that
contradict each other leave it unknown, and a query can only confirm what is known or make it unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from controls.scopes import EVERYWHERE, AgeClass, Audience
from feed.access.caller import UNKNOWN, Caller

if TYPE_CHECKING:
    from feed.readers.states import ReaderStates
    from ranking.catalogue import Catalogue

_Word = TypeVar("_Word", bound=str)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query says of the audience; None where it says nothing."""

    region: str | None = None
    age: AgeClass | None = None
    language: str | None = None


NOTHING_ASKED = Asked()


def resolve(claimed: Audience, stored: Audience, asked: Asked = NOTHING_ASKED) -> Audience:
    """The audience of a request: claims and stored settings joined, then tightened by the query."""
    if claimed is UNKNOWN and stored == UNKNOWN:
        return UNKNOWN
    return Audience(
        region=_tightened(_joined(claimed.region, stored.region, EVERYWHERE), asked.region, EVERYWHERE),
        age=_tightened(_joined(claimed.age, stored.age, AgeClass.UNKNOWN), asked.age, AgeClass.UNKNOWN),
        language=_tightened(_joined(claimed.language, stored.language, EVERYWHERE), asked.language, EVERYWHERE),
        sensitive=stored.sensitive,
    )


def audience_of(caller: Caller, readers: ReaderStates, catalogue: Catalogue) -> Audience:
    """The audience of a caller: a reader's own settings count too. May block on the store."""
    if "reader" not in caller.scopes:
        return caller.audience
    return resolve(caller.audience, readers.get(caller.subject, catalogue).audience)


def _joined(claimed: _Word, stored: _Word, unknown: _Word) -> _Word:
    if claimed == unknown:
        return stored
    return claimed if stored in (unknown, claimed) else unknown


def _tightened(known: _Word, asked: _Word | None, unknown: _Word) -> _Word:
    return known if asked is None or asked == known else unknown
