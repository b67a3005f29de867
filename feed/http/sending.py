"""Sending: an answer goes out at once where the connection takes it, and within a bounded time where it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any

from starlette.types import Message, Send


async def send_within(seconds: float, send: Send, *messages: Message) -> bool:
    """Send messages in turn; False when the connection did not take them in time, and the rest was dropped.

    Most connections take a page without waiting, so a timer is only set for those that do not.
    """
    sending = _in_turn(send, messages)
    try:
        waits_for = sending.send(None)
    except StopIteration:
        return True
    try:
        async with asyncio.timeout(seconds):
            await _rest(sending, waits_for)
    except TimeoutError:
        return False
    return True


async def _in_turn(send: Send, messages: tuple[Message, ...]) -> None:
    for message in messages:
        await send(message)


@coroutine
def _rest(begun: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Go on with a coroutine that was begun by hand, and waits."""
    while True:
        failed: BaseException | None = None
        came = None
        try:
            came = yield waits_for
        except BaseException as error:
            failed = error
        try:
            waits_for = begun.send(came) if failed is None else begun.throw(failed)
        except StopIteration:
            return
