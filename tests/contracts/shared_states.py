"""One reader's shared state, where many could be asked for and put."""

from __future__ import annotations

from feed.storage.ports.sharing import Put, Shared, SharedStates


def got(states: SharedStates, reader: str) -> Shared:
    (shared,) = states.get([reader])
    return shared


def put(states: SharedStates, reader: str, state: bytes, ticket: str) -> bool:
    (kept,) = states.put([Put(reader, state, ticket)])
    return kept
