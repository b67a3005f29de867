"""Visibility: whether an item may be shown to an audience, and why or why not (laws 5 and 6)."""

from __future__ import annotations

from collections.abc import Iterable

from controls.causes import Cause
from controls.foresight import state_of
from controls.scopes import Audience, SurfaceKind
from controls.tiers import Tier
from controls.verdicts import WEIGHT_ONE, Source
from feed.errors import UnknownItem
from feed.schemas.verdicts import CauseOut, EffectsOut, VerdictOut
from ranking.snapshot import Snapshot


def visible(snapshot: Snapshot, row: int, audience: Audience) -> bool:
    """Whether a row may be shown to an audience on any surface."""
    cls = int(snapshot.governance.class_of[row])
    return any(bool(snapshot.governance.table(audience, surface).eligible[cls]) for surface in SurfaceKind)


def revoked(snapshot: Snapshot, row: int, audience: Audience) -> bool:
    """Whether there is a surface on which a row may not be shown to an audience."""
    cls = int(snapshot.governance.class_of[row])
    return not all(bool(snapshot.governance.table(audience, surface).eligible[cls]) for surface in SurfaceKind)


def require_visible(snapshot: Snapshot, item: str, audience: Audience) -> int:
    """The row of an item that may be shown to an audience; raises ``UnknownItem`` otherwise, without saying why."""
    row = snapshot.catalogue.row_of(item)
    if row < 0 or not visible(snapshot, row, audience):
        raise UnknownItem(item)
    return row


def verdict(snapshot: Snapshot, item: str, audience: Audience, surface: SurfaceKind) -> VerdictOut:
    """What governance says of an item to an audience on a surface; raises ``UnknownItem``."""
    row = snapshot.catalogue.row_of(item)
    if row < 0:
        raise UnknownItem(item)
    governance = snapshot.governance
    cls = int(governance.class_of[row])
    table = governance.table(audience, surface)
    sources = int(table.sources[cls])
    effects = table.effects[cls]
    acting = governance.acting(cls, audience, surface)
    asked = [(cause, asks) for cause, asks in governance.asked(cls) if cause in acting]
    _, why = state_of(asked)
    holds = {cause for cause, asks in asked if asks.held}
    return VerdictOut(
        item=item,
        surface=surface,
        region=audience.region,
        age=audience.age,
        revision=snapshot.revision,
        edition=snapshot.edition,
        as_of=snapshot.as_of,
        eligible=bool(table.eligible[cls]),
        tier=Tier(int(table.tier[cls])).word,
        weight=int(table.weight[cls]) / WEIGHT_ONE,
        sources=[source.name.lower() for source in Source if sources & (1 << source)],
        effects=EffectsOut(effects.notices, effects.disabled),
        causes=_told(acting),
        elsewhere=_told(cause for cause in governance.causes(cls) if cause not in acting),
        held_by=_told(cause for cause in acting if cause in holds and cause in why),
    )


def _told(causes: Iterable[Cause]) -> list[CauseOut]:
    return [CauseOut(cause.kind, cause.id, cause.words) for cause in causes]
