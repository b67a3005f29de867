"""Checkpoints: the ledger's size and root, signed, in the C2SP text form (https://c2sp.org/tlog-checkpoint).

Whoever keeps one can prove later that the ledger was cut or rewritten: later trees must begin with that one (law 1).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from controls.errors import NoteError
from controls.merkle import HASH_BYTES
from controls.notes import SignerKey, VerifierKey, opened, signed

_MOST = 1 << 63


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: ``origin`` names the ledger for all time, ``size`` its leaves, ``root`` 32 bytes (RFC 9162)."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The checkpoint of a note's text; raises :class:`NoteError`. Extension lines are refused: none are made."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            raise NoteError("not a checkpoint: origin, size and root, a line each; fetch it again")
        origin, size, root = lines[:3]
        if not (size.isascii() and size.isdigit()) or str(int(size)) != size or int(size) >= _MOST:
            raise NoteError(f"{size!r} is no size of a tree; fetch the checkpoint again")
        try:
            content = base64.b64decode(root, validate=True)
        except (binascii.Error, ValueError) as error:
            raise NoteError("the checkpoint's root is not base64; fetch it again") from error
        if len(content) != HASH_BYTES or base64.b64encode(content).decode() != root:
            raise NoteError(f"the checkpoint's root does not have {HASH_BYTES} bytes; fetch it again")
        return cls(origin, int(size), content)


def signed_checkpoint(checkpoint: Checkpoint, keys: Sequence[SignerKey]) -> str:
    """The checkpoint as a signed note; the keys' name is the origin. Raises :class:`NoteError`."""
    if any(key.verifier.name != checkpoint.origin for key in keys):
        raise NoteError(f"the key is named otherwise than the ledger {checkpoint.origin!r}; use the ledger's own key")
    return signed(str(checkpoint), keys)


def opened_checkpoint(
    note: str, keys: Iterable[VerifierKey], origin: str
) -> tuple[Checkpoint, tuple[VerifierKey, ...]]:
    """The checkpoint of a note, and which of ``keys`` signed it; raises :class:`NoteError` also for another origin."""
    text, signers = opened(note, keys)
    checkpoint = Checkpoint.parse(text)
    if checkpoint.origin != origin:
        raise NoteError(f"the checkpoint is of the ledger {checkpoint.origin!r}, not of {origin!r}")
    return checkpoint, signers
