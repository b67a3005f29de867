"""The way to Redis: one server, or the nodes of a Cluster, and what their failures mean.

No call waits longer than a quarter of a second for an answer, and only the first ones of an outage wait at all: a node
that failed is left alone until the keeper, a thread of its own, got an answer from it. The keeper also finds out
whether the address is a Cluster's, and which node has which keys.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Sequence

import structlog
from redis import exceptions
from redis.crc import key_slot

from feed.storage.errors import SharingFailed, SharingRefused
from feed.storage.redis.nodes import AGAIN, UNREACHABLE, Answer, Facts, Node, Run, Script, node_at

OLDEST = (6, 2)
"""The oldest version of Redis that is taken."""

_SLOTS = 16_384
_TOGETHER = 200
"""Runs of a script that go in one round trip."""

_PAUSE, _LONGEST_PAUSE, _REST = 0.02, 0.5, 0.1
"""Seconds that the keeper waits after a first failure, after many, and after a success."""

_log = structlog.get_logger("weir")


class Server:
    """Where scripts run. Thread-safe; works again by itself after every outage."""

    def __init__(self, url: str) -> None:
        """Nothing is reached yet. Raises ``SharingRefused`` for what is no address."""
        self._seed = node_at(url)
        self._seed.broken = "not reached yet"
        self._nodes = {self._seed.name: self._seed}
        self._places: list[Node | None] | None = None
        """Which node has which slot; None without a Cluster, or while it is unknown."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._keeper: threading.Thread | None = None

    @property
    def name(self) -> str:
        """The address as it may be shown."""
        return self._seed.name

    def reach(self) -> Facts:
        """Find out what is there. Raises ``SharingFailed`` when nothing answers, ``SharingRefused`` when what answers
        cannot be used."""
        facts, wrong = None, ""
        for node in [self._seed, *(node for node in self._nodes.values() if node is not self._seed)]:
            try:
                facts = node.facts()
                break
            except exceptions.AuthenticationError as cause:
                raise SharingRefused(
                    f"Redis at {self.name} refuses the user or password ({said_by(cause)}); correct the address"
                ) from None
            except (exceptions.RedisError, OSError) as cause:
                if _uncertain(cause):
                    raise SharingRefused(
                        f"the certificate of Redis at {self.name} does not hold; add ?ssl_ca_certs=FILE to the address"
                    ) from None
                wrong = wrong or said_by(cause)
        if facts is None:
            raise SharingFailed(f"Redis at {self.name} cannot be reached ({wrong}); is it running?")
        if facts.version < OLDEST:
            version, oldest = (".".join(map(str, numbers)) for numbers in (facts.version, OLDEST))
            raise SharingRefused(f"Redis at {self.name} has version {version}; Weir needs {oldest} or newer")
        try:
            for other in self._learn(node) if facts.cluster else [node]:
                if other.broken:
                    other.call("PING")
                    other.broken = None
        except (exceptions.RedisError, OSError) as cause:
            raise SharingFailed(f"a node of Redis at {self.name} cannot be reached ({said_by(cause)})") from None
        return facts

    def keep(self) -> None:
        """Have a thread reach what fails, until closed."""
        self._keeper = threading.Thread(target=self._keep, name="weir-redis", daemon=True)
        self._keeper.start()

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | bytes | int]) -> Answer:
        """What a script returns where its keys are, which are all in one place. Raises ``SharingFailed``."""
        for last in (False, True):
            node = self.node_of(keys[0])
            try:
                return node.run(script, list(keys), list(arguments))
            except exceptions.MovedError as moved:
                self._moved(moved)
                if last:
                    raise SharingFailed(f"Redis at {self.name} moves its keys; try again in a moment") from None
            except (exceptions.RedisError, OSError) as cause:
                raise self._failure(node, cause) from None
        raise AssertionError("unreachable")

    def run_each(self, script: Script, each: Sequence[Run]) -> list[Answer | SharingFailed]:
        """What a script returns for each, many in one round trip, or why it did not run or may not have run."""
        answers: list[Answer | SharingFailed] = [AGAIN] * len(each)
        there: dict[str, tuple[Node, list[int]]] = {}
        for number, (keys, _) in enumerate(each):
            try:
                node = self.node_of(keys[0])
            except SharingFailed as broken:
                answers[number] = broken
            else:
                there.setdefault(node.name, (node, []))[1].append(number)
        for node, mine in there.values():
            for begin in range(0, len(mine), _TOGETHER):
                numbers = mine[begin : begin + _TOGETHER]
                answered = self._run_at(node, script, [each[number] for number in numbers])
                for number, answer in zip(numbers, answered, strict=True):
                    answers[number] = self._run_again(script, each[number]) if answer is AGAIN else answer
        return answers

    def _run_at(self, node: Node, script: Script, each: Sequence[Run]) -> list[Answer | SharingFailed]:
        try:
            answers = node.run_each(script, each)
        except (exceptions.RedisError, OSError) as cause:
            return [self._failure(node, cause)] * len(each)
        return [self._failure(node, answer) if isinstance(answer, Exception) else answer for answer in answers]

    def _run_again(self, script: Script, run: Run) -> Answer | SharingFailed:
        try:
            return self.run(script, *run)
        except SharingFailed as failure:
            return failure

    def node_of(self, key: str) -> Node:
        """The node that has a key. Raises ``SharingFailed`` while it is left alone."""
        places = self._places
        node = self._seed if places is None else places[key_slot(key.encode())]
        if node is None:
            self._wake.set()
            raise SharingFailed(f"no node of Redis at {self.name} has the slot of a key; repair the Cluster")
        if node.broken:
            raise SharingFailed(f"Redis at {node.name} does not answer ({node.broken}); it is tried again by itself")
        return node

    def failed(self, node: Node, cause: BaseException) -> SharingFailed:
        """Leave a node alone until it answers; the error to raise."""
        node.broken = said_by(cause)
        node.close()
        self._wake.set()
        return SharingFailed(f"Redis at {node.name} does not answer ({node.broken}); it is tried again by itself")

    def _failure(self, node: Node, cause: BaseException) -> SharingFailed:
        if isinstance(cause, UNREACHABLE):
            return self.failed(node, cause)
        self._wake.set()
        return SharingFailed(f"Redis at {node.name} refused a command ({said_by(cause)})")

    def look_again(self) -> None:
        """Have the keeper find out which node has which keys."""
        self._wake.set()

    def close(self) -> None:
        """Stop the keeper, and give connections up."""
        self._closed.set()
        self._wake.set()
        if self._keeper is not None:
            self._keeper.join()
        for node in list(self._nodes.values()):
            node.close()

    def _keep(self) -> None:
        while not self._closed.is_set():
            pause, why = _PAUSE, ""
            while not self._closed.is_set():
                self._wake.clear()
                try:
                    self.reach()
                except (SharingFailed, SharingRefused) as failure:
                    if str(failure) != why:
                        _log.warning("redis_unreachable", why=str(failure))
                    why = str(failure)
                else:
                    if why:
                        _log.info("redis_reached", address=self.name)
                    break
                self._closed.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            self._closed.wait(_REST)
            self._wake.wait()

    def _learn(self, node: Node) -> list[Node]:
        """Which node has which slots, as one node of the Cluster tells; those that have some."""
        places: list[Node | None] = [None] * _SLOTS
        found: dict[str, Node] = {}
        for first, last, (host, port, *_), *_ in node.call("CLUSTER", "SLOTS"):
            master = self._known((host or b"").decode() or node.host, port)
            found[master.name] = master
            places[first : last + 1] = [master] * (last + 1 - first)
        with self._lock:
            gone = self._nodes.keys() - found.keys() - {self._seed.name}
            closing = [self._nodes[name] for name in gone]
            self._nodes = {self._seed.name: self._seed, **found}
            self._places = places
        for other in closing:
            other.close()
        return list(found.values())

    def _known(self, host: str, port: int) -> Node:
        with self._lock:
            node = self._seed.beside(host, port)
            return self._nodes.get(node.name, node)

    def _moved(self, moved: exceptions.MovedError) -> None:
        node = self._known(moved.host or self._seed.host, moved.port)
        with self._lock:
            self._nodes[node.name] = node
            if self._places is not None:
                self._places[moved.slot_id] = node
        self._wake.set()


def said_by(cause: BaseException) -> str:
    """What went wrong, in one line."""
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]


def _uncertain(cause: BaseException | None) -> bool:
    """Whether a certificate that does not hold is behind a failure."""
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None
