"""Acting: the causes of decisions in force, by what they act on: items that have a row or wait for one, and groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from controls.decisions import SubjectKind
from controls.signals import Columns, Rows

SIGNAL = {SubjectKind.AUTHOR: "author.id", SubjectKind.TOPIC: "topic", SubjectKind.COMMUNITY: "community"}
"""The groups that decisions act on, and the signal by which rows belong to them."""


class Acting:
    """Cause ids of one :class:`controls.causes.Classes`."""

    def __init__(self) -> None:
        self.of_items: set[int] = set()
        """Causes of single items' rows, ended ones among them."""
        self.waiting: dict[str, set[int]] = {}
        """By item that has no row yet."""
        self.of_groups: dict[SubjectKind, dict[str, set[int]]] = {kind: {} for kind in SIGNAL}
        """By kind and id of a group."""
        self.since: dict[int, int] = {}
        """Of causes that do not reach all rows of their group: those published from this second on."""

    def wait(self, item: str, cause: int, *, begins: bool) -> None:
        """Let a cause begin or end that waits for an item."""
        _turn(self.waiting, item, cause, begins)

    def turn_group(self, kind: SubjectKind, group: str, cause: int, *, begins: bool) -> None:
        """Let a cause of a group begin or end."""
        _turn(self.of_groups[kind], group, cause, begins)

    def reached(self, columns: Columns, rows: Rows, cause: int) -> Rows:
        """The rows, of those of its group, that a cause reaches: all, or those published from a second on."""
        since = self.since.get(cause)
        if since is None:
            return rows
        published = columns.published_at(rows)
        return rows[(published >= since) | (published <= 0)]

    def reached_at(self, columns: Columns, row: int, cause: int) -> bool:
        """The same for one row."""
        return self.reached(columns, np.array([row], dtype=np.int32), cause).size > 0

    def rename(self, renamed: Mapping[int, int]) -> None:
        """Let causes go by other ids."""
        for causes in (self.of_items, *self._waiting_and_grouped()):
            for old in causes & renamed.keys():
                causes.remove(old)
                causes.add(renamed[old])

    def renew(self, again: Callable[[int], int], of_rows: Iterable[int]) -> None:
        """Let causes go by the ids that ``again`` gives them; those of items live on that rows have (``of_rows``, ids
        as they were) or that wait."""
        of_items = {again(cause) for cause in self.of_items.intersection(of_rows)}
        grouped = {cause for of_kind in self.of_groups.values() for causes in of_kind.values() for cause in causes}
        self.since = {again(cause): second for cause, second in self.since.items() if cause in grouped}
        for causes in self._waiting_and_grouped():
            renewed = set(map(again, causes))
            causes.clear()
            causes.update(renewed)
        self.of_items = of_items.union(*self.waiting.values())

    def _waiting_and_grouped(self) -> Iterator[set[int]]:
        yield from self.waiting.values()
        for of_kind in self.of_groups.values():
            yield from of_kind.values()


def _turn(held: dict[str, set[int]], subject: str, cause: int, begins: bool) -> None:
    if begins:
        held.setdefault(subject, set()).add(cause)
        return
    held[subject].discard(cause)
    if not held[subject]:
        del held[subject]
