"""Connections that wait are taken all at once, but for no more than is said; afterwards none."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack

import pytest

from feed.http.accepting import accepting


class Greeter(asyncio.Protocol):
    made = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        type(self).made += 1


@pytest.mark.parametrize(("most", "turns", "expected"), [(512, 2, 40), (3, 2, 3), (3, 30, 40)])
def test_those_that_wait_are_taken_turn_by_turn(most: int, turns: int, expected: int) -> None:
    class Counted(Greeter):
        made = 0

    async def taken() -> int:
        with ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
            for _ in range(40):
                stack.enter_context(socket.create_connection(listener.getsockname()))
            with accepting(listener, Counted, most):
                for _ in range(turns):
                    await asyncio.sleep(0)
            # What was accepted gets its protocol in the turns after.
            for _ in range(10):
                await asyncio.sleep(0)
            return Counted.made

    assert asyncio.run(taken()) == expected


def test_afterwards_nobody_is_taken() -> None:
    async def taken() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            with accepting(listener, Greeter):
                pass
            with socket.create_connection(listener.getsockname()):
                for _ in range(10):
                    await asyncio.sleep(0)
        return Greeter.made

    assert asyncio.run(taken()) == 0
