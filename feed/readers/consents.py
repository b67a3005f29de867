"""Consents: whether readers have personalization on, remembered without their states, and no longer than it may be
believed (law 7)."""

from __future__ import annotations

from collections.abc import Mapping

_UNKNOWN = (None, 0.0)


class Consents:
    """Consents that were read from the store. One thread at a time."""

    def __init__(self, capacity: int, seconds: float) -> None:
        """At most ``capacity`` of them, each believed for ``seconds``."""
        self._capacity = capacity
        self._seconds = seconds
        self._known: dict[str, tuple[bool, float]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, reader: str, now: float) -> bool | None:
        """Whether the reader has personalization on; None where that is not known any more."""
        consent, until = self._known.get(reader, _UNKNOWN)
        return consent if now <= until else None

    def remember(self, consents: Mapping[str, bool], read_at: float) -> None:
        """Remember what was read; whoever was remembered first leaves when there are too many."""
        until = read_at + self._seconds
        known = {consent: (consent, until) for consent in (True, False)}
        for reader, consent in consents.items():
            self._known[reader] = known[consent]
        while len(self._known) > self._capacity:
            del self._known[next(iter(self._known))]

    def forget(self, reader: str) -> None:
        """Forget one reader's."""
        self._known.pop(reader, None)

    def clear(self) -> None:
        """Forget all."""
        self._known.clear()
