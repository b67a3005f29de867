"""The ledger's signing key: one file in the home folder, the owner's alone, made at the first start and never logged.

Its first line is the private key that signs now; the lines after it are the public keys that signed before, newest
first, so that old checkpoints stay verifiable. The name of all of them is the ledger's origin, which never changes.
"""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass

from controls.checkpoints import Checkpoint, signed_checkpoint
from controls.errors import NoteError
from controls.notes import SignerKey, VerifierKey
from feed.errors import SetupInvalid
from feed.settings import Settings

_SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class LogKeys:
    """``signer`` signs now; ``retired`` did before, newest first."""

    signer: SignerKey
    retired: tuple[VerifierKey, ...] = ()

    @property
    def origin(self) -> str:
        """The ledger's name for all time."""
        return self.signer.verifier.name

    @property
    def public(self) -> tuple[VerifierKey, ...]:
        """Every key that may have signed, the present one first."""
        return (self.signer.verifier, *self.retired)

    def checkpoint(self, size: int, root: bytes) -> str:
        """A tree head as a signed note."""
        return signed_checkpoint(Checkpoint(self.origin, size, root), [self.signer])


def load_log_keys(settings: Settings) -> LogKeys:
    """The keys of the home folder, made there if there are none.

    Raises ``SetupInvalid`` when the file is unreadable, altered, readable by others, or of another origin than is set.
    """
    path = settings.log_key_file
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        origin = settings.log_origin or f"weir/{secrets.token_hex(8)}"
        _write(settings, LogKeys(SignerKey(origin, secrets.token_bytes(_SEED_BYTES))), new=True)
    keys = _read(settings)
    if settings.log_origin not in ("", keys.origin):
        raise SetupInvalid(
            f"WEIR_LOG_ORIGIN is {settings.log_origin!r}, but the ledger's checkpoints are signed as {keys.origin!r}; "
            "a ledger keeps its name for all time, so set that"
        )
    return keys


def rotated(settings: Settings, size: int, root: bytes) -> tuple[LogKeys, str]:
    """Make a new key the one that signs. Returns the keys, and the tree head signed by the old key and the new one:
    with it, whoever trusts the old key may trust the new one."""
    before = load_log_keys(settings)
    keys = LogKeys(SignerKey(before.origin, secrets.token_bytes(_SEED_BYTES)), before.public)
    note = signed_checkpoint(Checkpoint(keys.origin, size, root), [before.signer, keys.signer])
    _write(settings, keys, new=False)
    return keys, note


def _read(settings: Settings) -> LogKeys:
    path = settings.log_key_file
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise SetupInvalid(f"{path} may be read by others (mode {mode:04o}); run: chmod 600 {path}")
    try:
        first, *rest = path.read_text(encoding="utf-8").splitlines()
        return LogKeys(SignerKey.parse(first), tuple(VerifierKey.parse(line) for line in rest))
    except (NoteError, ValueError):
        # Nothing of the file goes into the message: it holds a secret.
        raise SetupInvalid(f"{path} is not a key file of the ledger; restore it from a backup") from None


def _write(settings: Settings, keys: LogKeys, *, new: bool) -> None:
    """Written aside and put into place, so that nobody ever reads half of it; a ``new`` file replaces none."""
    path = settings.log_key_file
    aside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in (keys.signer.secret(), *keys.retired)))
            file.flush()
            os.fsync(file.fileno())
        if new:
            try:
                os.link(aside, path)
            except FileExistsError:
                return  # another process was first; its key is the ledger's
        else:
            os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
