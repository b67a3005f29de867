"""Overload: bulk is refused before pages, all is let in again, and a store that hangs holds up nobody in memory."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from feed.app import create_app
from feed.bootstrap import open_service
from feed.clock import SystemClock
from feed.errors import Overloaded
from feed.http.overload import WINDOW_SECONDS, Overload, goes_first
from feed.observing.metrics import Metrics
from feed.readers.loading import AT_ONCE, unread
from feed.settings import Settings
from feed.storage.errors import StoreBusy
from feed.storage.records import ItemRecord
from tests.journeys.http_service import Http, running, until

PAGE, BULK = "/v1/feed", "/v1/events"


class Watch:
    """A clock that stands where it was set."""

    now = 0.0


def made(**chosen: Any) -> Overload:
    Watch.now = 0.0
    return Overload(Settings(_env_file=None, **chosen), Metrics(), lambda: Watch.now)  # type: ignore[call-arg]


def late(overload: Overload, seconds: float, windows: int = 2) -> None:
    """So many windows in which the loop was never less late than so many seconds."""
    for _ in range(2 * windows):
        Watch.now += WINDOW_SECONDS
        overload.beat(seconds, Watch.now)


def admitted(overload: Overload, path: str, count: int = 100) -> int:
    """How many of so many requests are let in, each answered at once."""
    let_in = 0
    for _ in range(count):
        try:
            overload.enter(path)()
        except Overloaded as refusal:
            assert refusal.headers["Retry-After"]
        else:
            let_in += 1
    return let_in


@pytest.mark.parametrize("path", ["/v1/feed", "/v1/items/x/related", "/v1/decisions", "/v1/readers/ann/settings"])
def test_pages_decisions_and_readers_choices_go_first(path: str) -> None:
    assert goes_first(path)


@pytest.mark.parametrize("path", ["/v1/events", "/v1/items/import", "/v1/items/x", "/v1/labels", "/v1/transparency"])
def test_everything_else_can_come_later(path: str) -> None:
    assert not goes_first(path)


def test_bulk_is_refused_before_pages_and_pages_the_more_the_later_it_gets() -> None:
    overload = made(shed_delay=0.1)
    let_in = []
    for seconds in (0.05, 0.15, 0.3, 0.5, 9.0):
        late(overload, seconds)
        let_in.append((admitted(overload, BULK), admitted(overload, PAGE)))
    (calm, waiting, *rest) = let_in
    assert (calm, waiting) == ((100, 100), (0, 100))
    pages = [page for _, page in rest]
    assert [bulk for bulk, _ in rest] == [0, 0, 0]
    assert 100 > pages[0] > pages[1] > pages[2] >= 9, "some pages are always let in"


def test_everything_is_let_in_again_when_the_queue_is_gone() -> None:
    overload = made(shed_delay=0.1)
    late(overload, 3.0)
    late(overload, 0.0)
    assert (admitted(overload, BULK), admitted(overload, PAGE)) == (100, 100)


def test_a_single_stall_is_no_queue() -> None:
    overload = made(shed_delay=0.1)
    for seconds_late in (0.0, 4.0, 0.0, 0.5, 0.0):
        Watch.now += 0.6 * WINDOW_SECONDS
        overload.beat(seconds_late, Watch.now)
    assert overload.delay == 0.0


def test_a_turn_of_the_loop_that_becomes_long_refuses_what_still_waits_in_it() -> None:
    overload = made(shed_delay=0.1)
    late(overload, 0.0)
    let_in = []
    for _ in range(5):
        let_in.append((admitted(overload, BULK), admitted(overload, PAGE)))
        Watch.now += 0.2
    assert let_in[:3] == [(100, 100), (100, 100), (100, 100)] and let_in[3][0] == 0
    assert let_in[4][0] == 0 and 100 > let_in[4][1] > 0
    overload.beat(0.8, Watch.now)
    overload.beat(0.0, Watch.now)
    assert (admitted(overload, BULK), admitted(overload, PAGE)) == (100, 100), "a stall that is over is no queue"


def test_a_queue_shows_in_the_quickest_page_and_slow_ones_beside_it_do_not() -> None:
    overload = made(shed_delay=0.1)
    for taken, bulk in (((0.9, 0.15), 0), ((0.9, 0.01), 100), ((), 100)):
        overload.beat(0.0, Watch.now)
        for seconds in taken:
            overload.answered(PAGE, seconds)
            overload.answered(BULK, 0.0)
        Watch.now += WINDOW_SECONDS
        overload.beat(0.0, Watch.now)
        assert admitted(overload, BULK) == bulk


def test_nothing_is_refused_for_delay_when_the_operator_says_so() -> None:
    overload = made(shed_delay=0)
    late(overload, 9.0)
    assert (admitted(overload, BULK), admitted(overload, PAGE)) == (100, 100)


def test_bulk_that_is_not_answered_leaves_room_for_pages() -> None:
    overload = made(bulk_in_flight=3)
    leaving = [overload.enter(BULK) for _ in range(3)]
    assert (admitted(overload, BULK), admitted(overload, PAGE)) == (0, 100)
    leaving.pop()()
    assert admitted(overload, BULK) == 100
    held = [overload.enter(PAGE) for _ in range(10)]
    assert admitted(overload, PAGE) == 0, "pages too are bounded, at four times as many"
    for leave in (*held, *leaving):
        leave()
    assert (admitted(overload, PAGE), admitted(overload, BULK)) == (100, 100)


def test_a_reader_who_cannot_be_read_is_one_who_opted_out() -> None:
    view = unread("ann")
    assert not view.personalized and not len(view.reader.history) and view.audience.sensitive == "hide"


def event(number: int) -> dict[str, Any]:
    return {"events": [{"client_id": f"e{number}", "reader": "ann", "item": "item-1", "kind": "like"}]}


def told(http: Http, name: str) -> float:
    lines = http.client.get("/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


class Hanging:
    """A store's reading or writing that hangs until it is let go."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.go = threading.Event()
        self.entered = threading.Semaphore(0)

    def __call__(self, *arguments: Any) -> Any:
        self.entered.release()
        self.go.wait(60)
        return self._real(*arguments)


def test_a_store_that_hangs_holds_up_no_page_of_readers_in_memory_and_no_other_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, reader_patience=0.05) as http:
        http.put_items()
        http.call("POST", "/v1/events", "events", json=event(1))
        known = http.call("GET", "/v1/feed?reader=ann", "feed").json()
        assert known["mode"] == "personalized"
        readers = http.service.store.readers
        hanging = Hanging(readers.pasts)
        monkeypatch.setattr(readers, "pasts", hanging, raising=False)
        try:
            page = http.call("GET", "/v1/feed?reader=ann", "feed").json()
            assert page["mode"] == "personalized" and page["items"]
            for number in range(AT_ONCE + 2):
                page = http.call("GET", f"/v1/feed?reader=new-{number}", "feed").json()
                assert page["mode"] == "popular" and page["items"], "personalization is off where it cannot be read"
            assert told(http, "weir_reader_unread_total") == AT_ONCE + 2
        finally:
            hanging.go.set()
        until(lambda: http.call("GET", "/v1/feed?reader=new-0", "feed").json()["mode"] == "personalized")


def test_events_that_a_hanging_store_does_not_confirm_are_answered_and_pages_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, write_patience=0.05, bulk_in_flight=1) as http:
        http.put_items()
        http.call("GET", "/v1/feed?reader=ann", "feed")
        events, real = http.service.store.events, http.service.store.events.append
        waiting: list[tuple[Any, Future[Any]]] = []

        def hangs(records: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_running_or_notify_cancel()
            waiting.append((records, future))
            return future

        monkeypatch.setattr(events, "append", hangs, raising=False)
        answer = http.call("POST", "/v1/events", "events", json=event(1))
        http.problem(answer, 503, "store-slow")
        assert answer.headers["Retry-After"] == "5"
        assert http.call("GET", "/v1/feed?reader=ann", "feed").json()["items"]
        monkeypatch.undo()
        ((records, future),) = waiting
        future.set_result(real(records).result())
        again = http.call("POST", "/v1/events", "events", json=event(1)).json()
        assert (again["accepted"], again["duplicates"]) == (0, 1), "what was written late is not written twice"
        assert "item-1" in http.call("GET", "/v1/readers/ann/history", "admin").text


def test_more_bulk_than_there_is_room_for_is_refused_while_pages_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, bulk_in_flight=2, write_patience=30) as http, ThreadPoolExecutor(2) as others:
        http.put_items()
        held: list[Future[Any]] = []
        events = http.service.store.events

        def hangs(records: Any) -> Future[Any]:
            held.append(Future())
            return held[-1]

        monkeypatch.setattr(events, "append", hangs, raising=False)
        posts = [others.submit(http.call, "POST", "/v1/events", "events", json=event(n)) for n in range(2)]
        until(lambda: len(held) == 2)
        answer = http.call("POST", "/v1/events", "events", json=event(3))
        http.problem(answer, 503, "overloaded")
        assert answer.headers["Retry-After"] == "1"
        assert http.call("GET", "/v1/feed?reader=ann", "feed").status_code == 200
        assert http.client.get("/livez").status_code == 200
        assert told(http, 'weir_shed_total{reason="in-flight"}') == 1
        for future in held:
            future.set_exception(StoreBusy("full"))
        for post in posts:
            http.problem(post.result(), 503, "store-busy")
        monkeypatch.undo()
        assert http.call("POST", "/v1/events", "events", json=event(4)).json()["accepted"] == 1


def test_a_loop_that_stands_still_refuses_bulk_first_and_recovers(tmp_path: Path) -> None:
    service = open_service(Settings(home=tmp_path, rate_personal=0, rate_service=0, shed_delay=0.05))
    app = create_app(service)
    stalled = threading.Event()

    async def stall(request: Any) -> Any:
        while not stalled.is_set():
            ends = SystemClock().monotonic() + 0.3
            while SystemClock().monotonic() < ends:
                pass
            await __import__("asyncio").sleep(0)

    app.router.routes.append(Route("/v1/feedback-stall", stall))
    with TestClient(app, raise_server_exceptions=False) as client:
        http = Http(service, app, client)
        service.store.items.put_items([ItemRecord("item-1", published_at=1)]).result()
        with ThreadPoolExecutor(1) as other:
            standing = other.submit(client.get, "/v1/feedback-stall")
            until(lambda: app.state.overload.delay > 0.05)
            answer = http.call("POST", "/v1/events", "events", json=event(1))
            stalled.set()
            standing.result()
        http.problem(answer, 503, "overloaded")
        until(lambda: http.call("POST", "/v1/events", "events", json=event(2)).status_code == 200)
