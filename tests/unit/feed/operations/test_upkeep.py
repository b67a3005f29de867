from __future__ import annotations

import asyncio

import anyio

from feed.operations.upkeep import _every, expire_servings
from feed.storage.records import ServingRecord
from tests.journeys.http_service import running


def test_servings_are_kept_for_their_days_and_no_longer(tmp_path):
    with running(tmp_path, servings_days=2) as http:
        now = http.service.clock.now()
        ages = {"old": 2 * 86_400 + 60, "young": 2 * 86_400 - 600}
        for name, age in ages.items():
            record = ServingRecord(name, "r1", now - age, 0, 0, now, "", b"", b"")
            http.service.store.servings.record([record]).result()
        anyio.run(expire_servings, http.service)
        assert http.service.store.servings.get("old") is None
        assert http.service.store.servings.get("young") is not None


def test_a_job_that_fails_unexpectedly_is_tried_again():
    tries: list[None] = []

    async def job():
        tries.append(None)
        if len(tries) == 1:
            raise RuntimeError("nobody expected this")

    async def watched():
        task = asyncio.create_task(_every(0, job))
        with anyio.fail_after(5):
            while len(tries) < 3:
                await anyio.sleep(0)
        task.cancel()

    asyncio.run(watched())
