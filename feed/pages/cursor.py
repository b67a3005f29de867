"""Cursors: stateless, signed, bound to reader and surface; they carry what a session was served (laws 5 and 10).

Layout, little-endian, as unpadded base64url: version u8, width u8, count u16, issued_at u32, began_at u32, binding 8
bytes, ``count`` rows of ``width`` bytes, tiers packed four to a byte, tag 16 bytes. The binding is a keyed BLAKE2b
(RFC 7693) of reader and surface, so that a cursor names neither; the tag is HMAC-SHA256 (RFC 2104), truncated to 128
bits.
"""

from __future__ import annotations

import binascii
import hmac
import struct
from collections.abc import Callable
from hashlib import blake2b, sha256
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feed.errors import CursorExpired, CursorForeign, CursorForged

CURSOR_ITEMS = 500
"""Items that one cursor can carry: the length of a session."""

_VERSION = 2
_HEAD = struct.Struct("<BBHII8s")
_TAG = 16
_LONGEST = 4 * (_HEAD.size + CURSOR_ITEMS * 4 + CURSOR_ITEMS // 4 + _TAG) // 3 + 4
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/!!!")
_SHIFTS = np.array([0, 2, 4, 6], dtype=np.uint8)
_UNPACKED = (np.arange(256, dtype=np.uint8)[:, None] >> _SHIFTS) & np.uint8(3)
_CLOCK_SKEW = 60


class Session(NamedTuple):
    """The pages of one scroll so far: ``rows`` int32[n] and ``tiers`` uint8[n] in the order of serving, read-only; when
    the first page was made, and when the last one was."""

    rows: NDArray[np.int32]
    tiers: NDArray[np.uint8]
    began_at: int
    issued_at: int


class Cursors:
    """Makes and reads cursors with one secret."""

    def __init__(self, secret: bytes, lifetime: int) -> None:
        """``lifetime`` is in seconds."""
        self._tag = _tagging(hmac.digest(secret, b"weir cursor tag", "sha256"))
        self._binding_key = hmac.digest(secret, b"weir cursor binding", "sha256")
        self._lifetime = lifetime

    def encode(self, session: Session, reader: str, surface: str) -> str:
        """A cursor that continues a session of at most CURSOR_ITEMS items."""
        rows, tiers, began_at, issued_at = session
        count = len(rows)
        if count != len(tiers) or count > CURSOR_ITEMS:
            raise ValueError(f"a cursor carries at most {CURSOR_ITEMS} rows with one tier each, not {count}")
        width = max((int(np.maximum.reduce(rows)).bit_length() + 7) // 8, 1) if count else 1
        wide = np.ascontiguousarray(rows, dtype="<i4").view(np.uint8).reshape(count, 4)
        padded = tiers.tobytes() + bytes(-count % 4)
        packed = bytes(
            a | b << 2 | c << 4 | d << 6 for a, b, c, d in zip(*(padded[n::4] for n in range(4)), strict=True)
        )
        payload = b"".join(
            (
                _HEAD.pack(_VERSION, width, count, issued_at, began_at, self._binding(reader, surface)),
                wide[:, :width].tobytes(),
                packed,
            )
        )
        signed = payload + self._tag(payload)
        return binascii.b2a_base64(signed, newline=False).translate(_TO_URL).rstrip(b"=").decode("ascii")

    def decode(self, cursor: str, reader: str, surface: str, now: int) -> Session:
        """The session that a cursor continues. Raises ``CursorForged``, ``CursorForeign`` or ``CursorExpired``."""
        signed = _from_url(cursor)
        payload, tag = signed[:-_TAG], signed[-_TAG:]
        if not hmac.compare_digest(self._tag(payload), tag):
            raise _forged()
        # What is signed was made by encode(): only the version may be another release's.
        if payload[0] != _VERSION:
            raise CursorExpired("the cursor was made by another release; leave it out to begin a new session")
        _, width, count, issued_at, began_at, binding = _HEAD.unpack_from(payload)
        if not hmac.compare_digest(self._binding(reader, surface), binding):
            raise CursorForeign("the cursor was made for another reader or surface; leave it out to begin a session")
        if not issued_at - _CLOCK_SKEW <= now <= issued_at + self._lifetime:
            raise CursorExpired(
                f"the cursor is older than {self._lifetime // 3600} h; leave it out to begin a new session"
            )
        wide = np.zeros((count, 4), dtype=np.uint8)
        end = _HEAD.size + count * width
        wide[:, :width] = np.frombuffer(payload, np.uint8, count * width, _HEAD.size).reshape(count, width)
        packed = np.frombuffer(payload, np.uint8, (count + 3) // 4, end)
        rows = wide.view("<i4").reshape(count).astype(np.int32, copy=False)
        tiers = _UNPACKED[packed].reshape(-1)[:count]
        rows.setflags(write=False)
        tiers.setflags(write=False)
        return Session(rows, tiers, began_at, issued_at)

    def _binding(self, reader: str, surface: str) -> bytes:
        named = reader.encode("utf-8", "surrogatepass")
        bound = b"%d:%b%b" % (len(named), named, surface.encode("utf-8", "surrogatepass"))
        return blake2b(bound, digest_size=8, key=self._binding_key).digest()


def _tagging(key: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA256 (RFC 2104), truncated to _TAG bytes, under a key that is taken in once: ``hmac.digest`` takes it in
    with every call, and lets go of the interpreter's lock, which another thread then holds for longer."""
    block = key.ljust(64, b"\0")
    inner, outer = sha256(bytes(byte ^ 0x36 for byte in block)), sha256(bytes(byte ^ 0x5C for byte in block))

    def tag(payload: bytes) -> bytes:
        within, around = inner.copy(), outer.copy()
        within.update(payload)
        around.update(within.digest())
        return around.digest()[:_TAG]

    return tag


def _forged() -> CursorForged:
    return CursorForged("the cursor was not made by this service or was altered; leave it out to begin a session")


def _from_url(cursor: str) -> bytes:
    if len(cursor) > _LONGEST or not cursor.isascii():
        raise _forged()
    padded = cursor.encode("ascii").translate(_FROM_URL) + b"=" * (-len(cursor) % 4)
    try:
        signed = binascii.a2b_base64(padded, strict_mode=True)
    except binascii.Error as error:
        raise _forged() from error
    if len(signed) < _HEAD.size + _TAG:
        raise _forged()
    return signed
