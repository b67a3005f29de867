"""Listing: the ``items`` of a page as bytes, the part by which opt-out (law 7) and replay (law 3) are compared.

The bytes are those that ``orjson.dumps`` makes of a list of objects; here they are put together from what many items
have in common, in a third of the time. An item that may not be shown to the audience is never named (law 5).
"""

from __future__ import annotations

from functools import lru_cache

import orjson

from controls.tiers import Tier
from controls.verdicts import Source
from ranking.page import Page, Reason
from ranking.reader import Request
from ranking.snapshot import Snapshot

_SOURCES = tuple(source.name.lower() for source in Source)
_TIERS = tuple(tier.word for tier in Tier)
_REASONS = tuple(reason.name.lower() for reason in Reason)


def items_json(page: Page, snapshot: Snapshot, request: Request) -> bytes:
    """The JSON array of a page's items, in page order, as it goes on the wire; ``position`` counts within the
    session."""
    table = snapshot.governance.table(request.audience, request.surface.kind)
    effects, ids = table.effects, snapshot.catalogue.ids
    may_be_named = (page.because >= 0) & (table.eligible[snapshot.governance.class_of[page.because]] > 0)
    shown = [ids[row] for row in page.rows.tolist()]
    named = [ids[row] for row in page.because[may_be_named].tolist()]
    # Hardly any id has a character that JSON escapes.
    if b"\\" in orjson.dumps(shown) or b"\\" in orjson.dumps(named):
        shown, named = _escaped(shown), _escaped(named)
    naming = iter(named)
    parts = []
    columns = (page.sources, page.tiers, page.classes, page.reasons, may_be_named)
    for position, (item, source, tier, cls, reason, names) in enumerate(
        zip(shown, *(column.tolist() for column in columns), strict=True), page.start
    ):
        effect = effects[cls]
        common = _common(source, tier, effect.notices, effect.disabled, reason)
        because = f'"{next(naming)}"' if names else ""
        parts.append(f'{{"id":"{item}","position":{position}{common}{because}]}}}}')
    return f"[{','.join(parts)}]".encode()


def _escaped(ids: list[str]) -> list[str]:
    return [orjson.dumps(one).decode()[1:-1] for one in ids]


@lru_cache(maxsize=4096)
def _common(source: int, tier: int, notices: tuple[str, ...], disabled: tuple[str, ...], reason: int) -> str:
    """What stands between an item's position and the items named in its reason."""
    told = {"source": _SOURCES[source], "tier": _TIERS[tier], "notices": notices, "disabled": disabled}
    return f',{orjson.dumps(told).decode()[1:-1]},"reason":{{"code":"{_REASONS[reason]}","items":['
