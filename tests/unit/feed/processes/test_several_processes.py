"""Several processes on one store: what one acknowledges holds at the others, with their bus and without it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from feed.processes.deployment import Deployment
from feed.readers.states import SHARED_SECONDS, ReaderStates
from feed.storage.errors import StoreFailed
from feed.storage.memory import MemoryStore
from feed.storage.memory.sharing import Hub
from feed.storage.records import ReaderRecord
from ranking.building import CatalogueBuilder
from tests.journeys.http_service import Http, running, until


class Both:
    """Two processes in one, with a store and a hub in common."""

    def __init__(self, stack: ExitStack, home: Path) -> None:
        self.hub = Hub(patience=0.5)
        self.store = MemoryStore()
        self.one, self.two = (
            stack.enter_context(
                running(
                    home,
                    None,
                    self.store,
                    Deployment(name, "1", self.hub.sharing()),
                    popular_every=1e9,
                    enforced_timeout=1,
                )
            )
            for name in ("one", "two")
        )
        self.one.put_items(12)
        until(lambda: self.one.service.reader_sharing.trusted() and self.two.service.reader_sharing.trusted())
        until(lambda: self.two.service.replica.latest().edition == self.one.service.replica.latest().edition)

    def like(self, at: Http, item: str, client_id: str) -> None:
        event = {"client_id": client_id, "reader": "ada", "item": item, "kind": "like"}
        answer = at.call("POST", "/v1/events", "events", json={"events": [event]})
        assert answer.json()["accepted"] == 1, answer.text


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    with ExitStack() as stack:
        yield Both(stack, tmp_path)


def mode(at: Http) -> str:
    answer = at.call("GET", "/v1/feed?reader=ada", "feed")
    assert answer.status_code == 200, answer.text
    told: str = answer.json()["mode"]
    return told


def choose(at: Http, personalization: bool) -> None:
    patch = {"personalization": personalization}
    answer = at.call("PATCH", "/v1/readers/ada/settings", "reader", subject="ada", json=patch)
    assert answer.status_code == 200, answer.text


def heard(at: Http) -> int:
    """Entries of the reader's history as this process remembers them."""
    service = at.service
    return len(service.readers.get("ada", service.replica.latest().catalogue).reader.history)


def suppressed(at: Http, item: str) -> dict[str, object]:
    decision = {
        "type": "suppress",
        "subject": {"kind": "item", "id": item},
        "reason": "it is told to all",
        "basis": {"kind": "editorial", "clause": "1"},
        "expires_at": at.service.clock.now() + 600,
    }
    answer = at.call("POST", "/v1/decisions", "editor", json=decision)
    assert answer.status_code == 201, answer.text
    enforced: dict[str, object] = answer.json()["enforced"]
    return enforced


def test_a_decision_is_answered_once_both_obey_it(both: Both) -> None:
    for number, at in enumerate((both.one, both.two)):
        enforced = suppressed(at, f"item-{number}")
        assert (enforced["replicas"], enforced["acked"], enforced["lagging"]) == (2, 2, [])
        for each in (both.one, both.two):
            page = each.call("GET", "/v1/feed?reader=ada&limit=50", "feed").json()
            assert f"item-{number}" not in [item["id"] for item in page["items"]]


def test_why_is_told_at_once_by_the_process_that_did_not_make_the_page(both: Both) -> None:
    for made_by, asked in ((both.one, both.two), (both.two, both.one)):
        page = made_by.call("GET", "/v1/feed?reader=ada", "feed").json()
        why = f"/v1/feed/{page['request_id']}/why/{page['items'][0]['id']}"
        told = asked.call("GET", why, "reader", subject="ada")
        assert told.status_code == 200, told.text


def test_a_process_that_still_answers_somebody_from_before_is_waited_for_and_named(both: Both) -> None:
    with both.two.service.replica.reading():
        enforced = suppressed(both.one, "item-3")
    assert (enforced["acked"], enforced["lagging"]) == (1, ["two"])
    assert suppressed(both.one, "item-4")["lagging"] == []


def test_the_last_answer_from_before_is_told_to_the_others_at_once(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feed.control.replica.TICK_SECONDS", 60)
    told = both.one.service.deployment.sharing
    assert told is not None
    two = both.two.service.replica
    suppressed(both.one, "item-6")
    with two.reading() as before:
        assert suppressed(both.one, "item-7")["lagging"] == ["two"]
        assert two.latest().revision > before.revision
        assert told.bus.marks()["two"].revision == before.revision
    until(lambda: told.bus.marks()["two"].revision == two.latest().revision)


def test_a_process_that_has_left_is_not_waited_for(tmp_path: Path) -> None:
    with ExitStack() as stack:
        both = Both(stack, tmp_path)
        both.two.service.replica.close()
        assert suppressed(both.one, "item-2")["replicas"] == 1


def test_a_choice_made_at_one_holds_on_the_next_page_of_the_other(both: Both) -> None:
    for number in range(6):
        maker, other = (both.one, both.two) if number % 2 else (both.two, both.one)
        for personalization in (False, True):
            assert mode(other) == ("popular" if personalization else "personalized")
            choose(maker, personalization)
            assert mode(other) == ("personalized" if personalization else "popular")


def test_events_told_at_one_count_once_at_the_other(both: Both) -> None:
    assert heard(both.two) == 0
    for number in range(8):
        both.like(both.one, f"item-{number}", f"c{number}")
        assert heard(both.two) == heard(both.one) == number + 1


def test_a_reader_erased_at_one_is_a_stranger_at_the_other(both: Both) -> None:
    both.like(both.one, "item-1", "c1")
    assert heard(both.two) == 1
    answer = both.one.call("DELETE", "/v1/readers/ada", "reader", subject="ada")
    assert answer.status_code == 200, answer.text
    assert heard(both.two) == heard(both.one) == 0


def test_events_that_were_let_go_at_one_are_forgotten_by_both(both: Both) -> None:
    both.like(both.one, "item-1", "a")
    until(lambda: heard(both.one) == heard(both.two) == 1)
    assert both.store.events.expire(both.one.service.clock.now() + 1).result() == 1
    both.one.service.reader_sharing.forget_all()
    assert (heard(both.one), heard(both.two)) == (0, 0)


def test_without_the_bus_choices_and_events_hold_all_the_same(both: Both) -> None:
    assert mode(both.two) == "personalized"
    both.hub.cut()
    choose(both.one, False)
    assert mode(both.two) == "popular"
    both.like(both.one, "item-1", "c1")
    until(lambda: not both.two.service.reader_sharing.trusted())
    choose(both.one, True)
    assert heard(both.two) == 0, "what was told while personalization was off counts for nothing"
    both.like(both.one, "item-2", "c2")
    assert heard(both.two) == 1
    both.hub.mend(emptied=True)
    until(both.two.service.reader_sharing.trusted)
    assert heard(both.two) == 1
    choose(both.one, False)
    assert mode(both.two) == "popular"


@pytest.mark.parametrize("what", ["choice", "hide"])
def test_what_was_stored_but_not_told_is_told_when_it_is_sent_again(
    both: Both, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def send() -> int:
        patch = {"personalization": False}
        hide = {"events": [{"client_id": "h1", "reader": "ada", "item": "item-7", "kind": "hide"}]}
        if what == "choice":
            return both.one.call("PATCH", "/v1/readers/ada/settings", "admin", json=patch).status_code
        return both.one.call("POST", "/v1/events", "events", json=hide).status_code

    def fail(*given: object) -> None:
        raise StoreFailed("the database is gone")

    def shown() -> tuple[str, bool]:
        page = both.two.call("GET", "/v1/feed?reader=ada&limit=50", "feed").json()
        return page["mode"], "item-7" in [item["id"] for item in page["items"]]

    assert shown() == ("personalized", True)
    with monkeypatch.context() as broken:
        for name in ("_tell_change", "told"):
            broken.setattr(both.one.service.reader_sharing, name, fail)
        assert send() == 503
    assert send() == 200
    assert shown() == (("popular", True) if what == "choice" else ("personalized", False))


def test_without_the_bus_a_decision_is_told_by_the_registry(both: Both) -> None:
    both.hub.cut()
    enforced = suppressed(both.one, "item-5")
    assert (enforced["replicas"], enforced["acked"], enforced["lagging"]) == (2, 2, [])


def test_choices_made_at_both_at_once_leave_one_truth(both: Both) -> None:
    ends = time.monotonic() + 2

    def flicker(at: Http, choice: bool) -> None:
        while time.monotonic() < ends:
            choose(at, choice)

    makers = [threading.Thread(target=flicker, args=given) for given in ((both.one, True), (both.two, False))]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert mode(both.one) == mode(both.two)
    choose(both.one, False)
    assert mode(both.one) == mode(both.two) == "popular"


def test_what_nobody_told_of_is_found_out_after_a_minute() -> None:
    store, seconds = MemoryStore(), [0.0]
    known = CatalogueBuilder().view()
    states = ReaderStates(store, trusted=lambda: True, monotonic=lambda: seconds[0])
    assert states.get("ada", known).personalized
    store.readers.save(ReaderRecord("ada", '{"personalization":false}'), 0).result()
    assert states.get("ada", known).personalized
    seconds[0] += SHARED_SECONDS + 1
    assert not states.get("ada", known).personalized
