"""Results of experiments: who is counted, what of theirs, and what is kept when the Servings go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from experiments.assignment import bucket_of
from feed.operations.upkeep import expire_servings
from feed.storage.records import EventRecord
from ranking.reader import EventKind
from tests.journeys.http_service import Http
from tests.unit.feed.decisions.deciding_office import NOW, office, read, send
from tests.unit.feed.experiments.test_experiments_over_http import ENDS, at, page, reader_in, started

DAY = 86_400


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Http]:
    with office(tmp_path, approvals=False, servings_days=2) as running:
        yield running


def click(http: Http, reader: str, second: int, number: int = 0, kind: EventKind = EventKind.CLICK) -> None:
    event = EventRecord(reader, f"c{second}.{number}", "item-1", int(kind), second, second, 0, "", 1)
    http.service.store.events.append([event]).result()


def results(http: Http, id: str) -> dict[str, Any]:
    told: dict[str, Any] = read(http, f"/v1/experiments/{id}/results")
    return told


def readers_of(id: str, arm: str, count: int) -> list[str]:
    inside = (f"r{n}" for n in range(10_000) if (bucket_of(id, f"r{n}") < 500) == (arm == "a"))
    return [next(inside) for _ in range(count)]


def test_readers_are_counted_in_the_arm_that_they_were_served_with_and_no_others(http: Http) -> None:
    id = started(http)
    served = {arm: readers_of(id, arm, count) for arm, count in (("a", 3), ("b", 2))}
    for readers in served.values():
        for reader in readers:
            page(http, reader)
    page(http, served["a"][0])
    click(http, served["a"][0], NOW)
    click(http, served["b"][0], NOW, 1)
    click(http, served["b"][0], NOW, 2)
    click(http, served["b"][1], NOW, kind=EventKind.LIKE)
    click(http, reader_in(id, "b") + "-never served", NOW)
    told = results(http, id)
    assert (told["state"], told["since"], told["complete"]) == ("running", NOW, True)
    first, second = told["arms"]
    assert (first["readers"], first["pages"], first["events"], first["value"]) == (3, 4, 1, pytest.approx(1 / 3))
    assert (second["readers"], second["pages"], second["events"], second["readers_with_any"]) == (2, 2, 2, 1)
    assert first["difference"] is None and first["conclusion"] is None
    assert second["value"] == 1.0 and second["conclusion"] == "running"
    assert second["difference"]["low"] < second["difference"]["estimate"] == pytest.approx(2 / 3)


def test_what_readers_did_before_their_first_page_or_after_the_end_does_not_count(http: Http) -> None:
    id = started(http)
    reader = reader_in(id, "a")
    click(http, reader, NOW + 9)
    at(http, NOW + 10)
    page(http, reader)
    for second in (NOW + 10, ENDS - 1, ENDS):
        click(http, reader, second)
    at(http, ENDS + 5)
    page(http, reader)
    told = results(http, id)
    assert (told["state"], told["until"]) == ("ended", ENDS)
    assert (told["arms"][0]["pages"], told["arms"][0]["events"]) == (1, 2)
    assert told["arms"][1]["conclusion"] == "few"


def test_who_was_served_in_the_second_of_a_stop_is_counted(http: Http) -> None:
    id = started(http)
    page(http, reader_in(id, "a"))
    send(http, "ex/experimenter", f"/v1/experiments/{id}/stop", {"reason": "enough"})
    page(http, reader_in(id, "b"))
    told = results(http, id)
    assert (told["state"], [arm["readers"] for arm in told["arms"]]) == ("stopped", [1, 0])


def test_pages_that_were_not_personalized_count_for_no_arm(http: Http) -> None:
    id = started(http)
    http.call("PATCH", "/v1/readers/out/settings", "reader", subject="out", json={"personalization": False})
    page(http, "out")
    page(http, "in", mode="latest")
    assert [arm["readers"] for arm in results(http, id)["arms"]] == [0, 0]


def test_an_erased_reader_drops_out(http: Http) -> None:
    id = started(http)
    for reader in readers_of(id, "a", 2):
        page(http, reader)
        click(http, reader, NOW)
    assert results(http, id)["arms"][0]["readers"] == 2
    gone = readers_of(id, "a", 1)[0]
    assert http.call("DELETE", f"/v1/readers/{gone}", "reader", subject=gone).status_code == 200
    told = results(http, id)["arms"][0]
    assert (told["readers"], told["pages"], told["events"]) == (1, 1, 1)


def test_arms_of_another_experiment_beside_do_not_split_a_reader_in_two(http: Http) -> None:
    id = started(http)
    reader = reader_in(id, "a")
    page(http, reader)
    started(http, name="places", sets={"fresh_every": 3})
    page(http, reader)
    told = results(http, id)["arms"][0]
    assert (told["readers"], told["pages"]) == (1, 2)


def test_what_was_shown_is_kept_when_the_servings_go_and_holds_nothing_of_readers(http: Http) -> None:
    id = started(http)
    reader = reader_in(id, "a")
    page(http, reader)
    click(http, reader, NOW)
    at(http, ENDS)
    before = results(http, id)
    at(http, NOW + 2 * DAY - 3600)
    anyio.run(expire_servings, http.service)
    at(http, NOW + 3 * DAY)
    anyio.run(expire_servings, http.service)
    assert http.service.store.servings.newest(10) == []
    after = results(http, id)
    assert {**after, "counted_at": 0} == {**before, "counted_at": 0} and after["arms"][0]["readers"] == 1
    kept = http.service.store.register("findings").get(id)
    assert kept is not None and reader not in kept.content and kept.person == ""


def test_a_running_experiment_that_outlasts_its_servings_says_so(http: Http) -> None:
    id = started(http, expires_at=NOW + 5 * DAY)
    page(http, reader_in(id, "a"))
    at(http, NOW + 3 * DAY)
    anyio.run(expire_servings, http.service)
    page(http, reader_in(id, "b"))
    told = results(http, id)
    assert not told["complete"] and told["since"] == NOW + DAY
    assert [arm["readers"] for arm in told["arms"]] == [0, 1]


def test_results_of_what_is_no_experiment_are_not_found(http: Http) -> None:
    answer = http.call("GET", "/v1/experiments/none/results", "auditor", subject="aud")
    http.problem(answer, 404, "not-found")
