"""Readers' explicit settings: how they are stored, shown and changed (laws 5 and 7; docs/adr/0008).

Stored as JSON text with an optimistic version. A change is read, applied and saved again; somebody else's change in
between is met by doing it once more, unless the caller named the version it was made for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from controls.scopes import EVERYWHERE, AgeClass
from feed.bootstrap import Service
from feed.errors import Fault, InputInvalid, VersionMismatch
from feed.readers.choices import read_choices
from feed.schemas.readers import LONGEST_LIST, SettingsOut
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
            # Who asks again may not have been answered: the change may be stored, and others not know of it.
            with service.reader_sharing.changing(reader):
                return record
        _drop_ended(after, service.clock.now())
        changed = replace(record, settings=orjson.dumps(after).decode(), updated_at=service.clock.now())
        try:
            with service.reader_sharing.changing(reader):
                saved = service.store.readers.save(changed, record.version).result()
        except VersionConflict as conflict:
            if expected_version is not None or attempt == _ATTEMPTS - 1:
                raise _mismatch(conflict.stored, expected_version) from conflict
            continue
        if before.get("personalization") != after.get("personalization"):
            # The reader's voice joins or leaves the popular lists.
            service.duties.events_came()
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


def muted(stored: Stored, kind: str, name: str, until: int | None) -> Stored:
    """Stored settings in which an author or a topic is muted until a second, or with None for good. Raises
    ``InputInvalid`` when there are too many mutes."""
    changed = unmuted(stored, kind, name)
    plain, timed = f"muted_{kind}s", "mutes"
    if until is None:
        changed[plain] = [*_listed(changed, plain), name]
    else:
        changed[timed] = [*_listed(changed, timed), {"kind": kind, "name": name, "until": until}]
    for field in (plain, timed):
        if len(_listed(changed, field)) > LONGEST_LIST:
            raise InputInvalid(
                f"more than {LONGEST_LIST} mutes; take one out first", faults=[Fault(field, "is too long")]
            )
    return changed


def unmuted(stored: Stored, kind: str, name: str) -> Stored:
    """Stored settings in which an author or a topic is not muted."""
    plain = f"muted_{kind}s"
    others = [one for one in _listed(stored, plain) if one != name]
    timed = [one for one in _listed(stored, "mutes") if not (one["kind"] == kind and one["name"] == name)]
    changed = {**stored, plain: others, "mutes": timed}
    return {field: value for field, value in changed.items() if value != [] or field in stored}


def _drop_ended(stored: Stored, now: int) -> None:
    """Mutes that have ended leave with the next change; until then they are just without effect."""
    mutes = _listed(stored, "mutes")
    lasting = [mute for mute in mutes if mute["until"] > now]
    if len(lasting) < len(mutes):
        stored["mutes"] = lasting


def _listed(stored: Stored, field: str) -> list[Any]:
    value = stored.get(field)
    return value if isinstance(value, list) else []


def shown(record: ReaderRecord, now: int) -> SettingsOut:
    """Settings as the wire shows them at a second; unreadable ones show as what they do: personalization off."""
    choices = read_choices(record.settings)
    settings, audience = choices.settings, choices.audience
    return SettingsOut(
        reader=record.reader,
        version=record.version,
        updated_at=record.updated_at,
        personalization=settings.personalization,
        mode=settings.mode,
        hidden=settings.hidden,
        muted_authors=settings.muted_authors,
        muted_topics=settings.muted_topics,
        mutes=tuple(mute for mute in settings.mutes if mute.until > now),
        sensitive=audience.sensitive.value,
        break_minutes=choices.break_minutes,
        more_topics=settings.more_topics,
        less_topics=settings.less_topics,
        region="" if audience.region == EVERYWHERE else audience.region,
        age="" if audience.age is AgeClass.UNKNOWN else audience.age.value,
        language="" if audience.language == EVERYWHERE else audience.language,
    )


def _mismatch(stored: int, expected: int | None) -> VersionMismatch:
    named = f"version {expected}" if expected is not None else "each attempt"
    return VersionMismatch(f"the settings are at version {stored}, the change was made for {named}; read them again")
