"""The simulated community: the same for the same seed, and alive in the ways it promises."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.world import History, World
from experiments.world.taste import DAY, HOUR, News
from experiments.world.vocabulary import NAMES
from ranking.reader import EventKind

START = 1_700_000_000


def small(seed: int = 3, *, readers: int = 200, items: int = 600) -> tuple[World, History]:
    world = World(seed, readers, items, start=START)
    return world, world.history(40, events=6_000)


@pytest.fixture(scope="module")
def lived() -> tuple[World, History]:
    return small()


def test_the_same_seed_gives_the_same_past_present_and_reactions() -> None:
    (one, past), (other, same) = small(), small()
    assert past.items == same.items
    assert past.authors == same.authors
    assert past.labels == same.labels
    for column in ("readers", "items", "kinds", "times", "dwell_ms"):
        assert np.array_equal(getattr(past.events, column), getattr(same.events, column))
    assert one.step(DAY) == other.step(DAY)
    page = [item.id for item in past.items[-12:]]
    assert one.react("reader-00007", page, one.now) == other.react("reader-00007", page, other.now)


def test_another_seed_gives_another_past() -> None:
    assert small(3)[1].items != small(4)[1].items


def test_about_as_many_events_as_asked_for_all_within_the_past(lived: tuple[World, History]) -> None:
    world, past = lived
    events = past.events
    acts = int((events.kinds != EventKind.IMPRESSION).sum())
    assert 0.7 * 6_000 < acts < 1.15 * 6_000
    assert (np.diff(events.times) >= 0).all()
    assert events.times.min() >= START
    assert events.times.max() <= world.now == START + 40 * DAY


def test_nobody_reacts_to_what_is_not_published_yet(lived: tuple[World, History]) -> None:
    _, past = lived
    published = np.array([item.published_at for item in past.items])
    assert (past.events.times >= published[past.events.items]).all()


def test_impressions_are_kept_of_the_last_day_only(lived: tuple[World, History]) -> None:
    world, past = lived
    shown = past.events.times[past.events.kinds == EventKind.IMPRESSION]
    assert shown.size > 0
    assert shown.min() >= world.now - DAY


def test_what_a_reader_does_to_an_item_counts_once(lived: tuple[World, History]) -> None:
    _, past = lived
    events = past.events
    acts = events.kinds != EventKind.IMPRESSION
    keys = np.stack([events.readers[acts], events.items[acts], events.kinds[acts]], axis=1)
    assert np.unique(keys, axis=0).shape == keys.shape


def test_dwell_comes_with_milliseconds_and_nothing_else_does(lived: tuple[World, History]) -> None:
    _, past = lived
    dwelt = past.events.kinds == EventKind.DWELL
    assert (past.events.dwell_ms[dwelt] > 0).all()
    assert (past.events.dwell_ms[~dwelt] == 0).all()


def test_readers_like_what_pleases_them(lived: tuple[World, History]) -> None:
    world, past = lived
    events = past.events
    liked = np.flatnonzero(events.kinds == EventKind.LIKE)[:300]
    ids = [item.id for item in past.items]
    names = [events.reader_ids[reader] for reader in events.readers[liked]]
    oracle = world.relevance(names, ids, world.now)
    assert oracle[np.arange(liked.size), events.items[liked]].mean() > 2 * oracle.mean()


def test_interests_drift_over_a_year(lived: tuple[World, History]) -> None:
    world, past = lived
    ids = [item.id for item in past.items]
    names = world.readers[:50]
    now, next_day, next_year = (
        world.relevance(names, ids, world.now + later).ravel() for later in (0, HOUR, 365 * DAY)
    )
    assert np.corrcoef(now, next_day)[0, 1] > 0.98
    assert np.corrcoef(now, next_year)[0, 1] < 0.9


def test_the_first_place_gets_more_clicks_than_the_tenth(lived: tuple[World, History]) -> None:
    world, past = lived
    page = [item.id for item in past.items[-10:]]
    turned = [*page[::-1]]
    clicks = np.zeros(10)
    for reader in world.readers:
        for shown in (page, turned):
            for reaction in world.react(reader, shown, world.now):
                if reaction.kind is EventKind.CLICK:
                    clicks[shown.index(reaction.item)] += 1
    assert clicks[0] > 1.5 * clicks[9]


def test_later_pages_are_looked_at_less(lived: tuple[World, History]) -> None:
    world, past = lived
    page = [item.id for item in past.items[-10:]]

    def acts(first_place: int) -> int:
        reactions = (world.react(name, page, world.now, first_place=first_place) for name in world.readers)
        return sum(r.kind is not EventKind.IMPRESSION for sent in reactions for r in sent)

    assert acts(0) > 2 * acts(60)


def test_a_burst_lifts_its_topic_for_some_hours() -> None:
    news = News(seed=1)
    burst = news.between(START, START + 60 * DAY)[0]
    before, during, after = news.heat(
        np.array([burst.start - 1, burst.start + 60, burst.start + 5 * DAY], dtype=np.int64)
    )[:, burst.topic]
    assert during >= burst.strength * 0.9
    assert during > before
    assert after < 1 + (burst.strength - 1) / 4 or len(news.between(burst.start, burst.start + 5 * DAY)) > 1


def test_a_burst_fills_the_feed_with_its_topic() -> None:
    _, past = small(items=3_000)
    times = np.array([item.published_at for item in past.items])
    topics = np.array([NAMES.index(item.topics[0]) for item in past.items])
    hot = News(seed=3).heat(times)[np.arange(times.size), topics] > 2.5
    assert hot.mean() > 0.02
    assert any(item.title.startswith(("Live from", "Map:", "Overnight")) for item in past.items)


def test_labels_mostly_find_what_is_really_rumour_or_spam(lived: tuple[World, History]) -> None:
    world, past = lived
    strong = [label for label in past.labels if label.score >= 0.6]
    right = [label for label in strong if label.name in world.truth(label.item)]
    assert len(right) > 0.8 * len(strong) > 0
    really = {item.id for item in past.items if world.truth(item.id)}
    assert 0 < len(really) < len(past.items) / 4
    for label in past.labels:
        assert 0 <= label.score <= 1


def test_a_label_comes_some_minutes_after_its_item(lived: tuple[World, History]) -> None:
    _, past = lived
    published = {item.id: item.published_at for item in past.items}
    assert all(60 <= label.given_at - published[label.item] <= 900 for label in past.labels)


def test_steps_publish_new_items_and_their_labels_later() -> None:
    world, past = small()
    step = world.step(2 * DAY)
    known = {item.id for item in past.items}
    fresh = {item.id for item in step.items}
    assert fresh
    assert not fresh & known
    assert all(world.now - 2 * DAY < item.published_at <= world.now for item in step.items)
    told = {(label.item, label.name) for label in past.labels}
    assert not told & {(label.item, label.name) for label in step.labels}
    later = [label for _ in range(20) for label in world.step(DAY).labels]
    assert any(label.item not in known for label in later)


def test_a_reaction_starts_with_an_impression_of_every_item(lived: tuple[World, History]) -> None:
    world, past = lived
    page = [item.id for item in past.items[:8]]
    sent = world.react(world.readers[0], page, world.now)
    assert [reaction.item for reaction in sent[:8]] == page
    assert {reaction.kind for reaction in sent[:8]} == {EventKind.IMPRESSION}
    assert all(reaction.occurred_at > world.now for reaction in sent)


def test_foreign_items_are_reacted_to_once_adopted() -> None:
    world = World(5, readers=150, items=0, start=START)
    films = [f"film-{n}" for n in range(10)]

    def acts() -> int:
        sent = (world.react(name, films, START) for name in world.readers)
        return sum(reaction.kind is not EventKind.IMPRESSION for page in sent for reaction in page)

    assert acts() == 0
    world.adopt((film, ("comedy", "year"), START) for film in films)
    assert acts() > 0


def test_an_unknown_reader_behaves_like_a_known_one(lived: tuple[World, History]) -> None:
    world, past = lived
    assert world.react("somebody else", [past.items[0].id], world.now)


def test_the_oracle_refuses_items_of_another_world(lived: tuple[World, History]) -> None:
    world, _ = lived
    with pytest.raises(KeyError, match="adopt it first"):
        world.relevance(world.readers[:1], ["nowhere"], world.now)


def test_titles_are_whole_sentences_without_gaps(lived: tuple[World, History]) -> None:
    _, past = lived
    for item in past.items:
        assert item.title[0].isupper() or item.title[0].isdigit()
        assert "{" not in item.title
    assert len({item.title for item in past.items}) > len(past.items) / 2


def test_a_world_that_wakes_later_goes_on_with_new_numbers() -> None:
    world, past = small()
    later = world.now + 10 * DAY
    world.wake(later, number=7_000)
    items = world.step(DAY).items
    assert items[0].id == "item-007000"
    assert all(later < item.published_at <= later + DAY for item in items)
    assert not {item.id for item in items} & {item.id for item in past.items}


def test_a_faster_pace_publishes_more() -> None:
    slow, fast = small()[0], small()[0]
    assert len(fast.step(DAY, pace=20).items) > 5 * len(slow.step(DAY).items)


def test_own_topics_taken_in_from_elsewhere_mean_what_they_meant() -> None:
    world, past = small(items=900)
    stranger = World(3, 200, 0, start=START)
    stranger.adopt((item.id, item.topics, item.published_at) for item in past.items)
    ids = [item.id for item in past.items if not world.truth(item.id)]
    alike = np.corrcoef(
        world.relevance(world.readers[:40], ids, world.now).ravel(),
        stranger.relevance(stranger.readers[:40], ids, world.now).ravel(),
    )[0, 1]
    assert alike > 0.7
