"""Views over mappings that one writer changes: what was handed out never changes (law 4)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Viewed(Generic[Key, Value]):
    """A mapping that is copied before the first change after a view of it was handed out."""

    def __init__(self) -> None:
        self._entries: dict[Key, Value] = {}
        self._view: Mapping[Key, Value] | None = None

    def view(self) -> Mapping[Key, Value]:
        """The entries now, read-only; the same mapping as before if nothing changed since."""
        if self._view is None:
            self._view = MappingProxyType(self._entries)
        return self._view

    def get(self, key: Key) -> Value | None:
        """The entry of a key, or None."""
        return self._entries.get(key)

    def put(self, key: Key, value: Value | None) -> None:
        """Give a key its entry, or take it away with None."""
        if self._view is not None:
            self._entries, self._view = dict(self._entries), None
        if value is None:
            self._entries.pop(key, None)
        else:
            self._entries[key] = value
