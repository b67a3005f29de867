"""Hearing what others send: one connection of its own, one thread, and no message missed without a word.

Messages are numbered without gaps. One is missed when the numbers are not, when Redis runs as another process than
before (it may have lost its end), or when a sender says that it could not send; then the process is told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import structlog
from redis.exceptions import RedisError, TimeoutError

from feed.storage.errors import SharingFailed
from feed.storage.ports.sharing import Message, Topic
from feed.storage.redis.nodes import REQUEST_SECONDS, UNREACHABLE, Answer, Connection, Node
from feed.storage.redis.place import GAP, LEFT, Place
from feed.storage.redis.scripts import LOOK
from feed.storage.redis.server import Server, said_by

PATIENCE = 1.0
"""Seconds after which a process that hears nothing knows that it is cut off."""

_BLOCK = 0.2
"""Seconds for which Redis waits for a message before it says that there is none."""

_MOST = 1000
"""Messages taken at once."""

_PACE = 0.002
"""Least seconds between two answers while messages come, so that many are taken together."""

_PAUSE, _LONGEST_PAUSE = 0.01, 0.3

_log = structlog.get_logger("weir")


class Listening:
    """The thread that hears."""

    def __init__(
        self,
        server: Server,
        place: Place,
        heard: Callable[[Sequence[Message]], None],
        lost: Callable[[], None],
    ) -> None:
        self._server = server
        self._place = place
        self._heard = heard
        self._lost = lost
        self._last = 0
        self._run = ""
        self._missed = True
        self._came = 0.0
        self._renewed: float | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="weir-bus-listening", daemon=True)
        self._thread.start()

    def current(self) -> bool:
        """Whether everything sent ``PATIENCE`` seconds ago was heard."""
        renewed = self._renewed
        return renewed is not None and time.monotonic() - renewed < PATIENCE

    def leaving(self) -> None:
        """End after the next message or wait."""
        self._closed.set()

    def close(self) -> None:
        """Wait for the end."""
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _listen(self) -> None:
        pause, why = _PAUSE, ""
        while not self._closed.is_set():
            try:
                node = self._server.node_of(self._place.keys[0])
                for _ in self._turns(node):
                    pause, why = _PAUSE, ""
            except SharingFailed as failure:
                if str(failure) != why:
                    _log.warning("bus_unheard", why=str(failure))
                why = str(failure)
            self._closed.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _turns(self, node: Node) -> Iterator[None]:
        """Take what comes over one connection, until closed or broken."""
        try:
            connection = node.connected(_BLOCK + REQUEST_SECONDS)
        except UNREACHABLE as cause:
            raise self._server.failed(node, cause) from None
        try:
            while not self._closed.is_set():
                self._turn(connection)
                yield
        except TimeoutError as cause:
            raise self._server.failed(node, cause) from None
        except UNREACHABLE as cause:
            raise SharingFailed(f"Redis at {node.name} ended the connection ({said_by(cause)})") from None
        except RedisError as cause:
            self._server.look_again()
            raise SharingFailed(f"Redis at {node.name} refused to tell what was sent ({said_by(cause)})") from None
        finally:
            connection.disconnect()

    def _turn(self, connection: Connection) -> None:
        asked = time.monotonic()
        keys = self._place.keys
        look = ["EVAL", LOOK.text, len(keys), *keys, *self._place.mark]
        read = ["XREAD", "COUNT", _MOST, "BLOCK", int(_BLOCK * 1000), "STREAMS", keys[2], f"{self._last}-0"]
        commands = [look] if self._missed else [look, read]
        connection.send_packed_command(connection.pack_commands(commands))
        answers = [connection.read_response(disconnect_on_error=False) for _ in commands]
        head, run = self._place.read(answers[0])
        entries = answers[1][0][1] if len(answers) > 1 and answers[1] else []
        self._take(head, run, entries)
        self._renewed = None if self._missed else asked
        if entries:
            self._closed.wait(max(self._came + _PACE - time.monotonic(), 0))
            self._came = time.monotonic()

    def _take(self, head: int, run: str, entries: Answer) -> None:
        """Tell the process what came, and whether it missed something."""
        numbers = [int(number.partition(b"-")[0]) for number, _ in entries]
        missed = (
            self._missed
            or run != self._run
            or head < self._last
            or numbers != list(range(self._last + 1, self._last + 1 + len(numbers)))
            or (len(numbers) < _MOST and self._last + len(numbers) < head)
        )
        self._missed = True
        try:
            if missed:
                self._lost()
            for gap, messages in self._parts(values for _, values in entries):
                if messages:
                    self._heard(messages)
                if gap:
                    self._lost()
        except Exception:
            _log.exception("messages_not_taken")
            return
        self._run = run
        self._last = max([head, *numbers]) if missed else self._last + len(numbers)
        self._place.position = self._last
        self._missed = False

    def _parts(self, entries: Iterable[list[bytes]]) -> Iterator[tuple[bool, list[Message]]]:
        """What others sent, divided where one of them could not send; whether there is such a gap after each part."""
        messages: list[Message] = []
        for values in entries:
            said = dict(zip(values[::2], values[1::2], strict=True))
            topic = said[b"topic"].decode()
            if said[b"from"] == self._place.sender.encode() or topic == LEFT:
                continue
            if topic == GAP:
                yield True, messages
                messages = []
            else:
                messages.append(Message(Topic(topic), said[b"key"].decode(), said[b"content"]))
        yield False, messages
