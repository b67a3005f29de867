"""Readers' explicit settings: how they are stored, shown and changed (laws 5 and 7; docs/adr/0008).

Stored as JSON text with an optimistic version. A change is read, applied and saved again; somebody else's change in
between is met by doing it once more, unless the caller named the version it was made for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import orjson

from controls.scopes import EVERYWHERE, AgeClass
from feed.bootstrap import Service
from feed.errors import Fault, InputInvalid, VersionMismatch
from feed.reader_states import parse_settings
from feed.schemas.readers import SettingsOut
from feed.storage.errors import VersionConflict
from feed.storage.hides import read_settings
from feed.storage.records import ReaderRecord

_ATTEMPTS = 20

Stored = dict[str, object]


def change(
    service: Service, reader: str, apply: Callable[[Stored], Stored], expected_version: int | None = None
) -> ReaderRecord:
    """Change a reader's settings; durable and in force when it returns. Blocks.

    Raises ``VersionMismatch`` when ``expected_version`` is not the stored one.
    """
    for attempt in range(_ATTEMPTS):
        record = service.store.readers.get(reader)
        if expected_version is not None and record.version != expected_version:
            raise _mismatch(record.version, expected_version)
        before = read_settings(record.settings)
        after = apply(dict(before))
        if after == before:
            return record
        changed = replace(record, settings=orjson.dumps(after).decode(), updated_at=service.clock.now())
        try:
            saved = service.store.readers.save(changed, record.version).result()
        except VersionConflict as conflict:
            if expected_version is not None or attempt == _ATTEMPTS - 1:
                raise _mismatch(conflict.stored, expected_version) from conflict
            continue
        service.readers.invalidate(reader)
        if before.get("personalization") != after.get("personalization"):
            # The reader's voice joins or leaves the popular lists.
            service.publisher.events_came()
        return saved
    raise AssertionError("unreachable")


def agreeing(stored: Stored, patch: Mapping[str, object]) -> Stored:
    """Stored settings with a merge patch applied (RFC 7396): null takes a name out. Raises ``InputInvalid`` when the
    patch has a topic wanted more and less."""
    merged = {name: value for name, value in {**stored, **patch}.items() if value is not None}
    given = [name for name in ("more_topics", "less_topics") if patch.get(name)]
    if given and not _topics(merged, "more_topics").isdisjoint(_topics(merged, "less_topics")):
        message = "a topic would be in more and in less; send both lists, to move it from one to the other"
        raise InputInvalid(message, faults=[Fault(given[0], message)])
    return merged


def _topics(settings: Stored, name: str) -> set[object]:
    topics = settings.get(name, ())
    return set(topics) if isinstance(topics, list | tuple) else set()


def shown(record: ReaderRecord) -> SettingsOut:
    """Settings as the wire shows them; unreadable ones show as what they do: personalization off."""
    settings, audience = parse_settings(record.settings)
    return SettingsOut(
        reader=record.reader,
        version=record.version,
        updated_at=record.updated_at,
        personalization=settings.personalization,
        mode=settings.mode,
        hidden=settings.hidden,
        muted_authors=settings.muted_authors,
        muted_topics=settings.muted_topics,
        more_topics=settings.more_topics,
        less_topics=settings.less_topics,
        region="" if audience.region == EVERYWHERE else audience.region,
        age="" if audience.age is AgeClass.UNKNOWN else audience.age.value,
        language="" if audience.language == EVERYWHERE else audience.language,
    )


def _mismatch(stored: int, expected: int | None) -> VersionMismatch:
    named = f"version {expected}" if expected is not None else "each attempt"
    return VersionMismatch(f"the settings are at version {stored}, the change was made for {named}; read them again")
