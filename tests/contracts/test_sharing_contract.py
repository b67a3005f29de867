"""What holds for the bus, the shared states and the rates of every adapter."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from feed.limits import Rate
from feed.storage.memory.sharing import Hub
from feed.storage.ports.sharing import CONTENT_LIMIT, STATE_LIMIT, Message, Shared, Sharing, Topic
from feed.storage.redis import open_sharing
from tests.contracts.redis_server import MISSING, binary, running_cluster, running_redis
from tests.contracts.shared_states import got, put
from tests.contracts.sharing_processes import Process, until

_numbers = count()


class Deployment:
    """Processes with something in common."""

    def __init__(self, another: Callable[[], Sharing]) -> None:
        self._another = another
        self._opened: list[Sharing] = []

    def sharing(self) -> Sharing:
        opened = self._another()
        self._opened.append(opened)
        return opened

    def process(self, name: str) -> Process:
        process = Process(self.sharing(), name).join()
        process.loses(1)
        until(process.sharing.bus.current)
        until(lambda: name in process.sharing.bus.marks())
        return process

    def close(self) -> None:
        for sharing in self._opened:
            sharing.close()


@pytest.fixture(scope="module")
def redis(tmp_path_factory) -> Iterator[str]:
    if binary() is None:
        pytest.skip(MISSING)
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[str]:
    if binary() is None:
        pytest.skip(MISSING)
    with running_cluster(tmp_path_factory.mktemp("cluster")) as servers:
        yield servers[0].url


@pytest.fixture(params=["memory", "redis", "cluster"])
def deployment(request) -> Iterator[Deployment]:
    if request.param == "memory":
        deployment = Deployment(Hub().sharing)
    else:
        url, prefix = request.getfixturevalue(request.param), f"t{next(_numbers)}"
        deployment = Deployment(lambda: open_sharing(url, prefix, "here"))
    yield deployment
    deployment.close()


def told(key: str, content: bytes = b"") -> Message:
    return Message(Topic.READER, key, content)


def test_others_hear_what_is_sent_whole_and_in_order(deployment):
    one, two = deployment.process("one"), deployment.process("two")
    sent = [Message(Topic.EVENTS, f"r{number}", bytes([number, 0, 255])) for number in range(50)]
    for message in sent:
        one.sharing.bus.send([message])
    two.hears("r49")
    assert two.heard == sent
    assert one.heard == []


def test_everybody_hears_in_one_order(deployment):
    senders = [deployment.process(name) for name in ("one", "two")]
    listeners = [deployment.process(name) for name in ("three", "four")]
    futures = [sender.sharing.bus.send([told(f"{sender.name}{number}")]) for number in range(40) for sender in senders]
    for future in futures:
        future.result(5)
    for listener in listeners:
        listener.hears("one39", "two39")
    assert listeners[0].heard == listeners[1].heard
    assert len(listeners[0].heard) == 80


def test_a_process_is_told_once_when_it_has_joined_and_hears_nothing_from_before(deployment):
    one = deployment.process("one")
    one.sharing.bus.send([told("early")]).result(5)
    two = deployment.process("two")
    one.sharing.bus.send([told("late")]).result(5)
    two.hears("late")
    assert two.story == ["lost", "late"]


def test_a_process_does_not_hear_itself(deployment):
    one = deployment.process("one")
    position = one.sharing.bus.send([told("mine")]).result(5)
    until(lambda: one.sharing.bus.marks()["one"].position >= position)
    assert one.heard == []


def test_positions_only_grow_and_messages_sent_together_have_the_last_ones(deployment):
    bus = deployment.process("one").sharing.bus
    positions = [bus.send([told("a"), told("b")]).result(5) for _ in range(5)]
    assert positions == sorted(set(positions))
    assert positions[4] - positions[0] >= 8


def test_a_mark_has_a_position_only_when_the_message_was_taken(deployment):
    one = deployment.process("one")
    let_go, entered = threading.Event(), threading.Event()
    slow = deployment.sharing()

    def hear(messages: object) -> None:
        entered.set()
        let_go.wait(10)

    joined = threading.Event()
    slow.bus.start("slow", hear, joined.set)
    assert joined.wait(10)
    until(slow.bus.current)
    position = one.sharing.bus.send([told("a")]).result(5)
    assert entered.wait(10)
    slow.bus.acknowledge(3)
    until(lambda: "slow" in one.sharing.bus.marks() and one.sharing.bus.marks()["slow"].revision == 3)
    assert one.sharing.bus.marks()["slow"].position < position
    let_go.set()
    until(lambda: one.sharing.bus.marks()["slow"].position >= position)


def test_marks_tell_which_revision_each_obeys_and_it_never_falls(deployment):
    one, two = deployment.process("one"), deployment.process("two")
    two.sharing.bus.acknowledge(7)
    until(lambda: one.sharing.bus.marks()["two"].revision == 7)
    two.sharing.bus.acknowledge(6)
    two.sharing.bus.acknowledge(8)
    until(lambda: one.sharing.bus.marks()["two"].revision == 8)
    assert set(one.sharing.bus.marks()) == {"one", "two"}
    assert one.sharing.bus.marks()["one"].revision == 0


def test_the_mark_of_a_process_that_left_is_gone(deployment):
    one, two = deployment.process("one"), deployment.process("two")
    until(lambda: "two" in one.sharing.bus.marks())
    two.sharing.close()
    until(lambda: "two" not in one.sharing.bus.marks())


def test_what_waits_is_sent_before_leaving(deployment):
    one, two = deployment.process("one"), deployment.process("two")
    futures = [one.sharing.bus.send([told(f"m{number}")]) for number in range(200)]
    one.sharing.close()
    assert all(future.result(5) for future in futures)
    two.hears("m199")


def test_a_message_whose_taking_fails_counts_as_missed(deployment):
    one = deployment.process("one")
    story: list[str] = []

    def fail(messages: object) -> None:
        story.append("failed")
        raise RuntimeError("planted")

    sharing = deployment.sharing()
    sharing.bus.start("failing", fail, lambda: story.append("lost"))
    until(sharing.bus.current)
    one.sharing.bus.send([told("a")]).result(5)
    until(lambda: story == ["lost", "failed", "lost"])
    until(sharing.bus.current)


def test_a_content_that_is_too_long_is_refused(deployment):
    one, two = deployment.process("one"), deployment.process("two")
    with pytest.raises(ValueError, match="limit"):
        one.sharing.bus.send([told("a", bytes(CONTENT_LIMIT + 1))])
    one.sharing.bus.send([told("b", bytes(CONTENT_LIMIT))])
    two.hears("b")


def test_a_process_that_has_not_joined_is_not_current(deployment):
    assert not deployment.sharing().bus.current()


def test_a_bus_says_its_patience(deployment):
    assert 0.5 <= deployment.sharing().bus.patience <= 2


# Shared states


def test_a_state_is_put_with_a_ticket_and_seen_by_all(deployment):
    one, two = deployment.sharing().states, deployment.sharing().states
    given = got(one, "ann")
    assert given.state is None
    assert put(one, "ann", b"\x00state\xff", given.ticket)
    assert got(two, "ann") == Shared(b"\x00state\xff")
    assert got(two, "bob").state is None


def test_readers_of_any_name_have_states_of_their_own(deployment):
    states = deployment.sharing().states
    names = ["a", "a}", "{a", "{}", "a b", "ä\n", "x" * 2000, "*"]
    for name in names:
        assert put(states, name, name.encode(), got(states, name).ticket)
    assert [got(states, name).state for name in names] == [name.encode() for name in names]


def test_a_state_cannot_be_put_without_a_ticket(deployment):
    states = deployment.sharing().states
    assert not put(states, "ann", b"x", "")
    assert not put(states, "ann", b"x", "made up")
    got(states, "ann")
    assert not put(states, "ann", b"x", "")
    assert got(states, "ann").state is None


def test_no_state_can_be_put_while_a_reader_is_held_nor_with_a_ticket_from_before(deployment):
    one, two = deployment.sharing().states, deployment.sharing().states
    before = got(two, "ann").ticket
    one.hold("ann")
    assert not put(two, "ann", b"old", before)
    held = got(two, "ann")
    assert held == Shared(None)
    assert not put(two, "ann", b"old", held.ticket)
    one.release(["ann"])
    assert not put(two, "ann", b"old", before)
    assert put(two, "ann", b"new", got(two, "ann").ticket)
    assert got(one, "ann").state == b"new"


def test_holding_drops_the_state_and_the_last_of_several_releases_counts(deployment):
    one, two = deployment.sharing().states, deployment.sharing().states
    put(one, "ann", b"old", got(one, "ann").ticket)
    one.hold("ann")
    two.hold("ann")
    assert got(one, "ann") == Shared(None)
    one.release(["ann"])
    assert got(one, "ann") == Shared(None)
    two.release(["ann"])
    assert got(one, "ann").ticket


@pytest.mark.parametrize("act", ["drop", "release"])
def test_dropping_or_releasing_many_drops_their_states_and_ends_their_tickets(deployment, act):
    states = deployment.sharing().states
    readers = [f"reader{number}" for number in range(300)]
    for reader in readers[:200]:
        put(states, reader, b"old", got(states, reader).ticket)
    tickets = {reader: got(states, reader).ticket for reader in readers[200:]}
    getattr(states, act)(readers)
    assert all(got(states, reader).state is None for reader in readers)
    assert not any(put(states, reader, b"old", ticket) for reader, ticket in tickets.items())
    assert all(put(states, reader, b"new", got(states, reader).ticket) for reader in readers)


def test_dropping_does_not_end_a_hold(deployment):
    states = deployment.sharing().states
    states.hold("ann")
    states.drop(["ann"])
    assert got(states, "ann") == Shared(None)
    states.release(["ann"])
    assert got(states, "ann").ticket


def test_appending_adds_to_a_state_that_is_there_and_ends_tickets(deployment):
    one, two = deployment.sharing().states, deployment.sharing().states
    before = got(two, "ann").ticket
    one.append("ann", b"more")
    assert got(one, "ann").state is None
    assert not put(two, "ann", b"old", before)
    put(one, "ann", b"state", got(one, "ann").ticket)
    two.append("ann", b" and more")
    assert got(one, "ann").state == b"state and more"


def test_appending_does_not_end_a_hold(deployment):
    states = deployment.sharing().states
    states.hold("ann")
    states.append("ann", b"more")
    assert got(states, "ann") == Shared(None)


def test_a_state_beyond_the_limit_is_not_kept(deployment):
    states = deployment.sharing().states
    assert not put(states, "ann", bytes(STATE_LIMIT + 1), got(states, "ann").ticket)
    assert put(states, "ann", bytes(STATE_LIMIT), got(states, "ann").ticket)
    states.append("ann", b"x")
    assert got(states, "ann").state is None


def test_another_generation_sees_nothing_of_the_one_before(deployment):
    one, two = deployment.sharing().states, deployment.sharing().states
    put(one, "ann", b"old", got(one, "ann").ticket)
    late = got(one, "bob").ticket
    for states in (one, two):
        states.since("2")
    assert got(one, "ann").state is None
    put(one, "bob", b"old", late)
    assert got(two, "bob").state is None
    assert put(one, "ann", b"new", got(one, "ann").ticket)
    assert got(two, "ann").state == b"new"


def test_an_empty_state_is_a_state(deployment):
    states = deployment.sharing().states
    put(states, "ann", b"", got(states, "ann").ticket)
    assert got(states, "ann").state == b""


# Rates


def test_a_full_bucket_gives_its_burst_and_then_refuses(deployment):
    rates, rate, now = deployment.sharing().rates, Rate(1.0, 5.0), time.monotonic()
    assert [rates.take("key", rate, now).allowed for _ in range(7)] == [True] * 5 + [False] * 2
    assert rates.take("other", rate, now).allowed
    refused = rates.take("key", rate, now)
    assert (refused.remaining, refused.allowed) == (0, False)
    assert 0 < refused.seconds <= 1


def test_what_one_process_gave_is_soon_missing_in_another(deployment):
    one, two = deployment.sharing().rates, deployment.sharing().rates
    rate = Rate(0.01, 100_000.0)
    for _ in range(1000):
        assert one.take("key", rate, time.monotonic()).allowed
    given = count()
    until(lambda: not (two.take("key", rate, time.monotonic()).allowed and next(given) >= 0))
    assert next(given) < 900
