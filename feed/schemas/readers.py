"""Readers' settings, history, interests, export and receipts on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from feed.schemas.fields import ID_RULE, LONGEST_ID, PRINTABLE, Id, Language, Region, Second, Topic, Wire, is_id
from feed.storage.hides import LONGEST_HIDDEN
from ranking.reader import Mode, Mute

LONGEST_LIST = 1000
"""Names in one list of a reader's settings."""

Names = Annotated[tuple[Id, ...], Field(max_length=LONGEST_LIST)]
TopicNames = Annotated[tuple[Topic, ...], Field(max_length=LONGEST_LIST)]


MuteKind = Literal["author", "topic"]
MuteName = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ID, pattern=PRINTABLE)]


class _Muted(Wire):
    kind: MuteKind
    name: MuteName

    @model_validator(mode="after")
    def _author_has_an_id(self) -> Self:
        if self.kind == "author" and not is_id(self.name):
            raise PydanticCustomError("id", "name is no author's id: {rule}", {"rule": ID_RULE})
        return self


class MuteIn(_Muted):
    """An author or a topic that is muted for a time."""

    until: Second
    """The second from which it is muted no longer; nothing has to be written then."""


class MutePut(_Muted):
    """An author or a topic that is muted, for a time or for good."""

    until: Second | None = None
    """The second from which it is muted no longer; null: until the reader says otherwise."""


class SettingsPatch(Wire):
    """A change of settings (RFC 7396): what is absent stays, null is the default again, lists are replaced whole."""

    personalization: Annotated[bool, Field(strict=True)] | None = None
    """Off: pages depend on nothing the reader did, from the next request on; events no longer count."""
    mode: Mode | None = None
    """How pages are made when a request does not say."""
    hidden: Annotated[tuple[Id, ...], Field(max_length=LONGEST_HIDDEN)] | None = None
    """Items that are never shown to this reader. A ``hide`` event adds to it."""
    muted_authors: Names | None = None
    muted_topics: TopicNames | None = None
    mutes: Annotated[tuple[MuteIn, ...], Field(max_length=LONGEST_LIST)] | None = None
    """Mutes that end by themselves."""
    sensitive: Literal["hide", "warn", "show"] | None = None
    """What becomes of items that the policy calls sensitive; null: what it has for readers who did not choose."""
    break_minutes: Annotated[int, Field(strict=True, ge=0, le=1440)] | None = None
    """Minutes of a session after which pages say how long it has lasted; 0 for never. Minors have the operator's limit
    besides."""
    more_topics: TopicNames | None = None
    less_topics: TopicNames | None = None
    region: Region | None = None
    """Region of the reader. A reader's own token may only clear it."""
    age: Literal["adult", "minor"] | None = None
    """Age class of the reader. A reader's own token may only set ``minor``."""
    language: Language | None = None


@dataclass(frozen=True, slots=True)
class SettingsOut:
    """A reader's settings; ``version`` is the ``ETag`` too, 0 while nothing was saved. ``mutes`` are those that have
    not ended; ``sensitive`` is empty where the reader did not choose."""

    reader: str
    version: int
    updated_at: int
    personalization: bool
    mode: Mode
    hidden: tuple[str, ...]
    muted_authors: tuple[str, ...]
    muted_topics: tuple[str, ...]
    mutes: tuple[Mute, ...]
    sensitive: str
    break_minutes: int
    more_topics: tuple[str, ...]
    less_topics: tuple[str, ...]
    region: str
    age: str
    language: str


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One event as stored. ``counts`` tells whether it may count for ranking and training."""

    item: str
    kind: str
    occurred_at: int
    received_at: int
    dwell_ms: int
    request_id: str
    client_id: str
    counts: bool


@dataclass(frozen=True, slots=True)
class HistoryOut:
    """A reader's events, newest first."""

    reader: str
    events: list[HistoryEntry]


@dataclass(frozen=True, slots=True)
class ForgottenOut:
    """What forgetting removed."""

    reader: str
    events: int


@dataclass(frozen=True, slots=True)
class Interest:
    """A topic, its share of the votes of the reader's history (negative: it counts against), and events behind it."""

    topic: str
    share: float
    events: int


@dataclass(frozen=True, slots=True)
class InterestsOut:
    """What the reader's history says, and what the reader said. ``used`` is False with personalization off."""

    reader: str
    used: bool
    derived: list[Interest]
    more: tuple[str, ...]
    less: tuple[str, ...]


class InterestsPatch(Wire):
    """A change of explicit interests: what is absent stays, lists are replaced whole."""

    more: TopicNames | None = None
    """Topics whose items count half as much again."""
    less: TopicNames | None = None
    """Topics whose history casts no vote and whose items count half."""


@dataclass(frozen=True, slots=True)
class WrittenOut:
    """What a reader wrote: ``kind`` report or appeal, and the id that follows it."""

    kind: str
    id: str
    at: int
    text: str


@dataclass(frozen=True, slots=True)
class ToldOut:
    """A correction that the reader was sent, and whether they are known to have seen it."""

    decision: str
    at: int
    seen: bool


@dataclass(frozen=True, slots=True)
class TrialOut:
    """An experiment that runs, and the arm in which the reader's personalized pages are, up to the second ``until``."""

    experiment: str
    name: str
    arm: str
    surfaces: tuple[str, ...]
    until: int


@dataclass(frozen=True, slots=True)
class ExportOut:
    """Everything that is stored of a reader, except recorded Servings, which hold the same events again."""

    reader: str
    exported_at: int
    settings: SettingsOut
    interests: InterestsOut
    events: list[HistoryEntry]
    written: list[WrittenOut]
    """Reports and appeals, newest first."""
    corrections: list[ToldOut]
    """Corrections that the reader was told, newest first."""
    experiments: list[TrialOut]
    """Not stored, but told all the same: none while personalization is off."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that an erasure removed (servings: emptied; decisions: no longer naming the reader; entries: their papers,
    or that no longer name them)."""

    events: int
    settings: int
    servings: int
    decisions: int
    entries: int


@dataclass(frozen=True, slots=True)
class RegisterRows:
    """Of a register: entries that an erasure deleted, and those that stay without the reader's name."""

    deleted: int
    kept: int


@dataclass(frozen=True, slots=True)
class Remains:
    """What an erasure cannot take back at once: the active model until the next training, and by when that is."""

    model: str
    trained_at: int | None
    until: str
    by: int | None


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Evidence about this person as an author, which is kept under legal hold and no erasure reaches: of how many
    decisions, and until when it is held at most."""

    decisions: int
    until: int | None


@dataclass(frozen=True, slots=True)
class ReceiptOut:
    """Proof of an erasure."""

    receipt: str
    reader: str
    erased_at: int
    rows: Rows
    registers: dict[str, RegisterRows]
    caches: list[str]
    lists_by: int
    remains: Remains
    held: HeldOut
