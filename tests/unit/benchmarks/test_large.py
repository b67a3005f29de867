"""A large store is filled as it says, and readers are drawn as they are told to be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.endtoend import EndToEnd
from benchmarks.filling import VOTES, fill
from benchmarks.large import Large, Row, _Crowd
from benchmarks.large_report import _section
from benchmarks.server import HISTORY, environment, frequent, settings_for
from feed.bootstrap import Service, open_service

ITEMS, READERS, VISITS = 300, 1100, 2


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A filled store, opened again."""
    folder: Path = tmp_path_factory.mktemp("large")
    with environment({"WEIR_RETRAIN_EVERY": "off"}):
        events = fill(folder, items=ITEMS, readers=READERS, visits=VISITS, width=20)
        service = open_service(settings_for(folder))
    assert events == service.store.events.count() == 1000 * HISTORY + READERS * VISITS * VOTES
    return service


def test_every_reader_has_visits_and_regular_ones_more(service: Service) -> None:
    service.replica.start()
    try:
        catalogue = service.replica.latest().catalogue
        assert (catalogue.rows, service.replica.latest().graph.width) == (ITEMS, 20)
        few, many = frequent(READERS - 1, READERS), frequent(0, READERS)
        views = service.readers.load_all([f"reader-{few}", f"reader-{many}"], catalogue)
        assert [len(view.reader.history) for view in views] == [VISITS * VOTES, VISITS * VOTES + HISTORY]
        assert len(set(views[0].reader.history[:, 0].tolist())) > VISITS
    finally:
        service.replica.close()
        service.store.close()


def test_every_reader_has_one_place() -> None:
    assert {frequent(place, READERS) for place in range(READERS)} == set(range(READERS))


def test_often_follows_zipfs_law_and_anybody_is_drawn_evenly() -> None:
    crowd = _Crowd(1000, 100, "token")
    drawn = Counter(crowd.often(50_000))
    first, second = (request for request, _ in drawn.most_common(2))
    assert "reader-0&" in first and f"reader-{frequent(1, 1000)}&" in second
    assert drawn[first] / drawn[second] == pytest.approx(2, rel=0.1)
    evenly = Counter(crowd.anybody(100_000))
    assert len(evenly) == 1000 and max(evenly.values()) < 200


def test_who_was_asked_for_is_in_memory() -> None:
    crowd = _Crowd(10**6, 1000, "token")
    crowd.anybody(2000)
    assert crowd.known / crowd.asked < 0.02
    crowd.often(2000)
    assert 0.4 < (crowd.known - 1) / 2000 < 0.7


def test_the_report_has_a_figure_for_each_way_to_draw() -> None:
    both = EndToEnd(5, 1.0, 2.0, 3.0, 4.0, 0.5, (0.5, 0.6), 0.7, 0)
    rows = tuple(Row(drawn, 0.25, 3, both) for drawn in ("regular", "often", "anybody"))
    made = _section("", Large(5, 6, 7, 8.0, rows, 9, 10, 11_000_000, 12, 13), "key")
    assert made.figures["key_often"] == 0.5
    assert made.figures["key_anybody_processor"] == 0.7
    assert made.figures["key_server_mb"] == 11
    assert "| evenly | 25% | 3 | 1 |" in made.text
