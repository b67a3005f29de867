"""Events as columns: streamed in pages and coded as they pass, so that memory holds arrays and not rows (law 7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import bindparam, literal_column, select, text

from feed.storage.records import EventColumns
from feed.storage.schema import VOICED, events, readers
from feed.storage.sql.reading import Reading

_PAGE = 50_000

Row = Sequence[Any]
"""seq, reader, item, occurred_at, kind, received_at."""


class _Codes(defaultdict[str, int]):
    """Ids to codes 0, 1, 2, … by first appearance."""

    def __init__(self) -> None:
        super().__init__()
        self.default_factory = self.__len__

    def of(self, ids: Iterable[str], count: int) -> NDArray[np.int32]:
        return np.fromiter(map(self.__getitem__, ids), np.int32, count)


def read_columns(reading: Reading, after: int, newest: int | None) -> EventColumns:
    """Events that count for ranking, ``occurred_at`` > ``after``, by time and then in the order of storing.

    With ``newest`` an index gives just those; without, the table is read in pages by position, so that no
    snapshot is held for long.
    """
    if newest is None:
        return _gathered(_pages(reading, after))
    page = reading.table(_NEWEST, after=after, limit=newest)
    return _gathered(iter([page] if page else []))


_VOICED = (
    select(*(events.c[name] for name in ("seq", "reader", "item", "occurred_at", "kind", "received_at")))
    .where(text(VOICED))
    .where(events.c.occurred_at > bindparam("after"))
    .where(events.c.reader.not_in(select(readers.c.reader).where(readers.c.personalized == literal_column("0"))))
    .limit(bindparam("limit"))
)
_NEWEST = _VOICED.order_by(events.c.occurred_at.desc(), events.c.seq.desc())
_PAGES = _VOICED.where(events.c.seq > bindparam("seq")).order_by(events.c.seq)


def _pages(reading: Reading, after: int) -> Iterator[Sequence[Row]]:
    seq = 0
    while page := reading.table(_PAGES, after=after, seq=seq, limit=_PAGE):
        yield page
        seq = page[-1][0]


def _gathered(pages: Iterator[Sequence[Row]]) -> EventColumns:
    reader_codes, item_codes = _Codes(), _Codes()
    empty = ([np.empty(0, kind)] for kind in ("i8", "i4", "i4", "i8", "u1", "i8"))
    seqs, readers_of, items_of, times, kinds, received = empty
    for page in pages:
        count = len(page)
        seq, reader, item, occurred_at, kind, received_at = zip(*page, strict=True)
        seqs.append(np.fromiter(seq, np.int64, count))
        readers_of.append(reader_codes.of(reader, count))
        items_of.append(item_codes.of(item, count))
        times.append(np.fromiter(occurred_at, np.int64, count))
        kinds.append(np.fromiter(kind, np.uint8, count))
        received.append(np.fromiter(received_at, np.int64, count))
    time = np.concatenate(times)
    order = np.lexsort((np.concatenate(seqs), time))
    return EventColumns(
        reader_ids=tuple(reader_codes),
        item_ids=tuple(item_codes),
        readers=_ordered(readers_of, order),
        items=_ordered(items_of, order),
        times=_ordered([time], order),
        kinds=_ordered(kinds, order),
        received=_ordered(received, order),
    )


def _ordered(parts: list[NDArray[Any]], order: NDArray[np.intp]) -> NDArray[Any]:
    column = np.concatenate(parts)[order]
    column.setflags(write=False)
    return column
