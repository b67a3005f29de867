"""Popular lists: one voice per reader and item, and what accounts that nobody knows can add."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.popularity import DAMPING, first_heard, popular

DAY, NOW = 86_400, 400 * 86_400
HONEST, ITEMS = 60, 40
Voice = tuple[int, int, int]
"""Reader, item, second."""


def community() -> list[Voice]:
    """Readers who were each heard on twelve items or more over two months; low items are the popular ones."""
    dice = np.random.default_rng(3)
    odds = 1.0 / (3 + np.arange(ITEMS))
    voices = []
    for reader in range(HONEST):
        chosen = dice.choice(ITEMS, 12 + reader % 5, replace=False, p=odds / odds.sum())
        times = NOW - dice.integers(0, 60 * DAY, chosen.size)
        voices += list(zip([reader] * chosen.size, chosen.tolist(), times.tolist(), strict=True))
    return voices


def ranked(voices: Sequence[Voice], *, since: dict[int, int] | None = None, damped: bool = True) -> list[int]:
    readers, items, times = (np.array(column) for column in zip(*voices, strict=True))
    first = first_heard(readers, times, int(readers.max()) + 1)
    for reader, second in (since or {}).items():
        first[reader : reader + 1] = second
    made = popular(
        readers.astype(np.int32),
        items.astype(np.int32),
        times.astype(np.int64),
        came=times.astype(np.int64),
        since=first,
        n_items=ITEMS + 1,
        half_life=30 * DAY,
        limit=ITEMS + 1,
        damping=DAMPING if damped else None,
    )
    found: list[int] = made.tolist()
    return found


def burst(accounts: int, item: int = ITEMS) -> list[Voice]:
    """New accounts that speak for one item within a minute."""
    return [(HONEST + account, item, NOW - account % 60) for account in range(accounts)]


def test_without_events_there_is_no_list() -> None:
    none = np.empty(0, dtype=np.int64)
    empty = np.empty(0, dtype=np.int32)
    assert popular(empty, empty, none, came=none, since=none, n_items=3, half_life=1, limit=3).tolist() == []


@given(st.permutations(range(30)), st.booleans())
def test_the_order_of_events_and_a_voice_said_twice_make_no_difference(order: list[int], damped: bool) -> None:
    voices = community()[:30]
    again = [*(voices[place] for place in order), *((reader, item, at - 5) for reader, item, at in voices[::3])]
    since = {reader: NOW - 90 * DAY for reader, _, _ in voices}
    assert ranked(again, since=since, damped=damped) == ranked(voices, since=since, damped=damped)


def test_an_item_that_more_known_readers_speak_for_stands_higher() -> None:
    names = range(HONEST)
    voices = [(reader, item, NOW - reader * DAY // 2) for reader in names for item in range(10)]
    voices += [(reader, 20, NOW - reader * DAY // 2) for reader in names if reader % 2]
    voices += [(reader, 30, NOW - reader * DAY // 2) for reader in names if not reader % 4]
    assert ranked(voices, since=dict.fromkeys(names, 0))[-2:] == [20, 30]


def test_accounts_made_for_it_do_not_reach_the_top_however_many_they_are() -> None:
    honest = community()
    assert ranked([*honest, *burst(40)], damped=False)[0] == ITEMS
    places = [ranked([*honest, *burst(accounts)]).index(ITEMS) for accounts in (10, 40, 160, 640)]
    assert min(places) > 10


def test_new_accounts_that_spread_their_voices_end_at_what_an_average_voice_has() -> None:
    """Neither in a burst nor alike: only their newness holds them back."""
    honest = community()
    dice = np.random.default_rng(4)
    places = []
    for accounts in (10, 20, 40):
        made: list[Voice] = []
        for account in range(HONEST, HONEST + accounts):
            decoys = dice.choice(ITEMS, 11, replace=False).tolist()
            made += [(account, item, NOW - int(dice.integers(0, 5 * DAY))) for item in [*decoys, ITEMS]]
        since = dict.fromkeys(range(HONEST), NOW - 90 * DAY)
        since |= dict.fromkeys(range(HONEST, HONEST + accounts), NOW - 5 * DAY)
        both = [*honest, *made]
        places.append((ranked(both, since=since).index(ITEMS), ranked(both, damped=False).index(ITEMS)))
    assert min(place for place, _ in places) > 5
    assert places[-1][1] <= 3


def test_accounts_that_follow_one_script_count_less_than_as_many_that_do_not() -> None:
    honest, dice = community(), np.random.default_rng(5)
    script = list(range(0, 20, 2))
    alike: list[Voice] = []
    unlike: list[Voice] = []
    for account in range(HONEST, HONEST + 25):
        times = (NOW - 40 * DAY + dice.integers(0, 40 * DAY, 11)).tolist()
        alike += [(account, item, at) for item, at in zip([*script, ITEMS], times, strict=True)]
        own = dice.choice(ITEMS, 10, replace=False).tolist()
        unlike += [(account, item, at) for item, at in zip([*own, ITEMS], times, strict=True)]
    since = dict.fromkeys(range(HONEST + 25), NOW - 90 * DAY)
    assert ranked([*honest, *alike], since=since).index(ITEMS) > ranked([*honest, *unlike], since=since).index(ITEMS)


def test_one_loud_reader_moves_less_than_a_few_quiet_ones() -> None:
    since = dict.fromkeys(range(HONEST + 1), NOW - 90 * DAY)
    loud = [(HONEST, item, NOW - item * DAY) for item in range(ITEMS + 1)]
    few = [(HONEST - n, ITEMS, NOW - n * DAY) for n in range(1, 4)]
    honest = community()
    assert ranked([*honest, *few], since=since).index(ITEMS) < ranked([*honest, *loud], since=since).index(ITEMS)


@pytest.mark.parametrize("damped", [True, False])
def test_in_a_services_first_hours_the_order_is_that_of_the_voices(damped: bool) -> None:
    """Nobody is known yet, so newness tells nobody apart."""
    voices = [(reader, item, NOW - 50 * (reader % 7)) for item in range(5) for reader in range(3 * item, 15)]
    assert ranked(voices, damped=damped) == [0, 1, 2, 3, 4]
