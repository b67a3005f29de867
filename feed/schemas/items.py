"""Items, authors and labels on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from feed.schemas.fields import PRINTABLE, Id, Language, OptionalId, Region, Second, Topics, Wire, Word
from feed.schemas.verdicts import CauseOut

LONGEST_TEXT = 20_000
ItemText = Annotated[str, StringConstraints(max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$")]


class ItemIn(Wire):
    """An item, created or replaced."""

    author: OptionalId = ""
    title: Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")] = ""
    text: ItemText = ""
    """What it says, for finding its copies and as evidence; it is never ranked by."""
    topics: Topics = ()
    published_at: Second | None = None
    """When it was published; now when absent. Not in the future: put an item when it is due."""
    language: Language = ""
    region: Region = ""
    community: OptionalId = ""


class ItemLine(ItemIn):
    """One line of an import: an item with its id. ``type`` may stand there, as in Weir NDJSON."""

    id: Id
    type: Literal["item"] = "item"


@dataclass(frozen=True, slots=True)
class ItemOut:
    """An item as it is stored."""

    id: str
    author: str
    title: str
    topics: tuple[str, ...]
    published_at: int
    language: str
    region: str
    community: str
    withdrawn: bool
    text: str


@dataclass(frozen=True, slots=True)
class PutOut(ItemOut):
    """An item as it was stored, and how it entered. ``state``: ``published``, from the next edition on; ``held``, until
    somebody has looked at it or a missing signal is there; ``withheld``, when a rule or decision keeps it from pages.
    ``why`` names the rules and decisions, ``remedy`` says what can be done, ``case`` is the case that was opened."""

    state: str = "published"
    why: tuple[CauseOut, ...] = ()
    remedy: str = ""
    case: str = ""


@dataclass(frozen=True, slots=True)
class CopyOut:
    """An item that is a near-duplicate of another one; ``likeness`` from 0 to 1 is the share of runs of five
    characters that both have."""

    id: str
    author: str
    title: str
    published_at: int
    withdrawn: bool
    likeness: float


@dataclass(frozen=True, slots=True)
class CopiesOut:
    """The near-duplicates of an item, those that came last first: ``copies`` are the first of so many as ``count``."""

    item: str
    count: int
    copies: list[CopyOut]


@dataclass(frozen=True, slots=True)
class LineOut:
    """What became of one line of an import."""

    line: int
    status: Literal["taken", "refused"]
    id: str = ""
    field: str = ""
    reason: str = ""
    state: str = ""
    """How the item of a line that was taken entered: published, held or withheld."""


@dataclass(frozen=True, slots=True)
class ImportOut:
    """The last line of an import's answer."""

    lines: int
    taken: int
    refused: int


class AuthorIn(Wire):
    """An author, created or replaced. What is absent stays as it is, or takes its default for a new author."""

    name: Annotated[str, StringConstraints(max_length=300, pattern=PRINTABLE)] | None = None
    standing: Annotated[int, Field(strict=True, ge=0, le=100)] | None = None
    """Points from 0 to 100; set by the scope ``admin`` only."""
    kind: Word | None = None
    """``person``, ``business``, ``public_service`` or the operator's own word; set by the scope ``admin`` only."""
    identity: Word | None = None
    """Identity state, for example ``verified``; set by the scope ``admin`` only."""


@dataclass(frozen=True, slots=True)
class AuthorOut:
    """An author as it is stored."""

    id: str
    name: str
    standing: int
    kind: str
    identity: str


class LabelIn(Wire):
    """A label of an item, by a model."""

    item: Id
    name: Id
    score: Annotated[float, Field(strict=True, allow_inf_nan=False)]
    """From 0 to 1; a label out of this range is rejected, the others of its batch are not."""
    given_by: OptionalId = ""
    """The model that gave it. A classifier's own name when absent, or that name, a colon and a version."""
    given_at: Second | None = None
    """When it was given; now when absent. Not in the future."""


class LabelsIn(Wire):
    """A batch of labels."""

    labels: Annotated[list[LabelIn], Field(min_length=1, max_length=1000)]


@dataclass(frozen=True, slots=True)
class LabelResult:
    """What became of one label."""

    item: str
    name: str
    status: Literal["accepted", "older", "rejected"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LabelsOut:
    """What became of a batch, in the order it was sent. Accepted labels act from the next edition on; older ones, than
    what is there of the same item and name, do not."""

    accepted: int
    older: int
    rejected: int
    results: list[LabelResult]
