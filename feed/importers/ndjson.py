"""Weir NDJSON: one JSON object a line, each with a ``type`` of item, author, label or event.

The fields are those of the HTTP API. An item without ``published_at`` keeps the time it has in the store, or is
published now. An event without ``client_id`` gets one from its content, so that the same line
is the same event however often it is imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from feed.importers.errors import ImportRefused
from feed.importers.lines import Position, lines
from feed.importers.reading import PUBLISHED_NOW, Malformed, Progress, Record, Refusal, Taken, past
from feed.schemas.events import EventIn
from feed.schemas.fields import Id, OptionalId, Second, fault_words
from feed.schemas.items import AuthorIn, ItemLine, LabelIn
from feed.storage.records import AuthorRecord, EventRecord, ItemRecord, LabelRecord
from ranking.reader import EventKind


class AuthorLine(AuthorIn):
    """An author, created or replaced; what is absent takes its default."""

    type: Literal["author"]
    id: Id


class LabelLine(LabelIn):
    """A label of an item."""

    type: Literal["label"]
    score: Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
    given_by: Id = "import"
    given_at: Second


class EventLine(EventIn):
    """An event of a reader."""

    type: Literal["event"]
    reader: Id
    occurred_at: Second
    client_id: OptionalId = ""


_LINE: TypeAdapter[ItemLine | AuthorLine | LabelLine | EventLine] = TypeAdapter(
    Annotated[ItemLine | AuthorLine | LabelLine | EventLine, Field(discriminator="type")]
)


class WeirNdjson:
    """One NDJSON file, or all ``*.ndjson`` files of a folder in the order of their names."""

    format = "ndjson"

    def __init__(self, path: Path, prefix: str = "") -> None:
        """``prefix`` goes before every id. Raises ImportRefused when there is nothing to read."""
        self._prefix = prefix
        files = sorted(path.glob("*.ndjson")) if path.is_dir() else [path]
        if not files or not all(file.is_file() for file in files):
            raise ImportRefused(f"{path}: no such file, and no folder with *.ndjson files")
        self._files = tuple(files)

    @staticmethod
    def fits(path: Path) -> bool:
        """Whether a path looks like Weir NDJSON."""
        return any(path.glob("*.ndjson")) if path.is_dir() else path.suffix in (".ndjson", ".jsonl")

    @property
    def parts(self) -> Sequence[Path]:
        """The files."""
        return self._files

    def prepare(self, progress: Progress) -> None:
        """Nothing is needed ahead."""
        del progress

    def read(self, part: int, after: Position, now: int) -> Iterator[Taken]:
        """One record a line; empty lines pass."""
        for line in lines(self._files[part], after):
            if line.fault:
                yield Taken(line.number, line.end, refusal=Refusal("unreadable", line.fault))
            elif line.text.strip():
                try:
                    yield Taken(line.number, line.end, (self._record(line.text, now),))
                except Malformed as malformed:
                    yield Taken(line.number, line.end, refusal=malformed.refusal)

    def _record(self, text: str, now: int) -> Record:
        match _parsed(text):
            case ItemLine() as item:
                return ItemRecord(
                    self._own(item.id),
                    self._own(item.author),
                    item.title,
                    tuple(dict.fromkeys(item.topics)),
                    PUBLISHED_NOW if item.published_at is None else past("published_at", item.published_at, now),
                    item.language,
                    item.region,
                    self._own(item.community),
                    text=item.text,
                )
            case AuthorLine() as author:
                given = author.model_dump(include={"name", "standing", "kind", "identity"}, exclude_none=True)
                return AuthorRecord(self._own(author.id), **given)
            case LabelLine() as label:
                given_at = past("given_at", label.given_at, now)
                return LabelRecord(self._own(label.item), label.name, label.score, label.given_by, given_at)
            case EventLine() as event:
                return EventRecord(
                    self._own(event.reader),
                    event.client_id or hashlib.sha256(text.strip().encode()).hexdigest()[:32],
                    self._own(event.item),
                    int(EventKind[event.kind.upper()]),
                    past("occurred_at", event.occurred_at, now),
                    now,
                    event.dwell_ms,
                    event.request_id,
                    1,
                )

    def _own(self, name: str) -> str:
        return self._prefix + name if name else ""


def _parsed(text: str) -> ItemLine | AuthorLine | LabelLine | EventLine:
    try:
        document: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Malformed("json", f"not JSON: {error}") from None
    if not isinstance(document, dict):
        raise Malformed("json", "a line must be a JSON object")
    try:
        return _LINE.validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = [str(part) for part in first["loc"] if part != document.get("type")]
        field = ".".join(place) or "type"
        raise Malformed(
            f"field {place[0] if place else 'type'}", f"{field}: {fault_words(first['type'], first['msg'])}"
        ) from None
