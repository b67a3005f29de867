"""Which closed parts are looked into for which events: as few as may hold them."""

from __future__ import annotations

from typing import Any

import pytest

from feed.storage.errors import StoreBusy
from feed.storage.sql.parts import DAY, Earlier
from tests.contracts.making import event

PARTS = (0, 100, 130, 160)
BITS = 40


class Asked:
    """A cursor over a store whose open part is that of day 160; it remembers which positions were asked for."""

    rowcount = 0

    def __init__(self, *parts: int) -> None:
        self.since: list[str] = []
        self._parts = parts
        self._rows: list[tuple[Any, ...]] = []

    def execute(self, sql: str, parameters: Any = (), /) -> None:
        if "unnest" in sql:
            *_, since, end = parameters
            assert end == self._parts[-1] << BITS
            self.since = since.strip("{}").replace(" ", "").split(",")
            self._rows = []
        else:
            self._rows = [(part,) for part in self._parts] if "pg_inherits" in sql else [(self._parts[-1],)]

    def fetchone(self) -> Any:
        return self._rows[0]

    def fetchall(self) -> list[Any]:
        return self._rows

    def close(self) -> None:
        """Nothing is held."""


def since(*events: Any) -> list[int]:
    """The days of the parts from which on events are looked for."""
    cursor = Asked(*PARTS)
    Earlier().among(cursor, events)
    return [int(position) >> BITS for position in cursor.since]


def sent(at: int, received_at: int = 200 * DAY) -> Any:
    return event(at=at, received_at=received_at)


def test_what_occurred_after_the_open_part_was_begun_is_not_looked_for() -> None:
    assert since(sent(161 * DAY + 600), sent(190 * DAY)) == []


def test_what_is_older_is_looked_for_in_the_parts_that_were_open_since() -> None:
    assert since(sent(161 * DAY), sent(159 * DAY), sent(131 * DAY + 601), sent(130 * DAY), sent(3 * DAY)) == [
        130,
        130,
        130,
        100,
        0,
    ]


def test_what_came_as_it_occurred_is_looked_for_in_the_parts_of_a_week() -> None:
    assert since(sent(167 * DAY, 167 * DAY), sent(168 * DAY, 168 * DAY)) == [130]


def test_nothing_is_looked_for_while_there_is_one_part() -> None:
    cursor = Asked(0)
    assert Earlier().among(cursor, [sent(5)]) == set()
    assert cursor.since == []


def test_a_position_in_a_part_that_was_begun_meanwhile_is_found_out_and_looked_for_anew() -> None:
    earlier = Earlier()
    earlier.among(Asked(0, 100), [sent(5)])
    earlier.confirm((100 << BITS) + 1)
    with pytest.raises(StoreBusy, match="try again"):
        earlier.confirm((130 << BITS) + 1)
    cursor = Asked(0, 100, 130)
    earlier.among(cursor, [sent(129 * DAY)])
    assert [int(position) >> BITS for position in cursor.since] == [100]
