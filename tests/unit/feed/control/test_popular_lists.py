"""Popular lists of the publisher: made of what the service itself saw, not of what clients tell of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from feed.control.popular_lists import PopularLists
from feed.storage.memory import MemoryStore
from feed.storage.records import EventRecord
from ranking.building import CatalogueBuilder
from ranking.catalogue import Catalogue
from ranking.journal import ItemPublished
from ranking.reader import EventKind

DAY, NOW, ITEMS = 86_400, 300 * 86_400, 30
HONEST, BOUGHT = range(40), range(40, 80)


@pytest.fixture
def catalogue() -> Catalogue:
    builder = CatalogueBuilder()
    builder.apply([ItemPublished(f"item-{number}", topics=(f"t{number % 2}",)) for number in range(ITEMS)])
    return builder.view()


def honest() -> Iterator[EventRecord]:
    """Readers of the last two months, each heard on a dozen items; the last item is nobody's."""
    dice = np.random.default_rng(1)
    for reader in HONEST:
        for item in dice.choice(ITEMS - 1, 12, replace=False).tolist():
            yield voice(reader, item, NOW - int(dice.integers(0, 60 * DAY)))


def voice(reader: int, item: int, at: int, *, came: int | None = None) -> EventRecord:
    came = at if came is None else came
    return EventRecord(f"r{reader}", f"{item}", f"item-{item}", int(EventKind.LIKE), at, came, 0, "", 1)


def first(store: MemoryStore, catalogue: Catalogue) -> Sequence[str]:
    """The list of the home pool."""
    home, *_ = PopularLists(store).lists(catalogue)
    assert home.pool == "home"
    return home.items


def test_accounts_cannot_claim_a_past_that_the_service_did_not_see(catalogue: Catalogue) -> None:
    """They tell of months of varied liking, all of it sent today."""
    store, dice = MemoryStore(), np.random.default_rng(2)
    store.events.append(list(honest())).result()
    for account in BOUGHT:
        told = dice.integers(NOW - 50 * DAY, NOW, 12).tolist()
        liked = [*dice.choice(ITEMS - 1, 11, replace=False).tolist(), ITEMS - 1]
        events = [voice(account, item, at, came=NOW) for item, at in zip(liked, told, strict=True)]
        store.events.append(events).result()
    assert first(store, catalogue).index(f"item-{ITEMS - 1}") > ITEMS // 2


def test_a_reader_of_long_ago_is_known_though_their_first_events_are_no_voices(catalogue: Catalogue) -> None:
    store = MemoryStore()
    seen = EventRecord("r0", "s", "item-0", int(EventKind.IMPRESSION), NOW - 90 * DAY, NOW - 90 * DAY, 0, "", 1)
    store.events.append([seen, *honest()]).result()
    columns = store.events.columns()
    since = PopularLists(store).since(columns)
    assert since[columns.reader_ids.index("r0")] == NOW - 90 * DAY


def test_an_erased_reader_begins_anew(catalogue: Catalogue) -> None:
    store = MemoryStore()
    store.events.append(list(honest())).result()
    lists = PopularLists(store)
    lists.lists(catalogue)
    store.readers.erase("r0", NOW).result()
    lists.erased()
    store.events.append([voice(0, 1, NOW)]).result()
    columns = store.events.columns()
    assert lists.since(columns)[columns.reader_ids.index("r0")] == NOW


def test_without_events_the_list_is_empty(catalogue: Catalogue) -> None:
    assert first(MemoryStore(), catalogue) == ()
