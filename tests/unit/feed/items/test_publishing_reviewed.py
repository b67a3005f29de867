"""A held item goes through its review case: released or taken down by the person who holds the case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from feed.errors import TooManyRequests
from feed.items.publication_rates import DAY, take_publication
from feed.storage.memory import MemoryStore
from feed.storage.sqlite.opening import open_sqlite
from tests.journeys.http_service import Http
from tests.unit.feed.decisions.deciding_office import BASIS, NOW, act, office, send
from tests.unit.feed.items.publishing_desk import decide, put, visible
from tests.unit.feed.items.test_families import OTHER


@pytest.fixture
def http(tmp_path) -> Iterator[Http]:
    with office(tmp_path, items=1, approvals=False) as running:
        yield running


def resolve(http: Http, case: str, decision: Mapping[str, object]) -> None:
    claimed = send(http, "mo/moderator", f"/v1/cases/{case}/claim")
    assert claimed.status_code == 200, claimed.text
    body = {"outcome": "acted", "answer": "looked at", "decisions": [decision]}
    ended = send(http, "mo/moderator", f"/v1/cases/{case}/resolve", body)
    assert ended.status_code == 200, ended.text


def test_a_review_ends_with_the_items_release(http):
    decide(http, "restrict_author", "author:ada", parameters={"service": "pre_review"})
    case = put(http, "a")["case"]
    queue = http.call("GET", "/v1/queue", "moderator").json()["cases"]
    assert [(one["id"], one["kind"]) for one in queue] == [(case, "review")]
    release = {"type": "release", "subject": {"kind": "item", "id": "a"}, "reason": "fine", "basis": BASIS}
    resolve(http, case, release)
    assert visible(http, "a")
    again = put(http, "a", OTHER)
    assert (again["state"], again["case"] != case) == ("held", True)
    assert not visible(http, "a")
    resolve(http, again["case"], release)
    back = put(http, "a")
    assert (back["state"], back["case"] in (case, again["case"])) == ("held", False)
    assert put(http, "a")["case"] == back["case"]


def test_a_review_ends_with_a_takedown_which_no_release_lifts(http):
    decide(http, "restrict_author", "author:ada", parameters={"service": "pre_review"})
    case = put(http, "a")["case"]
    resolve(http, case, act("takedown", "item:a"))
    decide(http, "release", "item:a")
    assert not visible(http, "a")
    assert put(http, "a")["state"] == "withheld"


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_of_those_who_publish_at_once_no_more_than_the_rate_are_taken(kind, tmp_path):
    store = MemoryStore() if kind == "memory" else open_sqlite(tmp_path / "weir.db")

    def taken(number: int) -> bool:
        try:
            take_publication(store, "ada", f"i{number}", 5, NOW)
        except TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(taken, range(40))) == 5
    with pytest.raises(TooManyRequests) as refused:
        take_publication(store, "ada", "more", 5, NOW + DAY - 1)
    assert refused.value.headers == {"Retry-After": "1"}
    take_publication(store, "ada", "more", 5, NOW + DAY)
    # A rate that was lowered counts what was taken before; a clock that steps back refuses nothing for ever.
    with pytest.raises(TooManyRequests):
        take_publication(store, "ada", "more", 1, NOW + DAY)
    take_publication(store, "bob", "his", 1, NOW - 60)
    store.close()
