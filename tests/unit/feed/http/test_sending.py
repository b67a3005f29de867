"""An answer goes out at once where it can, in time where it waits, and not at all where nobody takes it."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from feed.http.sending import send_within

START: Message = {"type": "http.response.start"}
BODY: Message = {"type": "http.response.body"}


class Connection:
    """Takes messages; from ``stops_at`` on only once it is opened."""

    def __init__(self, stops_at: int = 9) -> None:
        self.taken: list[Message] = []
        self.opened = asyncio.Event()
        self.waits = asyncio.Event()
        self._stops_at = stops_at

    async def send(self, message: Message) -> None:
        if len(self.taken) >= self._stops_at:
            self.waits.set()
            await self.opened.wait()
        self.taken.append(message)


def test_what_is_taken_at_once_needs_no_time() -> None:
    async def story() -> None:
        connection = Connection()
        assert await send_within(0.0, connection.send, START, BODY)
        assert connection.taken == [START, BODY]

    asyncio.run(story())


@pytest.mark.parametrize("stops_at", [0, 1])
def test_what_waits_goes_on_in_order_once_the_connection_takes_it(stops_at: int) -> None:
    async def story() -> None:
        connection = Connection(stops_at)
        sending = asyncio.create_task(send_within(30.0, connection.send, START, BODY))
        await connection.waits.wait()
        assert len(connection.taken) == stops_at
        connection.opened.set()
        assert await sending
        assert connection.taken == [START, BODY]

    asyncio.run(story())


def test_what_nobody_takes_is_dropped() -> None:
    async def story() -> None:
        connection = Connection(1)
        assert not await send_within(0.01, connection.send, START, BODY)
        assert connection.taken == [START]

    asyncio.run(story())


def test_who_gives_up_gives_up_what_is_sent() -> None:
    async def story() -> None:
        connection = Connection(0)
        sending = asyncio.create_task(send_within(30.0, connection.send, START, BODY))
        await connection.waits.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert connection.taken == []

    asyncio.run(story())


def test_an_error_while_waiting_is_the_senders_own() -> None:
    async def story() -> None:
        async def broken(message: Message) -> None:
            await asyncio.sleep(0)
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            await send_within(30.0, broken, START, BODY)

    asyncio.run(story())
