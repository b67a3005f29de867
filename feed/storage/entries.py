"""Journal entries as bytes: one JSON array a line, the kind first; an edition is such lines under zlib.

Owns the format. It is append-only, as the journal is: a kind, once written, keeps its letter and its fields.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from itertools import starmap

import orjson

from feed.storage.errors import SchemaTooNew, StoreCorrupt
from ranking.journal import AuthorChanged, Entry, ItemPublished, ItemWithdrawn, LabelGiven, ListPublished, RowGrown

_LINE = orjson.OPT_APPEND_NEWLINE
_LEVEL = 1


def encode(entry: Entry) -> bytes:
    """One entry as a line. Raises ``ValueError`` for a label whose score is not a finite number."""
    match entry:
        case ItemPublished(id, author, topics, published_at, language, region, community):
            fields = ("item", id, author, topics, published_at, language, region, community)
            return orjson.dumps(fields, option=_LINE)
        case LabelGiven(item, name, score, given_by, given_at):
            if not abs(score) < float("inf"):
                raise ValueError(f"label {name} of item {item}: its score is {score}; give a number from 0 to 1")
            return orjson.dumps(("label", item, name, score, given_by, given_at), option=_LINE)
        case AuthorChanged(id, standing, kind, identity):
            return orjson.dumps(("author", id, standing, kind, identity), option=_LINE)
        case ItemWithdrawn(id):
            return orjson.dumps(("withdrawn", id), option=_LINE)
        case ListPublished(name, pool, items):
            return orjson.dumps(("list", name, pool, items), option=_LINE)
        case RowGrown(item, neighbours, weights):
            return orjson.dumps(("row", item, neighbours, weights), option=_LINE)


def encode_entries(entries: Iterable[Entry]) -> bytes:
    """Entries as lines, in order; nothing for no entries."""
    return b"".join(map(encode, entries))


def pack(lines: bytes) -> bytes:
    """Lines as an edition keeps them."""
    return zlib.compress(lines, _LEVEL)


def decode(packed: bytes) -> list[Entry]:
    """The entries of an edition, in order. Raises what :func:`decode_lines` raises."""
    try:
        lines = zlib.decompress(packed)
    except zlib.error as cause:
        raise StoreCorrupt(f"an edition's entries cannot be read ({cause}); restore the store from a backup") from cause
    return decode_lines(lines)


def decode_lines(lines: bytes) -> list[Entry]:
    """The entries of lines, in order.

    Raises ``StoreCorrupt`` when the bytes are not entries, ``SchemaTooNew`` for a kind this release does not know.
    """
    try:
        arrays = orjson.loads(b"[" + lines[:-1].replace(b"\n", b",") + b"]")
    except ValueError as cause:
        raise StoreCorrupt(f"an edition's entries cannot be read ({cause}); restore the store from a backup") from cause
    try:
        return list(starmap(_entry, arrays))
    except KeyError as cause:
        raise SchemaTooNew(f"the journal holds entries of kind {cause}; install the release that wrote them") from cause
    except TypeError as cause:
        raise StoreCorrupt(f"a journal entry is malformed ({cause}); restore the store from a backup") from cause


def _entry(kind: str, *fields: object) -> Entry:
    return _MAKERS[kind](*fields)


def _item(id: str, author: str, topics: list[str], *more: object) -> ItemPublished:
    return ItemPublished(id, author, tuple(topics), *more)  # type: ignore[arg-type]


def _list(name: str, pool: str, items: list[str]) -> ListPublished:
    return ListPublished(name, pool, tuple(items))


def _row(item: str, neighbours: list[str], weights: list[int]) -> RowGrown:
    return RowGrown(item, tuple(neighbours), tuple(weights))


_MAKERS: dict[str, Callable[..., Entry]] = {
    "item": _item,
    "label": LabelGiven,
    "author": AuthorChanged,
    "withdrawn": ItemWithdrawn,
    "list": _list,
    "row": _row,
}
