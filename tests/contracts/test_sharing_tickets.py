"""The tickets of shared states against a plain model: whatever the order of things, no state is older than the last
change of its reader that was released, or lacks an event whose append has returned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feed.storage.memory.sharing import Hub
from feed.storage.ports.sharing import HOLD_SECONDS, SharedStates
from feed.storage.redis import open_sharing
from feed.storage.redis.nodes import Script
from feed.storage.redis.server import Server
from tests.contracts.redis_server import MISSING, binary, running_redis
from tests.contracts.shared_states import got, put

READER = "ann"
_HOLDS_END = Script("for _, key in ipairs(redis.call('KEYS', '*:held')) do redis.call('DEL', key) end")

# Who goes on with what it does: two who load the state, two who change the reader, two who store events; and faults.
# Each story has only some of them, so that what they do meets more often.
CAST = [(task, which) for task in ("load", "change", "store") for which in (0, 1)] + [("empty", 0), ("vanish", 0)]
STEPS = st.sets(st.sampled_from(CAST), min_size=2, max_size=5).flatmap(
    lambda cast: st.lists(st.sampled_from(sorted(cast)), min_size=10, max_size=40)
)


@dataclass
class Truth:
    """The store, and who is doing what beside it."""

    change: int = 0
    events: list[int] = field(default_factory=list)
    released: int = 0
    """The change as of the last release of one who had committed."""
    acknowledged: set[int] = field(default_factory=set)
    loads: dict[int, tuple[str, bytes | None]] = field(default_factory=dict)
    """Tickets of those who load the state, and what they read."""
    changing: dict[int, int] = field(default_factory=dict)
    """Those who hold the reader, and the change that they committed, 0 before."""
    unprotected: set[int] = field(default_factory=set)
    """Those of them whose hold was lost meanwhile."""
    appending: dict[int, int] = field(default_factory=dict)

    def state(self) -> bytes:
        return f"{self.change};".encode() + b"".join(b"%d," % event for event in self.events)

    def must_be_known(self, state: bytes) -> None:
        change, _, events = state.partition(b";")
        assert int(change) >= self.released
        assert self.acknowledged <= {int(event) for event in events.split(b",") if event}


class Play:
    """One sequence of steps, by two processes."""

    def __init__(self, processes: list[SharedStates], hub: Hub | None = None, server: Server | None = None) -> None:
        self._processes = processes
        self._hub = hub
        self._server = server
        self._truth = Truth()
        self.seen = 0

    def step(self, name: str, which: int) -> None:
        getattr(self, f"_{name}")(self._processes[which], which, self._truth)
        self._look()

    def _load(self, states: SharedStates, which: int, truth: Truth) -> None:
        """Ask for the state, read the store if there is none, and put what was read."""
        if which not in truth.loads:
            shared = got(states, READER)
            if shared.state is None:
                truth.loads[which] = (shared.ticket, None)
            else:
                truth.must_be_known(shared.state)
            return
        ticket, read = truth.loads[which]
        if read is None:
            truth.loads[which] = (ticket, truth.state())
        else:
            del truth.loads[which]
            put(states, READER, read, ticket)

    def _change(self, states: SharedStates, which: int, truth: Truth) -> None:
        """Hold the reader, commit a change, and release."""
        if which not in truth.changing:
            states.hold(READER)
            truth.changing[which] = 0
            truth.unprotected.discard(which)
        elif not truth.changing[which]:
            truth.change += 1
            truth.changing[which] = truth.change
        else:
            states.release([READER])
            truth.released = max(truth.released, truth.changing.pop(which))

    def _store(self, states: SharedStates, which: int, truth: Truth) -> None:
        """Commit an event, and append it."""
        if which not in truth.appending:
            truth.appending[which] = len(truth.events)
            truth.events.append(len(truth.events))
        else:
            event = truth.appending.pop(which)
            states.append(READER, b"%d," % event)
            truth.acknowledged.add(event)

    def _empty(self, states: SharedStates, which: int, truth: Truth) -> None:
        """Everything shared is lost."""
        truth.unprotected |= truth.changing.keys()
        if self._hub is not None:
            self._hub.mend(emptied=True)
        if self._server is not None:
            self._server.run(Script("redis.call('FLUSHALL')"), ["x"], [])

    def _vanish(self, states: SharedStates, which: int, truth: Truth) -> None:
        """One who holds the reader dies, and all holds end by time; what it committed counts all the same."""
        change = truth.changing.pop(which, 0)
        if which not in truth.unprotected:
            truth.released = max(truth.released, change)
        truth.unprotected |= truth.changing.keys()
        if self._hub is not None:
            later = self._hub.clock() + HOLD_SECONDS + 1
            self._hub.clock = lambda: later
        if self._server is not None:
            self._server.run(_HOLDS_END, ["x"], [])

    def _look(self) -> None:
        for states in self._processes:
            state = got(states, READER).state
            if state is not None:
                self.seen += 1
                self._truth.must_be_known(state)


@given(STEPS)
@settings(max_examples=500, deadline=None)
def test_in_memory_no_shared_state_is_older_than_the_last_change(steps):
    hub = Hub(clock=lambda: 0.0, lifetime=1e9)
    play = Play([hub.sharing().states for _ in range(2)], hub=hub)
    for name, which in steps:
        play.step(name, which)


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    if binary() is None:
        pytest.skip(MISSING)
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="module")
def two(url) -> Iterator[list[SharedStates]]:
    opened = [open_sharing(url, "weir", "here") for _ in range(2)]
    yield [sharing.states for sharing in opened]
    for sharing in opened:
        sharing.close()


@pytest.fixture(scope="module")
def server(url) -> Iterator[Server]:
    reached = Server(url)
    reached.reach()
    yield reached
    reached.close()


@given(STEPS)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_on_redis_no_shared_state_is_older_than_the_last_change(two, server, steps):
    play = Play(two, server=server)
    play.step("empty", 0)
    for name, which in steps:
        play.step(name, which)


def test_a_play_without_faults_shows_states():
    hub, seen = Hub(), []
    play = Play([hub.sharing().states for _ in range(2)], hub=hub)
    for name in "load load load change change change load load load store store".split():
        play.step(name, 0)
        seen.append(play.seen)
    assert seen == [0, 0, 2, 2, 2, 2, 2, 2, 4, 6, 8]
