"""Limits: how much one caller may ask (rate) and send (body length).

Rates follow the generic cell rate algorithm (ITU-T I.371): one number per account, the second at which its bucket
would be full again. Answers tell in the fields of the IETF draft "RateLimit header fields for HTTP".
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

_ACCOUNTS = 100_000
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests ``per_second``, and ``burst`` seconds' worth of them at once; 0 per second is no limit."""

    per_second: float
    burst: float

    @property
    def policy(self) -> bytes:
        """The value of ``RateLimit-Policy``."""
        return b'"default";q=%d;w=%d' % (max(int(self.per_second * self.burst), 1), max(int(self.burst), 1))


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether a request may pass, requests left now, and seconds until the next one (refused) or a full bucket."""

    allowed: bool
    remaining: int
    seconds: float

    @property
    def field(self) -> bytes:
        """The value of ``RateLimit``."""
        return b'"default";r=%d;t=%d' % (self.remaining, int(self.seconds) + 1)


class Buckets:
    """The used-up part of every account's bucket. Bounded: when full, refilled buckets go first."""

    def __init__(self, accounts: int = _ACCOUNTS) -> None:
        self._accounts = accounts
        self._full_at: dict[str, float] = {}

    def take(self, account: str, rate: Rate, now: float) -> Allowance:
        """Take one request from an account's bucket at monotonic second ``now``."""
        interval = 1.0 / rate.per_second
        depth = max(rate.burst, interval)
        full_at = self._full_at.get(account, now)
        if full_at < now:
            full_at = now
        after = full_at + interval
        if after - now > depth + _ROUNDING:
            return Allowance(False, 0, after - now - depth)
        self._full_at[account] = after
        if len(self._full_at) > self._accounts:
            self._prune(now)
        return Allowance(True, int((depth - (after - now) + _ROUNDING) * rate.per_second), after - now)

    def learn(self, account: str, full_at: float) -> None:
        """Learn that a bucket, used by others too, will be full no earlier than at that monotonic second."""
        self._full_at[account] = max(self._full_at.get(account, 0.0), full_at)

    def _prune(self, now: float) -> None:
        self._full_at = {account: full_at for account, full_at in self._full_at.items() if full_at > now}
        while len(self._full_at) > self._accounts:
            del self._full_at[next(iter(self._full_at))]


def network_of(address: str) -> str:
    """Whom an address of IPv6 stands for: whoever has one has the 2**64 of its /64 (RFC 6177)."""
    try:
        known = IPv6Address(address)
    except ValueError:
        return address
    return str(known.ipv4_mapped or IPv6Address(int(known) >> 64 << 64))


def limited(receive: Receive, limit: int) -> Receive:
    """``receive`` that refuses with 413 once a body without a declared length has passed ``limit`` bytes."""
    came = 0

    async def counted() -> Message:
        nonlocal came
        message = await receive()
        if message["type"] == "http.request":
            came += len(message.get("body", b""))
            if came > limit:
                # An HTTPException, because the framework passes only those through while it reads a body.
                raise HTTPException(413, f"the body is longer than {limit} bytes; send it in several requests")
        return message

    return counted
