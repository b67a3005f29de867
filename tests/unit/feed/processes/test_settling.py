"""What a started server holds is not looked through again by the garbage collector."""

from __future__ import annotations

import gc

from feed.processes.serving import settle


def test_what_is_there_when_a_server_has_started_is_out_of_the_collectors_sight() -> None:
    held: list[list[object]] = [[] for _ in range(1000)]
    before = gc.get_freeze_count()
    try:
        settle()
        assert gc.get_freeze_count() >= before + len(held)
        assert not any(one is held for one in gc.get_objects())
    finally:
        gc.unfreeze()
