"""Publication rates: how many items are taken from an author a day, while a decision limits them.

What was taken is kept in the register "publications", an entry an author, and counted where it is written: of two that
come at once with room for one, one is taken (ADR 0018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from feed.errors import TooManyRequests
from feed.storage.ports.store import Store
from feed.storage.register import Entry

DAY = 86_400


def take_publication(store: Store, author: str, item: str, per_day: int, now: int) -> None:
    """Count one more publication of an author; raises ``TooManyRequests``, with the seconds until there is room again,
    when so many as ``per_day`` were taken in the last day. Blocks until it is durable."""
    taken: list[int] = []

    def edit(stored: Mapping[str, Entry]) -> Sequence[Entry]:
        entry = stored.get(author)
        seconds = orjson.loads(entry.content) if entry is not None else []
        taken[:] = [second for second in seconds if second > now - DAY]
        if len(taken) >= per_day:
            return []
        return [Entry(author, orjson.dumps([*taken, now]).decode(), subject=author, at=now)]

    if not store.register("publications").edit([author], edit).result():
        wait = max(1, taken[-per_day] + DAY - now)
        raise TooManyRequests(
            f"item {item!r} was not taken: author {author!r} may publish {per_day} items a day; wait {wait} s, and see "
            "the author's standing for the decision",
            headers={"Retry-After": str(wait)},
        )
