"""Signed notes: a text and Ed25519 signatures under it, as C2SP signed-note (https://c2sp.org/signed-note) has them.

Owns the text forms of keys and signatures. A key is known by its name and four bytes of a hash over name and key, so
that several keys may sign one note and old ones stay readable. Only the one way of writing each thing is read: base64
with stray bits, a second separator or another dash is refused, so that no byte can change unseen.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from controls.errors import NoteError

_ED25519 = b"\x01"
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_PRIVATE = "PRIVATE+KEY+"
_DASH = "\N{EM DASH} "
_NAME = re.compile(r"[^\s+\x00-\x1f]+")
_HASH = re.compile("[0-9a-f]{8}")


@dataclass(frozen=True)
class VerifierKey:
    """A public key: ``name`` (of the log), ``public`` (32 bytes)."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise NoteError(f"{self.name!r} cannot name a key; leave out spaces and plus signs")
        if len(self.public) != _KEY_BYTES:
            raise NoteError(f"an Ed25519 key has {_KEY_BYTES} bytes, not {len(self.public)}; copy the whole key")

    @cached_property
    def hash(self) -> bytes:
        """The four bytes by which signatures name this key: SHA-256(name || 0x0A || 0x01 || key), its beginning."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """The key of ``name+hash+base64``; raises :class:`NoteError`."""
        name, hash, key = _parts(text)
        made = cls(name, key)
        if made.hash.hex() != hash:
            raise NoteError(f"the key {name}+{hash} does not have that hash; copy it again")
        return made

    def __str__(self) -> str:
        return f"{self.name}+{self.hash.hex()}+{_encoded(_ED25519 + self.public)}"

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Whether ``signature`` (64 bytes) is this key's over ``text``."""
        try:
            self._key.verify(signature, text)
        except InvalidSignature:
            return False
        return True

    @cached_property
    def _key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.public)


class SignerKey:
    """A private key. Its representation and its errors never show it."""

    def __init__(self, name: str, seed: bytes) -> None:
        """``seed``: 32 random bytes, the private key as RFC 8032 has it."""
        if len(seed) != _KEY_BYTES:
            raise NoteError(f"a private Ed25519 key has {_KEY_BYTES} bytes; restore the key file, or make a new key")
        self._seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = VerifierKey(name, self._key.public_key().public_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> SignerKey:
        """The key of ``PRIVATE+KEY+name+hash+base64``; raises :class:`NoteError`, which does not show it."""
        if not text.startswith(_PRIVATE):
            raise NoteError("not a private key for notes; restore the key file, or make a new key")
        name, hash, seed = _parts(text.removeprefix(_PRIVATE))
        made = cls(name, seed)
        if made.verifier.hash.hex() != hash:
            raise NoteError(f"the private key {name}+{hash} does not have that hash; restore the key file")
        return made

    def secret(self) -> str:
        """The key as text, for its file alone."""
        return f"{_PRIVATE}{self.verifier.name}+{self.verifier.hash.hex()}+{_encoded(_ED25519 + self._seed)}"

    def sign(self, text: str) -> Signature:
        """This key's signature over a note's text."""
        return Signature(self.verifier.name, self.verifier.hash, self._key.sign(text.encode()))


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature: of which key, by name and hash, and its 64 bytes."""

    name: str
    hash: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {_encoded(self.hash + self.signature)}"


def signed(text: str, keys: Sequence[SignerKey]) -> str:
    """A note: the text (of whole lines) with a signature of each key. Raises :class:`NoteError`."""
    _require_lines(text)
    if not keys:
        raise NoteError("a note needs a signature; give a key")
    return f"{text}\n" + "".join(f"{key.sign(text)}\n" for key in keys)


def opened(note: str, keys: Iterable[VerifierKey]) -> tuple[str, tuple[VerifierKey, ...]]:
    """The text of a note, and which of ``keys`` signed it.

    Raises :class:`NoteError` for what is no note, for a signature that names one of the keys and is not its own, and
    when none of the keys has signed.
    """
    text, rest = _split(note)
    known = {(key.name, key.hash): key for key in keys}
    found: dict[tuple[str, bytes], VerifierKey] = {}
    for line in rest.removesuffix("\n").split("\n"):
        signature = _signature(line)
        key = known.get((signature.name, signature.hash))
        if key is None:
            continue
        if not key.verifies(text.encode(), signature.signature):
            raise NoteError(f"the signature of {key.name}+{key.hash.hex()} does not hold; the note was altered")
        found[signature.name, signature.hash] = key
    if not found:
        raise NoteError("none of the known keys has signed the note; get the log's keys from its operator")
    return text, tuple(found.values())


def text_of(note: str) -> str:
    """The text of a note whose signatures are not looked at. Raises :class:`NoteError`."""
    return _split(note)[0]


def _split(note: str) -> tuple[str, str]:
    text, separator, rest = note.rpartition("\n\n")
    if not separator or not rest.endswith("\n"):
        raise NoteError("not a signed note: a text, an empty line and signatures; fetch it again")
    text += "\n"
    _require_lines(text)
    return text, rest


def _require_lines(text: str) -> None:
    if not text.endswith("\n") or any(character < " " and character != "\n" for character in text):
        raise NoteError("a note's text consists of whole lines without control characters; fetch it again")


def _signature(line: str) -> Signature:
    name, separator, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not separator or not _NAME.fullmatch(name):
        raise NoteError("a line under the note is no signature; fetch it again")
    content = _decoded(encoded)
    if len(content) != 4 + _SIGNATURE_BYTES:
        raise NoteError(f"the signature of {name} is of another kind than Ed25519, or cut off; fetch it again")
    return Signature(name, content[:4], content[4:])


def _parts(text: str) -> tuple[str, str, bytes]:
    """Name, hash and key bytes of ``name+hash+base64``; the base64 may hold plus signs itself."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not _HASH.fullmatch(parts[1]):
        raise NoteError("not a key for notes (name+hash+base64); copy the whole line")
    content = _decoded(parts[2])
    if content[:1] != _ED25519:
        raise NoteError(f"the key {parts[0]}+{parts[1]} is of another kind than Ed25519")
    return parts[0], parts[1], content[1:]


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decoded(text: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if not content or _encoded(content) != text:
        raise NoteError("not base64 as RFC 4648 section 4 writes it; copy it again")
    return content
