"""Redis killed, emptied, paused, cut off, trimmed or moved: nobody misses anything unknowingly, all goes on again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import count

import pytest
from redis.crc import key_slot

from feed.limits import Rate
from feed.storage.errors import SharingFailed
from feed.storage.ports.sharing import Message, Shared, Sharing, Topic
from feed.storage.redis import open_sharing
from tests.contracts.cuttable_proxy import proxy_to
from tests.contracts.redis_server import MISSING, RedisServer, binary, free_port, running_cluster, running_redis
from tests.contracts.shared_states import got, put
from tests.contracts.sharing_processes import Process, until

pytestmark = pytest.mark.skipif(binary() is None, reason=MISSING)


@pytest.fixture
def server(tmp_path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as running:
        yield running


@pytest.fixture
def join() -> Iterator[object]:
    """Open what a process shares, and have it join."""
    opened: list[Sharing] = []

    def joined(url: str, name: str) -> Process:
        opened.append(open_sharing(url, "weir", "here"))
        process = Process(opened[-1], name).join()
        process.loses(1)
        until(process.sharing.bus.current)
        return process

    yield joined
    for sharing in opened:
        sharing.close()


def told(key: str) -> Message:
    return Message(Topic.READER, key)


def send(process: Process, key: str) -> int:
    """Send as soon as it goes."""
    sent: list[int] = []

    def try_it() -> bool:
        try:
            sent.append(process.sharing.bus.send([told(key)]).result(5))
        except SharingFailed:
            return False
        return True

    until(try_it)
    return sent[0]


def fails(process: Process) -> bool:
    try:
        got(process.sharing.states, "ann")
    except SharingFailed:
        return True
    return False


def test_a_server_killed_and_started_empty_makes_all_start_anew(server, join):
    one, two = join(server.url, "one"), join(server.url, "two")
    states = one.sharing.states
    put(states, "ann", b"old", got(states, "ann").ticket)
    before = send(one, "a")
    two.hears("a")
    server.kill()
    with pytest.raises(SharingFailed, match="does not answer"):
        one.sharing.bus.send([told("b")]).result(5)
    with pytest.raises(SharingFailed):
        one.sharing.bus.marks()
    until(lambda: not one.sharing.bus.current())
    server.start()
    for process in (one, two):
        process.loses(2)
        until(process.sharing.bus.current)
    assert send(one, "c") > before
    two.hears("c")
    until(lambda: not fails(one))
    assert got(states, "ann").state is None


def test_what_a_full_server_refuses_of_one_reader_it_tells_of_the_others(server, join):
    states = join(server.url, "one").sharing.states
    put(states, "bob", b"known", got(states, "bob").ticket)
    with server.client() as client:
        client.config_set("maxmemory", "1")
        try:
            before = client.info("stats")["total_connections_received"]
            assert states.get(["ann", "bob", "eve"]) == [Shared(None), Shared(b"known"), Shared(None)]
            with pytest.raises(SharingFailed, match="refused"):
                got(states, "ann")
            assert client.info("stats")["total_connections_received"] == before
        finally:
            client.config_set("maxmemory", "0")
    assert [bool(shared.ticket) for shared in states.get(["ann", "bob"])] == [True, False]


def test_what_a_server_brings_back_from_a_file_is_not_believed(server, join):
    one, two = join(server.url, "one"), join(server.url, "two")
    states = one.sharing.states
    put(states, "ann", b"old", got(states, "ann").ticket)
    ticket = got(states, "bob").ticket
    before = send(one, "a")
    with server.client() as client:
        client.save()
    states.hold("ann")
    states.release(["ann", "bob"])
    assert not put(states, "bob", b"old", ticket)
    for number in range(20):
        send(one, f"more{number}")
    server.kill()
    server.start()
    two.loses(2)
    until(lambda: not fails(one))
    with server.client() as client:
        assert any(b"old" in (client.get(key) or b"") for key in client.keys("*:state"))
    assert got(states, "ann").state is None
    assert not put(states, "bob", b"old", ticket)
    assert send(one, "b") > before + 20
    two.hears("b")


def test_a_paused_server_is_noticed_and_what_could_not_be_sent_is_made_good(server, join):
    one, two = join(server.url, "one"), join(server.url, "two")
    server.pause()
    began = time.monotonic()
    with pytest.raises(SharingFailed, match="does not answer"):
        got(one.sharing.states, "ann")
    assert time.monotonic() - began < 5
    with pytest.raises(SharingFailed):
        one.sharing.bus.send([told("a")]).result(5)
    until(lambda: not one.sharing.bus.current() and not two.sharing.bus.current())
    server.go_on()
    two.loses(2)
    until(lambda: two.sharing.bus.current() and one.sharing.bus.current())
    send(one, "b")
    two.hears("b")
    assert one.lost == 1


def test_an_emptied_server_makes_all_start_anew_though_no_connection_broke(server, join):
    one, two = join(server.url, "one"), join(server.url, "two")
    send(one, "a")
    two.hears("a")
    with server.client() as client:
        client.flushall()
    for process in (one, two):
        process.loses(2)
    send(one, "b")
    two.hears("b")
    assert two.story == ["lost", "a", "lost", "b"]


def test_who_is_behind_a_trimmed_stream_is_told(server, join):
    one = join(server.url, "one")
    let_go, entered, lost, heard = threading.Event(), threading.Event(), threading.Semaphore(0), threading.Event()

    def hear(messages: Sequence[Message]) -> None:
        if messages[-1].key == "last":
            heard.set()
        entered.set()
        let_go.wait(10)

    slow = open_sharing(server.url, "weir", "here")
    slow.bus.start("slow", hear, lost.release)
    assert lost.acquire(timeout=10)
    send(one, "a")
    assert entered.wait(10)
    for key in ("b", "c"):
        send(one, key)
    with server.client() as client:
        assert client.xtrim("{weir}:bus", maxlen=1, approximate=False)
    let_go.set()
    assert lost.acquire(timeout=10)
    send(one, "last")
    assert heard.wait(10)
    slow.close()


def test_a_connection_that_breaks_loses_nothing(server, join):
    one = join(server.url, "one")
    with proxy_to(server.port) as proxy:
        two = join(f"redis://127.0.0.1:{proxy.port}", "two")
        send(one, "a")
        two.hears("a")
        proxy.cut()
        for key in ("b", "c"):
            send(one, key)
        proxy.mend()
        send(one, "d")
        two.hears("d")
        assert two.story == ["lost", "a", "b", "c", "d"]
        until(two.sharing.bus.current)


def test_connections_that_the_server_closes_are_replaced_without_a_failure(server, join):
    one, two = join(server.url, "one"), join(server.url, "two")
    states = one.sharing.states
    put(states, "ann", b"state", got(states, "ann").ticket)
    with server.client() as client:
        assert client.client_kill_filter(_type="normal", skipme=True) >= 4
        client.ping()  # whose answer comes when they are closed
    assert got(states, "ann").state == b"state"
    send(one, "a")
    two.hears("a")
    assert two.lost == 1


def test_who_is_cut_off_alone_knows_it_and_tells_the_others_afterwards(server, join):
    one = join(server.url, "one")
    with proxy_to(server.port) as proxy:
        two = join(f"redis://127.0.0.1:{proxy.port}", "two")
        proxy.stall()
        until(lambda: not two.sharing.bus.current())
        assert one.sharing.bus.current()
        with pytest.raises(SharingFailed):
            two.sharing.bus.send([told("a")]).result(5)
        until(lambda: "two" not in one.sharing.bus.marks())
        proxy.mend()
        one.loses(2)
        until(two.sharing.bus.current)


def test_a_copy_that_takes_over_is_not_believed_in_what_it_may_lack(server, tmp_path, join):
    (tmp_path / "copy").mkdir()
    with server.client() as client:
        client.config_set("repl-diskless-sync-delay", "0")
    options = ("--replicaof", f"127.0.0.1 {server.port}")
    with running_redis(tmp_path / "copy", *options) as copy, copy.client() as client, proxy_to(server.port) as proxy:
        until(lambda: client.info("replication")["master_link_status"] == "up")
        one, two = (join(f"redis://127.0.0.1:{proxy.port}", name) for name in ("one", "two"))
        states = one.sharing.states
        put(states, "ann", b"old", got(states, "ann").ticket)
        before = send(one, "a")
        two.hears("a")
        until(lambda: bool(client.keys("*:state")))
        client.replicaof("NO", "ONE")
        states.drop(["ann"])
        proxy.cut()
        proxy.mend(copy.port)
        two.loses(2)
        until(lambda: not fails(one))
        assert client.keys("*:state")
        assert got(states, "ann").state is None
        assert send(one, "b") > before
        two.hears("b")


@pytest.mark.parametrize("seed", [1, 2])
def test_through_all_faults_a_message_is_heard_or_known_to_be_missed(server, join, seed):
    one, two = join(server.url, "one"), join(server.url, "two")
    drawn, keys = random.Random(seed), count()

    def try_some(most: int) -> None:
        for _ in range(drawn.randint(1, most)):
            one.sharing.bus.send([told(str(next(keys)))]).exception(5)

    for _ in range(10):
        try_some(15)
        match drawn.choice(["kill", "pause", "empty", "close"]):
            case "kill":
                server.kill()
                try_some(3)
                server.start()
            case "pause":
                server.pause()
                try_some(3)
                server.go_on()
            case "empty":
                with server.client() as client:
                    client.flushall()
            case "close":
                with server.client() as client:
                    client.client_kill_filter(_type="normal", skipme=True)
        until(lambda: one.sharing.bus.send([told(str(next(keys)))]).exception(5) is None)
    last = str(next(keys))
    send(one, last)
    until(lambda: two.story[-1] in ("lost", last) and two.sharing.bus.current())
    before: int | None = -1
    for key in two.story:
        assert key == "lost" or before is None or int(key) == before + 1, two.story
        before = None if key == "lost" else int(key)


def test_a_server_that_comes_later_is_used_then(tmp_path):
    server = RedisServer(tmp_path, port=free_port())
    sharing = open_sharing(server.url, "weir", "here")
    with pytest.raises(SharingFailed):
        got(sharing.states, "ann")
    assert sharing.rates.take("key", Rate(1.0, 1.0), time.monotonic()).allowed
    process = Process(sharing, "one").join()
    assert not sharing.bus.current()
    server.start()
    process.loses(1)
    until(sharing.bus.current)
    until(lambda: not fails(process))
    sharing.close()
    server.kill()


def test_leaving_while_nothing_answers_does_not_wait_for_it(server, join):
    one = join(server.url, "one")
    server.pause()
    waiting = one.sharing.bus.send([told("a")])
    one.sharing.close()
    with pytest.raises(SharingFailed):
        waiting.result(0)
    server.go_on()


def test_a_prefix_that_another_deployment_took_meanwhile_is_used_no_more(server, join):
    one = join(server.url, "one")
    with server.client() as client:
        client.set("{weir}:owner", "elsewhere")
    until(lambda: not one.sharing.bus.current())
    with pytest.raises(SharingFailed, match="belongs to the deployment elsewhere"):
        one.sharing.bus.send([told("a")]).result(5)


def test_a_full_server_refuses_and_recovers(server, join):
    one = join(server.url, "one")
    states = one.sharing.states
    put(states, "ann", b"old", got(states, "ann").ticket)
    with server.client() as client:
        client.config_set("maxmemory", "1")
        with pytest.raises(SharingFailed, match="refused"):
            got(states, "bob")
        states.hold("ann")
        client.config_set("maxmemory", "0")
    until(lambda: got(states, "bob").ticket != "")
    assert got(states, "ann").state is None


def test_one_lost_node_of_a_cluster_leaves_the_others_of_use(tmp_path, join):
    with running_cluster(tmp_path) as servers:
        one, two = join(servers[0].url, "one"), join(servers[1].url, "two")
        holder = _holder(servers, "{weir}:bus")
        survivors = [server for server in servers if server is not holder]
        with survivors[0].client() as client:
            client.execute_command("CONFIG SET", "cluster-require-full-coverage", "no")
        with survivors[1].client() as client:
            client.execute_command("CONFIG SET", "cluster-require-full-coverage", "no")
        holder.kill()
        until(lambda: not one.sharing.bus.current())
        until(lambda: any(_usable(one, f"reader{number}") for number in range(30)))
        holder.start()
        for process in (one, two):
            process.loses(2)
            until(process.sharing.bus.current)
        send(one, "a")
        two.hears("a")


def test_a_slot_that_moves_to_another_node_is_followed(tmp_path, join):
    with running_cluster(tmp_path) as servers:
        one, two = join(servers[0].url, "one"), join(servers[1].url, "two")
        send(one, "a")
        two.hears("a")
        source = _holder(servers, "{weir}:bus")
        target = next(server for server in servers if server is not source)
        _move(servers, source, target, key_slot(b"{weir}:bus"))
        two.loses(2)
        send(one, "b")
        two.hears("b")
        until(lambda: set(one.sharing.bus.marks()) == {"one", "two"})


def _usable(process: Process, reader: str) -> bool:
    try:
        return got(process.sharing.states, reader).ticket != ""
    except SharingFailed:
        return False


def _holder(servers: list[RedisServer], key: str) -> RedisServer:
    slot = key_slot(key.encode())
    with servers[0].client() as client:
        places = client.execute_command("CLUSTER SLOTS")
    port = next(master[1] for first, last, master in places if first <= slot <= last)
    return next(server for server in servers if server.port == port)


def _move(servers: list[RedisServer], source: RedisServer, target: RedisServer, slot: int) -> None:
    with source.client() as old, target.client() as new:
        theirs, ours = (str(client.execute_command("CLUSTER MYID"), "ascii") for client in (old, new))
        new.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", theirs)
        old.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", ours)
        keys = old.execute_command("CLUSTER GETKEYSINSLOT", slot, 100)
        old.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
        for server in (target, source, *servers):
            with server.client() as client:
                client.execute_command("CLUSTER SETSLOT", slot, "NODE", ours)
