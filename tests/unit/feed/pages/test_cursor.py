from __future__ import annotations

import binascii

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from feed.errors import CursorExpired, CursorForeign, CursorForged
from feed.pages.cursor import CURSOR_ITEMS, Cursors, Session

NOW = 1_800_000_000
DAY = 86_400
CURSORS = Cursors(b"a secret of more than thirty-two bytes", DAY)

sessions = st.integers(0, CURSOR_ITEMS).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.int32, n, elements=st.integers(0, 2**31 - 1)),
        hnp.arrays(np.uint8, n, elements=st.integers(0, 3)),
    )
)


def some_cursor(reader: str = "r1", surface: str = "home:", now: int = NOW) -> str:
    session = Session(np.array([5, 3, 70_000], dtype=np.int32), np.array([1, 0, 2], dtype=np.uint8), now - 60, now)
    return CURSORS.encode(session, reader, surface)


def full(rows: np.ndarray) -> Session:
    return Session(rows, np.ones(len(rows), dtype=np.uint8), NOW, NOW)


@given(sessions, st.text(max_size=20), st.text(max_size=20))
def test_a_cursor_gives_back_what_was_served_in_order(session, reader, surface):
    rows, tiers = session
    cursor = CURSORS.encode(Session(rows, tiers, NOW - 900, NOW), reader, surface)
    found_rows, found_tiers, began_at, issued_at = CURSORS.decode(cursor, reader, surface, NOW + 10)
    assert (began_at, issued_at) == (NOW - 900, NOW)
    assert found_rows.tolist() == rows.tolist()
    assert found_tiers.tolist() == tiers.tolist()
    assert str(found_rows.dtype) == "int32"
    assert str(found_tiers.dtype) == "uint8"


def test_what_a_cursor_carries_is_read_only():
    rows, tiers, _, _ = CURSORS.decode(some_cursor(), "r1", "home:", NOW)
    assert not rows.flags.writeable
    assert not tiers.flags.writeable


def test_a_cursor_can_stand_in_a_url_as_it_is():
    rows = np.arange(CURSOR_ITEMS, dtype=np.int64) * 99_999_989 % 2**31
    cursor = CURSORS.encode(full(rows.astype(np.int32)), "r", "home:")
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert len(cursor) < 3000


def test_a_full_session_over_a_million_items_fits_in_little_more_than_two_kilobytes():
    rows = np.linspace(0, 999_999, CURSOR_ITEMS).astype(np.int32)
    assert len(CURSORS.encode(full(rows), "r", "home:")) < 2300


def test_more_than_a_session_is_not_put_into_a_cursor():
    rows = np.zeros(CURSOR_ITEMS + 1, dtype=np.int32)
    with pytest.raises(ValueError, match="at most 500"):
        CURSORS.encode(full(rows), "r", "home:")


def test_a_cursor_names_neither_reader_nor_surface():
    cursor = some_cursor(reader="a-very-recognisable-reader", surface="topic:politics")
    carried = binascii.a2b_base64(cursor.replace("-", "+").replace("_", "/") + "==")
    assert b"recognisable" not in carried
    assert b"politics" not in carried


@pytest.mark.parametrize(("reader", "surface"), [("r2", "home:"), ("r1", "topic:news"), ("", "r1home:")])
def test_a_cursor_of_another_reader_or_surface_is_foreign(reader, surface):
    with pytest.raises(CursorForeign):
        CURSORS.decode(some_cursor(), reader, surface, NOW)


def test_reader_and_surface_cannot_be_cut_differently():
    cursor = some_cursor(reader="ab", surface="c")
    with pytest.raises(CursorForeign):
        CURSORS.decode(cursor, "a", "bc", NOW)


def test_a_cursor_expires_after_its_lifetime_and_not_before():
    cursor = some_cursor()
    CURSORS.decode(cursor, "r1", "home:", NOW + DAY)
    with pytest.raises(CursorExpired):
        CURSORS.decode(cursor, "r1", "home:", NOW + DAY + 1)


def test_a_cursor_from_the_future_is_refused():
    with pytest.raises(CursorExpired):
        CURSORS.decode(some_cursor(now=NOW + 3600), "r1", "home:", NOW)


def test_a_cursor_signed_with_another_secret_is_forged():
    other = Cursors(b"another secret of more than thirty-two", DAY)
    with pytest.raises(CursorForged):
        other.decode(some_cursor(), "r1", "home:", NOW)


@given(st.integers(0, 1 << 20), st.integers(1, 255))
def test_any_altered_byte_makes_a_cursor_forged(place, flip):
    cursor = some_cursor()
    signed = bytearray(binascii.a2b_base64(cursor.replace("-", "+").replace("_", "/") + "=" * (-len(cursor) % 4)))
    signed[place % len(signed)] ^= flip
    altered = binascii.b2a_base64(signed, newline=False).decode().replace("+", "-").replace("/", "_").rstrip("=")
    with pytest.raises(CursorForged):
        CURSORS.decode(altered, "r1", "home:", NOW)


@given(st.text(max_size=400))
def test_no_text_breaks_the_reader_of_cursors(text):
    with pytest.raises(CursorForged):
        CURSORS.decode(text, "r1", "home:", NOW)


def test_standard_base64_is_not_read_as_a_cursor():
    with pytest.raises(CursorForged):
        CURSORS.decode("+/+/" * 20, "r1", "home:", NOW)
