"""Corrections on their way: to everybody who was exposed, once each until seen, across restarts and erasure."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from controls.corrections import Correction
from controls.scopes import AgeClass, Audience, Scope, SurfaceKind
from feed.corrections.cards import MOST_CARDS, MOST_OFFERS
from feed.corrections.sending import Corrections
from feed.storage.memory import MemoryStore
from feed.storage.ports.store import Store
from feed.storage.sqlite.opening import open_sqlite
from ranking.reader import EventKind
from tests.contracts.making import event

ADULT = Audience("DE", AgeClass.ADULT, "de")
BEGAN = 1_000


@pytest.fixture(scope="module")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("empty") / "weir.db"
    open_sqlite(path).close()
    return path


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Any, empty_sqlite: Any) -> Iterator[Store]:
    if request.param == "memory":
        opened: Store = MemoryStore()
    else:
        opened = open_sqlite(shutil.copy(empty_sqlite, tmp_path / "weir.db"))
    yield opened
    opened.close()


def correction(decision: str = "d1", item: str = "i1", **more: Any) -> Correction:
    fields: dict[str, Any] = {"members": (item,), "notice": "corrected", "text": "It was 12.", "scope": Scope()}
    fields |= {"starts_at": BEGAN, "ends_at": BEGAN + 10_000}
    return Correction(decision=decision, item=item, **(fields | more))


def exposed(store: Store, *readers: str, item: str = "i1", at: int = 900) -> None:
    impressions = [event(reader, f"{item} at {at}", item, EventKind.IMPRESSION, at) for reader in readers]
    store.events.append(impressions).result()


class Desk:
    """Corrections of one process, and pages that ask for cards."""

    def __init__(self, store: Store) -> None:
        self.corrections = Corrections(store, lambda: None)
        self.corrections.load()
        self.pages = 0
        self.now = BEGAN + 10
        self.corrections.work(self.now)

    def page(self, reader: str, *, after: int = 0, audience: Audience = ADULT, at: int | None = None) -> list[str]:
        """The decisions whose cards are on the next page of a reader."""
        self.pages += 1
        cards = self.corrections.cards(
            reader, f"q{self.pages}", SurfaceKind.HOME, audience, after=after, now=self.now if at is None else at
        )
        return [card.decision for card in cards]

    def begin(self, *corrections: Correction) -> None:
        for one in corrections:
            self.corrections.begin(one)
        self.corrections.work(self.now)

    def hear(self, reader: str, request_id: str, kind: EventKind = EventKind.IMPRESSION, item: str = "i9") -> None:
        at = self.now + 5
        self.corrections.heard([event(reader, f"{request_id} {item}", item, kind, at, request_id=request_id)])

    def reach(self, decision: str = "d1") -> tuple[int, int, int, int]:
        """Exposed, seen, waiting and unconfirmed."""
        self.corrections.work(self.now)
        found = self.corrections.reach(decision)
        assert found is not None
        _, reach, _ = found
        return reach.exposed, reach.seen, self.corrections.waits(decision), reach.unconfirmed


def test_everybody_who_was_exposed_to_the_item_or_a_copy_gets_the_card_and_nobody_else(store: Store) -> None:
    exposed(store, "ada", "bob")
    exposed(store, "bob", "cat", item="copy")
    exposed(store, "dan", item="other")
    exposed(store, "late", at=BEGAN + 1)
    store.events.append([event("fan", "c", "i1", EventKind.LIKE, 900)]).result()
    desk = Desk(store)
    desk.begin(correction(members=("i1", "copy")))
    readers = ("ada", "bob", "cat", "dan", "late", "fan")
    assert [reader for reader in readers if desk.page(reader)] == ["ada", "bob", "cat"]
    assert desk.reach() == (3, 0, 3, 0)


def test_a_card_says_what_is_right_and_repeats_nothing_of_the_item(store: Store) -> None:
    exposed(store, "ada")
    desk = Desk(store)
    desk.begin(correction())
    (card,) = desk.corrections.cards("ada", "q", SurfaceKind.HOME, ADULT, after=0, now=BEGAN)
    assert (card.decision, card.item, card.notice, card.text, card.at) == ("d1", "i1", "corrected", "It was 12.", BEGAN)


def test_a_card_stays_until_the_page_after_it_is_asked_for(store: Store) -> None:
    exposed(store, "ada")
    desk = Desk(store)
    desk.begin(correction())
    assert desk.page("ada") == ["d1"]
    assert desk.page("ada") == ["d1"], "another session does not show that the first page arrived"
    assert desk.page("ada", after=desk.now - 9) == ["d1"], "nor does a page that continues an older one"
    assert desk.page("ada", after=desk.now) == []
    assert desk.reach() == (1, 1, 0, 0)
    assert desk.page("ada") == []


def test_an_event_of_a_page_that_had_the_card_shows_that_it_was_seen(store: Store) -> None:
    exposed(store, "ada", "bob")
    desk = Desk(store)
    desk.begin(correction())
    desk.page("ada")
    desk.hear("ada", "another page")
    desk.hear("ada", "")
    desk.hear("bob", "q1")
    assert desk.page("ada") == ["d1"]
    desk.hear("ada", "q1", EventKind.CLICK)
    assert desk.page("ada") == []
    assert desk.reach() == (2, 1, 1, 0)
    found = desk.corrections.reach("d1")
    assert found is not None and found[1].within[0] == 1, "16 seconds after it began"


def test_a_card_that_nobody_confirms_is_not_sent_for_ever(store: Store) -> None:
    exposed(store, "ada")
    desk = Desk(store)
    desk.begin(correction())
    assert [desk.page("ada") for _ in range(MOST_OFFERS + 1)] == [["d1"]] * MOST_OFFERS + [[]]
    assert desk.reach() == (1, 0, 0, 1)


def test_what_was_seen_is_not_sent_again_after_a_restart_and_the_rest_is(store: Store) -> None:
    exposed(store, "ada", "bob", "cat")
    desk = Desk(store)
    desk.begin(correction())
    for reader in ("ada", "bob"):
        desk.page(reader)
    desk.page("ada", after=desk.now)
    assert desk.reach() == (3, 1, 2, 0)
    again = Desk(store)
    assert [reader for reader in ("ada", "bob", "cat") if again.page(reader)] == ["bob", "cat"]
    assert again.reach() == (3, 1, 2, 0)


def test_what_was_not_written_before_a_crash_is_sent_again_and_counted_once(store: Store) -> None:
    exposed(store, "ada")
    first, second = Desk(store), Desk(store)
    for desk in (first, second):
        desk.begin(correction())
        desk.page("ada")
        desk.page("ada", after=desk.now)
    assert first.reach() == second.reach() == (1, 1, 0, 0)
    assert Desk(store).page("ada") == []


def test_beginning_it_again_changes_nothing(store: Store) -> None:
    exposed(store, "ada")
    desk = Desk(store)
    desk.begin(correction(), correction())
    desk.page("ada")
    desk.page("ada", after=desk.now)
    desk.reach()
    desk.begin(correction())
    assert desk.page("ada") == []


def test_an_exposure_that_is_reported_late_still_calls_for_the_card(store: Store) -> None:
    desk = Desk(store)
    desk.begin(correction())
    early, fresh = (event("ada", "l", "i1", EventKind.IMPRESSION, 900), event("bob", "f", "i1", EventKind.IMPRESSION))
    fresh = fresh._replace(occurred_at=BEGAN + 1)
    store.events.append([early, fresh]).result()
    desk.corrections.heard([early, fresh])
    assert desk.reach() == (1, 0, 1, 0)
    assert (desk.page("ada"), desk.page("bob")) == (["d1"], [])
    desk.page("ada", after=desk.now)
    desk.corrections.heard([early])
    assert desk.reach() == (1, 1, 0, 0)


def test_erasing_a_reader_ends_it_and_removes_that_they_were_told(store: Store) -> None:
    exposed(store, "ada", "bob", "cat")
    desk = Desk(store)
    desk.begin(correction())
    desk.page("ada")
    desk.page("ada", after=desk.now)
    desk.reach()
    desk.page("bob")
    desk.page("bob", after=desk.now)  # not written yet
    for reader in ("ada", "bob"):
        store.readers.erase(reader, desk.now).result()
        desk.corrections.forget(reader)
        store.readers.erase(reader, desk.now).result()
    assert desk.reach() == (3, 1, 1, 0)
    papers = store.register("corrections").find(subject="d1")
    assert papers == []
    again = Desk(store)
    assert [reader for reader in ("ada", "bob", "cat") if again.page(reader)] == ["cat"]


def test_forgetting_one_item_ends_what_only_that_exposure_called_for(store: Store) -> None:
    exposed(store, "ada")
    exposed(store, "ada", "bob", item="i2")
    desk = Desk(store)
    desk.begin(correction("d1", "i1"), correction("d2", "i2"))
    store.events.forget("ada", "i1").result()
    desk.corrections.forget("ada")
    assert desk.page("ada") == ["d2"]


def test_a_reversed_or_ended_correction_is_sent_to_nobody(store: Store) -> None:
    exposed(store, "ada")
    desk = Desk(store)
    desk.begin(correction("d1"), correction("d2", ends_at=BEGAN + 20))
    desk.corrections.end("d1")
    assert desk.page("ada") == ["d2"]
    assert desk.page("ada", at=BEGAN + 20) == []
    desk.now = BEGAN + 20
    assert desk.reach("d2") == (1, 0, 0, 0)
    assert Desk(store).page("ada") == []


def test_a_correction_that_begins_later_waits_for_its_second(store: Store) -> None:
    exposed(store, "ada", at=BEGAN + 50)
    desk = Desk(store)
    desk.begin(correction(starts_at=BEGAN + 100))
    assert desk.page("ada") == []
    desk.now = BEGAN + 100
    assert desk.reach() == (1, 0, 1, 0)
    assert desk.page("ada") == ["d1"]


def test_a_scope_holds_for_cards_too_and_unknown_regions_get_them(store: Store) -> None:
    exposed(store, "ada")
    desk = Desk(store)
    desk.begin(correction(scope=Scope(regions=("FR",))))
    assert desk.page("ada") == []
    assert desk.page("ada", audience=Audience()) == ["d1"]
    assert desk.page("ada", audience=Audience("FR", AgeClass.MINOR)) == ["d1"]


def test_one_page_has_a_few_cards_and_the_next_the_others(store: Store) -> None:
    desk = Desk(store)
    for number in range(MOST_CARDS + 1):
        exposed(store, "ada", item=f"i{number}")
        desk.begin(correction(f"d{number}", f"i{number}"))
    assert desk.page("ada") == ["d0", "d1", "d2"]
    assert desk.page("ada", after=desk.now) == ["d3"]


def test_of_corrections_of_copies_decided_together_readers_get_one(store: Store) -> None:
    exposed(store, "ada")
    exposed(store, "ada", item="copy")
    desk = Desk(store)
    desk.begin(correction("b.0", members=("i1", "copy")), correction("b.1", "copy"))
    assert desk.page("ada") == ["b.0"]
