"""What experiments are judged by, in SQL: Servings with arms, found by an index of theirs alone."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, bindparam, func, select, text

from feed.storage.schema import IN_ARMS, events, servings
from feed.storage.sql.reading import Reading


class SqlTrials:
    """Servings by the arms that they were served with, and what their readers did after."""

    def __init__(self, reading: Reading) -> None:
        self._trials = reading
        columns = servings.c
        until: ColumnElement[int] = bindparam("until")
        served = (text(IN_ARMS), columns.served_at >= bindparam("since"), columns.served_at < until)
        # The sum keeps planners from the index by time, in which the other Servings are, too.
        within = (columns.served_at + 0 >= bindparam("since"), columns.served_at + 0 < until)
        self._arms = select(columns.arms).where(text(IN_ARMS), *within).distinct()
        reader = (
            select(columns.reader, func.count().label("pages"), func.min(columns.served_at).label("first"))
            .where(*served, columns.arms.in_(bindparam("arms", expanding=True)))
            .group_by(columns.reader)
            .subquery()
        )
        after = (
            select(func.count())
            .select_from(events)
            .where(
                events.c.reader == reader.c.reader,
                events.c.kind == bindparam("kind"),
                events.c.consented == 1,
                events.c.occurred_at >= reader.c.first,
                events.c.occurred_at < until,
            )
            .correlate(reader)
            .scalar_subquery()
        )
        self._outcomes = select(reader.c.pages, after)

    def arms(self, *, since: int, until: int) -> list[str]:
        """Every text of arms with which pages were served at ``since`` <= second < ``until``, by code point."""
        found = self._trials.all(self._arms, since=since, until=until)
        return sorted(arms for (arms,) in found)

    def outcomes(self, arms: Sequence[str], kind: int, *, since: int, until: int) -> list[tuple[int, int]]:
        """For every reader with such a page under any of these texts: how many, and how many consented events of a
        kind occurred from the first of them on and before ``until``; in no order."""
        found = self._trials.all(self._outcomes, arms=list(arms), kind=kind, since=since, until=until)
        return [(pages, count) for pages, count in found]
