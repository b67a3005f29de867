"""Bytes that were almost right: what a valid input becomes by a few accidents, or by somebody who knows its form."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import strategies as st

ROOM = 64 << 20
"""Bytes that a parser may hold at once."""

Edit = Callable[[bytes, int, int, bytes], bytes]

_EDITS: tuple[Edit, ...] = (
    lambda text, at, length, new: text[:at] + new + text[at + len(new) :],
    lambda text, at, length, new: text[:at] + new + text[at:],
    lambda text, at, length, new: text[:at] + text[at + length :],
    lambda text, at, length, new: text[:at],
    lambda text, at, length, new: text[: at + length] + text[at : at + length] * 3 + text[at + length :],
    lambda text, at, length, new: text[:at] + bytes(byte ^ 1 for byte in text[at : at + 1]) + text[at + 1 :],
)
_TOKENS = (
    b"\0", b"\xff", b"\xed\xa0\x80", b"\n", b"\r\n", b"\t", b'"', b"\\u0000", b"\\ud800", b"{", b"}", b"[" * 50, b"]",
    b"null", b"true", b"NaN", b"-0", b"1e999", b"9" * 400, b"&a", b"*a", b"!!python/object:os.system", b"<<: ",
    b"---\n", b"? ", b"- " * 40, b": ", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"__class__",
)  # fmt: skip


@contextmanager
def little_room() -> Iterator[None]:
    """Fails when more than ROOM bytes are held at once within."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < ROOM
    finally:
        tracemalloc.stop()


def refuses(parser: Callable[[], object], *errors: type[Exception]) -> bool:
    """Whether a parser refused, by its own errors; any other error fails the test."""
    try:
        parser()
    except errors:
        return True
    return False


def mutated(valid: bytes) -> st.SearchStrategy[bytes]:
    """A valid input after one to four edits of its bytes."""
    edit = st.tuples(
        st.sampled_from(_EDITS),
        st.integers(0, max(len(valid) - 1, 0)),
        st.integers(0, 40),
        st.sampled_from(_TOKENS) | st.binary(max_size=6),
    )

    def apply(edits: list[tuple[Edit, int, int, bytes]]) -> bytes:
        text = valid
        for change, at, length, new in edits:
            text = change(text, min(at, len(text)), length, new)
        return text

    return st.lists(edit, min_size=1, max_size=4).map(apply)


ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.floats(),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.just([[[[]]]]),
    st.just("x" * 5000),
)
"""JSON of another kind than is expected somewhere."""


def bent(document: Any) -> st.SearchStrategy[Any]:
    """A JSON document with one of its parts, at any depth, replaced by something odd or taken out."""
    places = list(_places(document, ()))
    return st.tuples(st.sampled_from(places), ODD | st.just(...)).map(lambda chosen: _put(document, *chosen))


def _places(part: Any, path: tuple[Any, ...]) -> Any:
    yield path
    inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, value in inner:
        yield from _places(value, (*path, key))


def _put(part: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return None if value is ... else value
    key, *rest = path
    copy = dict(part) if isinstance(part, dict) else list(part)
    if not rest and value is ...:
        del copy[key]
    else:
        copy[key] = _put(part[key], tuple(rest), value)
    return copy
