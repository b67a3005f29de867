"""Keys: the local secret, the issuer's public keys, and API keys. What is secret is never logged nor stored in clear.

A JSON Web Key Set (RFC 7517) may hold RSA keys for RS256, P-256 keys for ES256 and Ed25519 keys for EdDSA. Each key
serves exactly one algorithm, so that no token can choose another way to be verified (RFC 8725 section 3.1).
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import httpx
import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from feed.errors import SetupInvalid
from feed.settings import Settings
from feed.storage.records import KeyRecord

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

API_KEY_PREFIX = "wk_"
_SHORTEST_SECRET = 32
_SHORTEST_RSA = 2048
_LARGEST_KEY_SET = 1 << 20


def load_secret(settings: Settings) -> bytes:
    """The local secret: the setting, or the file in the home folder, generated there on first start.

    Raises ``SetupInvalid`` when the file is too short or readable by others than its owner.
    """
    if settings.secret is not None:
        return settings.secret.get_secret_value().encode()
    path = settings.secret_file
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return _generate(path)
    except FileExistsError:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise SetupInvalid(f"{path} may be read by others (mode {mode:04o}); run: chmod 600 {path}") from None
        secret = path.read_bytes().strip()
        if len(secret) < _SHORTEST_SECRET:
            raise SetupInvalid(
                f"{path} holds fewer than {_SHORTEST_SECRET} characters; remove it to have a new secret generated"
            ) from None
        return secret


def _generate(path: Path) -> bytes:
    # Written aside and linked into place, so that a second process never reads half a secret.
    secret = secrets.token_hex(32).encode()
    aside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    finally:
        aside.unlink()
    return secret


def digest_of(key: str) -> str:
    """The digest by which a key is stored: SHA-256 in hexadecimal. A key has 256 random bits, so it needs no salt."""
    return sha256(key.encode()).hexdigest()


def new_api_key(
    name: str, scopes: Sequence[str], subject: str, now: int, expires_at: int | None = None
) -> tuple[str, KeyRecord]:
    """A new API key, to be shown once, and the record to be stored."""
    key = API_KEY_PREFIX + secrets.token_urlsafe(32)
    return key, KeyRecord(digest_of(key), name, tuple(scopes), subject, now, expires_at)


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One public key of the issuer and the one algorithm it serves. ``id`` is the ``kid``, empty if it has none."""

    id: str
    algorithm: str
    key: PublicKey


def parse_key_set(text: bytes, source: str) -> tuple[VerificationKey, ...]:
    """The usable keys of a JSON Web Key Set; raises ``SetupInvalid`` when it is none or holds secret keys."""
    try:
        entries = orjson.loads(text)["keys"]
        return tuple(found for entry in entries if (found := _parse_key(entry, source)) is not None)
    except (KeyError, TypeError, AttributeError, ValueError, UnsupportedAlgorithm, jwt.PyJWTError) as error:
        # Only the kind of the error: the set may hold, against all sense, what must not be logged.
        raise SetupInvalid(
            f"{source} is not a JSON Web Key Set ({type(error).__name__}); see RFC 7517 section 5"
        ) from None


def _parse_key(entry: dict[str, object], source: str) -> VerificationKey | None:
    if entry.get("kty") == "oct" or "d" in entry:
        raise SetupInvalid(f"{source} holds a secret or private key; publish only the public parts")
    if entry.get("use", "sig") != "sig" or entry.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    if entry.get("crv", "P-256") not in ("P-256", "Ed25519"):
        return None
    key = jwt.PyJWK.from_dict(entry, algorithm=_ALGORITHMS[str(entry["kty"])]).key
    algorithm = _algorithm_of(key, source)
    if entry.get("alg", algorithm) not in (algorithm, "Ed25519" if algorithm == "EdDSA" else algorithm):
        return None
    return VerificationKey(str(entry.get("kid", "")), algorithm, key)


_ALGORITHMS = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}


def _algorithm_of(key: object, source: str) -> str:
    if isinstance(key, RSAPublicKey):
        if key.key_size < _SHORTEST_RSA:
            raise SetupInvalid(f"{source} holds an RSA key of {key.key_size} bits; use {_SHORTEST_RSA} or more")
        return "RS256"
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return "ES256"
    if isinstance(key, Ed25519PublicKey):
        return "EdDSA"
    raise SetupInvalid(f"{source} holds a key of a kind that is not read here; use RSA, P-256 or Ed25519")


class KeySet:
    """The issuer's keys from a file or an address, read again by :meth:`refresh`; empty when neither is set."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.jwks_url
        self._file = settings.jwks_file
        self._keys: tuple[VerificationKey, ...] = ()
        self.failure = ""
        if self._file is not None:
            self._keys = parse_key_set(self._read_file(), str(self._file))

    @property
    def configured(self) -> bool:
        """Whether there is a key set to read."""
        return bool(self._url or self._file)

    def find(self, kid: str, algorithm: str) -> VerificationKey | None:
        """The key with this id and algorithm; without an id, the only key of the algorithm."""
        fitting = [key for key in self._keys if key.algorithm == algorithm and (not kid or key.id == kid)]
        return fitting[0] if len(fitting) == 1 else None

    async def refresh(self) -> bool:
        """Read the key set again; whether the keys changed. A set that cannot be read leaves the old keys in place."""
        try:
            text = await self._fetch() if self._url else self._read_file()
            keys = parse_key_set(text, self._url or str(self._file))
        except (SetupInvalid, OSError, httpx.HTTPError) as error:
            self.failure = f"{type(error).__name__}: {error}"
            return False
        self.failure = ""
        changed = [(key.id, key.algorithm) for key in keys] != [(key.id, key.algorithm) for key in self._keys] or any(
            new.key != old.key for new, old in zip(keys, self._keys, strict=True)
        )
        self._keys = keys
        return changed

    def _read_file(self) -> bytes:
        assert self._file is not None
        try:
            return self._file.read_bytes()
        except OSError as error:
            raise SetupInvalid(f"{self._file} cannot be read ({error.strerror}); check WEIR_JWKS_FILE") from error

    async def _fetch(self) -> bytes:
        read = bytearray()
        async with (
            httpx.AsyncClient(timeout=5.0, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", self._url) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise SetupInvalid(f"{self._url} answered {answer.status_code}; check WEIR_JWKS_URL")
            async for chunk in answer.aiter_bytes():
                read += chunk
                if len(read) > _LARGEST_KEY_SET:
                    raise SetupInvalid(f"{self._url} sent more than {_LARGEST_KEY_SET} bytes; check WEIR_JWKS_URL")
        return bytes(read)
