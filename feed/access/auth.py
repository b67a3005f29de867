"""Who is asking: bearer tokens (RFC 9068 style JWT) and hashed API keys become Callers (law 12).

Owns verification, scopes and ownership. HS256 is verified with the local secret and nothing else; RS256, ES256 and
EdDSA with the issuer's key set and nothing else, each key with its one algorithm. A verified credential is remembered
by its digest for at most a minute; credentials themselves are neither kept nor logged.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import anyio.to_thread
import jwt

from controls.authority import SERVICE_ROLE
from controls.scopes import EVERYWHERE, AgeClass, Audience
from feed.access.caller import PERSONAL, SCOPES, UNKNOWN, Caller, listed
from feed.access.claims import claimed_audience, matching, require_single, second_of
from feed.access.keys import API_KEY_PREFIX, KeySet, PublicKey, digest_of
from feed.clock import Clock
from feed.errors import KeyRefused, NotAuthenticated, TokenExpired, TokenInvalid
from feed.limits import network_of
from feed.schemas.fields import ID_RULE, is_id
from feed.settings import Settings
from feed.storage.ports.registers import Keys

_LONGEST_TOKEN = 8192
_REMEMBERED = 100_000
_REFRESH_PAUSE = 10.0
_LOCAL_ALGORITHM = "HS256"
_ROLE = re.compile(r"[\w .-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Remembered:
    caller: Caller
    until: float


class Authenticator:
    """Turns an ``Authorization`` header into a Caller. For use on one event loop."""

    def __init__(self, settings: Settings, secret: bytes, key_set: KeySet, keys: Keys, clock: Clock) -> None:
        self._settings = settings
        self._secret = secret
        self._key_set = key_set
        self._keys = keys
        self._clock = clock
        self._remembered: dict[bytes, _Remembered] = {}
        self._refreshed_at = float("-inf")

    async def authenticate(self, header: bytes | None, address: str) -> Caller:
        """The caller, or an anonymous one when there is no header; raises ``NotAuthenticated`` for a bad one."""
        if header is None:
            return anonymous(address)
        if header[:7].lower() != b"bearer ":
            raise NotAuthenticated("only bearer credentials are read; send Authorization: Bearer <token or key>")
        credential = header[7:].strip()
        digest = sha256(credential).digest()
        now = self._clock.monotonic()
        remembered = self._remembered.get(digest)
        if remembered is not None and now < remembered.until:
            return remembered.caller
        try:
            text = credential.decode("ascii")
        except UnicodeDecodeError:
            raise TokenInvalid("the token holds characters that no token has; send it as it was issued") from None
        caller, lasts = await (self._key(text) if text.startswith(API_KEY_PREFIX) else self._token(text))
        self._remember(digest, caller, now + min(self._settings.token_cache, lasts))
        return caller

    @property
    def issuer_failure(self) -> str:
        """Why the issuer's key set could not be read the last time; empty when it could, or when there is none."""
        return self._key_set.failure

    def flush(self) -> None:
        """Forget every verified credential: after a key was revoked or the key set changed."""
        self._remembered.clear()

    async def refresh(self) -> None:
        """Read the issuer's key set again, if there is one; forget verified tokens when it changed."""
        self._refreshed_at = self._clock.monotonic()
        if self._key_set.configured and await self._key_set.refresh():
            self.flush()

    def _remember(self, digest: bytes, caller: Caller, until: float) -> None:
        while len(self._remembered) >= _REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = _Remembered(caller, until)

    async def _key(self, text: str) -> tuple[Caller, float]:
        record = await anyio.to_thread.run_sync(self._keys.get, digest_of(text))
        now = self._clock.now()
        if record is None or record.revoked_at is not None:
            raise KeyRefused("the API key is unknown or revoked; ask an administrator for a new one")
        if record.expires_at is not None and record.expires_at <= now:
            raise KeyRefused("the API key has expired; ask an administrator for a new one")
        lasts = math.inf if record.expires_at is None else record.expires_at - now
        scopes = frozenset(record.scopes) & SCOPES.keys()
        return Caller(record.subject, scopes, _role(scopes), UNKNOWN, f"key {record.digest}"), lasts

    async def _token(self, text: str) -> tuple[Caller, float]:
        key, algorithm = await self._verification_key(text)
        try:
            claims = jwt.decode(
                text,
                key,
                algorithms=[algorithm],
                audience=self._settings.token_audience or None,
                issuer=self._settings.token_issuer or None,
                # Times are checked below, by the service's own clock.
                options={"require": ["exp", "sub"], "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.PyJWTError as error:
            raise TokenInvalid(f"the token does not hold ({type(error).__name__}); get a new one") from None
        require_single(text)
        return self._caller(claims), self._lasts(claims)

    async def _verification_key(self, text: str) -> tuple[PublicKey | bytes, str]:
        if len(text) > _LONGEST_TOKEN:
            raise TokenInvalid(f"the token is longer than {_LONGEST_TOKEN} characters; ask for one with fewer claims")
        try:
            header = jwt.get_unverified_header(text)
        except jwt.PyJWTError:
            raise TokenInvalid("this is neither a token nor an API key; send it as it was issued") from None
        algorithm = str(header.get("alg"))
        if algorithm == _LOCAL_ALGORITHM and self._settings.local_tokens:
            return self._secret, algorithm
        kid = str(header.get("kid", ""))
        found = self._key_set.find(kid, algorithm)
        if found is None and self._refresh_is_due():
            await self.refresh()
            found = self._key_set.find(kid, algorithm)
        if found is None:
            raise TokenInvalid("the token's algorithm or key is not accepted here; get one from the trusted issuer")
        return found.key, found.algorithm

    def _refresh_is_due(self) -> bool:
        return self._key_set.configured and self._clock.monotonic() - self._refreshed_at >= _REFRESH_PAUSE

    def _lasts(self, claims: Mapping[str, object]) -> float:
        leeway, now = self._settings.token_leeway, self._clock.now()
        ends = second_of(claims["exp"], "exp") + leeway
        if ends <= now:
            raise TokenExpired("the token has expired; get a new one")
        if "nbf" in claims and second_of(claims["nbf"], "nbf") - leeway > now:
            raise TokenExpired("the token is not valid yet; check the clocks of both machines")
        return ends - now

    def _caller(self, claims: Mapping[str, object]) -> Caller:
        subject = claims["sub"]
        if not isinstance(subject, str) or not 1 <= len(subject) <= 200 or not subject.isprintable():
            raise TokenInvalid("the token's sub is not a name of 1 to 200 printable characters; get a new one")
        scopes = _scopes(claims)
        if scopes & PERSONAL and not is_id(subject):
            raise TokenInvalid(f"the token's sub is no id of a reader or author: {ID_RULE}")
        role = matching(claims.get("role"), _ROLE, _role(scopes))
        if role == SERVICE_ROLE:
            raise TokenInvalid(f"the role {SERVICE_ROLE} is the service's own; get a token with another one")
        return Caller(subject, scopes, role, claimed_audience(claims), account=f"{listed(scopes)} {subject}")


def anonymous(address: str) -> Caller:
    """The caller without credentials, known by the address it calls from; of IPv6 by the network of it, because whoever
    has one address there has the 2**64 of its /64 (RFC 6177)."""
    return Caller("", frozenset(), "", UNKNOWN, f"address {network_of(address) if ':' in address else address}")


def _scopes(claims: Mapping[str, object]) -> frozenset[str]:
    named = claims.get("scope", claims.get("scopes", ""))
    words = named.split() if isinstance(named, str) else named if isinstance(named, list) else []
    return frozenset(word for word in words if isinstance(word, str)) & SCOPES.keys()


def _role(scopes: frozenset[str]) -> str:
    """The widest scope, as the role that decisions record."""
    return next((scope for scope in reversed(list(SCOPES)) if scope in scopes), "")


def issue_token(
    secret: bytes,
    subject: str,
    scopes: tuple[str, ...],
    now: int,
    *,
    lifetime: int = 3600,
    audience: Audience = UNKNOWN,
    role: str = "",
    token_issuer: str = "",
    token_audience: str = "",
) -> str:
    """A token signed with the local secret, valid for ``lifetime`` seconds; ``ValueError`` for an unknown scope."""
    unknown = sorted(set(scopes) - SCOPES.keys())
    if unknown or not subject:
        raise ValueError(
            f"unknown scopes {', '.join(unknown)}; there are {', '.join(SCOPES)}" if unknown else "no subject"
        )
    claims: dict[str, object] = {"sub": subject, "scope": " ".join(scopes), "iat": now, "exp": now + lifetime}
    optional = {
        "region": audience.region if audience.region != EVERYWHERE else "",
        "age": audience.age.value if audience.age is not AgeClass.UNKNOWN else "",
        "lang": audience.language if audience.language != EVERYWHERE else "",
        "role": role,
        "iss": token_issuer,
        "aud": token_audience,
    }
    claims |= {name: value for name, value in optional.items() if value}
    return jwt.encode(claims, secret, algorithm=_LOCAL_ALGORITHM)
