"""Rates over all processes: each decides by what it knows, and every fifth of a second they learn of each other.

A bucket may therefore be overdrawn by what the processes give in that time, and no request waits for Redis. What was
overdrawn is paid back, up to a bucket's depth. Without Redis each process goes on with its own buckets.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from hashlib import blake2b

from feed.limits import Allowance, Buckets, Rate
from feed.storage.errors import SharingFailed
from feed.storage.redis.scripts import SPEND
from feed.storage.redis.server import Server

_EVERY = 0.15
_GROUPS = 16
"""Slots of a Cluster over which accounts are spread."""

_MOST = 250
"""Accounts that one script looks at."""

_WAITING = 20_000
"""Accounts that may wait to be told of; of more, the others do not learn until they are asked again."""


class RedisRates:
    """Fulfils :class:`feed.storage.ports.sharing.Rates`."""

    def __init__(self, server: Server, prefix: str, deployment: str) -> None:
        self._server = server
        self._prefix = prefix
        self._deployment = deployment.encode()
        self._buckets = Buckets()
        self._used: dict[str, tuple[float, float]] = {}
        """Seconds used and the depth of buckets since the others were told."""
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._reconcile, name="weir-rates", daemon=True)
        self._thread.start()

    def take(self, account: str, rate: Rate, now: float) -> Allowance:
        """Take one request, by what is known here."""
        with self._lock:
            allowance = self._buckets.take(account, rate, now)
            if allowance.allowed and (account in self._used or len(self._used) < _WAITING):
                interval = 1.0 / rate.per_second
                used, _ = self._used.get(account, (0.0, 0.0))
                self._used[account] = (used + interval, max(rate.burst, interval))
        return allowance

    def close(self) -> None:
        """Stop telling."""
        self._closed.set()
        self._thread.join()

    def _reconcile(self) -> None:
        while not self._closed.wait(_EVERY):
            with self._lock:
                used, self._used = self._used, {}
            for keys, accounts in self._parts(used):
                self._tell(keys, accounts, used)

    def _tell(self, keys: Sequence[str], accounts: Sequence[str], used: dict[str, tuple[float, float]]) -> None:
        arguments: list[str | bytes | int] = [f"{number:.6f}" for account in accounts for number in used[account]]
        asked = time.monotonic()
        try:
            answers = self._server.run(SPEND, keys, arguments)
        except SharingFailed:
            return
        with self._lock:
            for account, microseconds in zip(accounts, answers, strict=True):
                since, _ = self._used.get(account, (0.0, 0.0))
                self._buckets.learn(account, asked + int(microseconds) / 1e6 + since)

    def _parts(self, used: dict[str, tuple[float, float]]) -> Iterator[tuple[list[str], list[str]]]:
        """Accounts that one script may look at together, and their keys."""
        groups: list[list[tuple[str, str]]] = [[] for _ in range(_GROUPS)]
        for account in used:
            name = blake2b(account.encode(), digest_size=16, key=self._deployment[:64])
            group = name.digest()[0] % _GROUPS
            groups[group].append((f"{self._prefix}:{{rates{group}}}:{name.hexdigest()}", account))
        for members in groups:
            for begin in range(0, len(members), _MOST):
                part = members[begin : begin + _MOST]
                yield [key for key, _ in part], [account for _, account in part]
