"""The measuring of first minutes: repeatable, and each condition does what its name says."""

from __future__ import annotations

import pytest

from experiments.first_minutes import CONDITIONS, Community, Conditions, Setting, measure
from ranking.growth import known_to

SMALL = Setting(seed=3, readers=60, items=200, events=3000, seconds=40, visits=3, pace=3000.0)


def test_the_same_setting_measures_the_same() -> None:
    first = measure(SMALL, CONDITIONS["both"])
    assert measure(SMALL, CONDITIONS["both"]) == first
    assert first.items > 2
    assert 0 < first.explored < 0.2
    assert 0 <= first.pleased < first.pleased + first.regret <= 1
    assert first.median_seconds <= first.late_seconds


@pytest.mark.parametrize("name", CONDITIONS)
def test_newcomers_get_what_the_conditions_say(name: str) -> None:
    conditions: Conditions = CONDITIONS[name]
    community = Community(SMALL, conditions)
    known = community.snapshot.catalogue.rows
    assert not community.snapshot.growth.rows.size
    for _ in range(6):
        community.tick()
        reader, page, at = community.visit()
        done = community.react(reader, page, at)
        assert {row for row, kind in done if kind == 0} == set(page.rows.tolist())
    snapshot = community.snapshot
    assert snapshot.catalogue.rows > known
    assert (snapshot.growth.newcomers.size > 0) == conditions.rows
    assert (len(snapshot.exploration.get("home", ())) > 0) == (conditions.explore_every > 0)
    assert not known_to(snapshot.graph, snapshot.growth.newcomers).any()


def test_the_best_page_pleases_at_least_as_much_as_the_one_that_was_shown() -> None:
    community = Community(SMALL, CONDITIONS["both"])
    for _ in range(5):
        community.tick()
        reader, page, at = community.visit()
        shown, best = community.best(reader, page, at)
        assert 0 <= shown <= best <= 1
