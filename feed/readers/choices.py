"""A reader's stored choices, read: what ranking, the audience and the page beside its items make of them (law 7).

Settings that cannot be read are read as the strictest: personalization off, sensitive items hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import orjson

from controls.scopes import AgeClass, Audience, Sensitive
from ranking.reader import Mode, Mute, Settings


@dataclass(frozen=True, slots=True)
class ReaderChoices:
    """Explicit settings by who reads them: ``settings`` is ranking's, ``audience`` governance's; ``break_minutes`` of a
    session is when the reader wants to be told of it, 0 for never."""

    settings: Settings
    audience: Audience
    break_minutes: int


UNREADABLE = ReaderChoices(
    Settings(personalization=False, mode=Mode.POPULAR), Audience(sensitive=Sensitive.HIDE), break_minutes=0
)
"""What settings that cannot be read mean."""


LONGEST_SHARED = 256
"""Longest text whose choices are read once and shared by the readers who made the same."""


def read_choices(text: str) -> ReaderChoices:
    """The choices that are stored as this JSON text."""
    return _shared(text) if len(text) <= LONGEST_SHARED else _read(text)


@lru_cache(maxsize=4096)
def _shared(text: str) -> ReaderChoices:
    return _read(text)


def _read(text: str) -> ReaderChoices:
    try:
        stored = orjson.loads(text)
        settings = Settings(
            personalization=bool(stored.get("personalization", True)),
            mode=Mode(stored.get("mode", Mode.PERSONALIZED)),
            hidden=tuple(stored.get("hidden", ())),
            muted_authors=tuple(stored.get("muted_authors", ())),
            muted_topics=tuple(stored.get("muted_topics", ())),
            more_topics=tuple(stored.get("more_topics", ())),
            less_topics=tuple(stored.get("less_topics", ())),
            mutes=tuple(Mute(mute["kind"], mute["name"], int(mute["until"])) for mute in stored.get("mutes", ())),
        )
        audience = Audience(
            region=stored.get("region") or "*",
            age=AgeClass(stored.get("age") or AgeClass.UNKNOWN),
            language=stored.get("language") or "*",
            sensitive=Sensitive(stored.get("sensitive") or ""),
        )
        return ReaderChoices(settings, audience, int(stored.get("break_minutes", 0)))
    except (ValueError, TypeError, AttributeError, KeyError):
        return UNREADABLE
